"""Composition root: the environment -> settings -> clients -> parts -> the application.

`python -m api.serve` serves it. A setting that is wrong ends the process with a message that names it;
a server that is down does not: routes that need it answer 503.
"""

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable

import redis.asyncio
from fastapi import FastAPI

from api.app import build
from api.callers.accounts import Authenticator
from api.callers.credentials import Credentials, NoKeys, SharedKey, SigningKeys, load_keys
from api.callers.jwks import Jwks
from api.events.places import StorePlaces
from api.parts import Parts
from api.reading.readers import RedisReadSource
from api.reading.redis_readers import redis_readers
from infra import clients, telemetry
from infra.background import BackgroundLog
from infra.clock import Clock, SystemClock
from infra.kafka import config as kafka_config
from infra.kafka.publisher import Publisher
from infra.redis.watch import Watch
from infra.registry import load_book
from infra.settings import Settings
from projections.first_pages import FirstPages
from projections.renditions.s3 import S3Objects

FLUSH_S = 20.0
GARBAGE = 20_000, 20, 50
"""Allocations between two looks for cycles, and how many of those between deeper ones: requests leave few."""


def app() -> FastAPI:
    """The application that the environment describes."""
    settings = Settings.from_env(os.environ)
    telemetry.configure(settings.log_level, "api")
    settings.need("cursor_secret")
    clock = SystemClock()
    log = Publisher(kafka_config.producer(settings), load_book(settings), settings.produce_deadline_s)
    background = BackgroundLog(log)
    store = clients.patient_redis_client(settings)
    watch = clients.watch_client(settings)
    public = clients.s3_client(settings, settings.upload_base_url) if settings.upload_base_url else None
    parts = Parts(
        settings=settings,
        clock=clock,
        log=log,
        background=background,
        objects=S3Objects(clients.s3_client(settings), public),
        keyring=clients.keyring(settings, clock),
        auth=authenticator(settings, clock),
        reads=RedisReadSource(store, redis_readers(store, settings)),
        places=StorePlaces(store, settings),
        pages=FirstPages(watch, settings.feed_cap),
    )
    built = build(parts, closer(background, log, store, watch))
    # What is there by now stays: looking for garbage in it was a twentieth of a warm read.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    return built


def authenticator(settings: Settings, clock: Clock) -> Authenticator:
    """Who checks credentials: JWKS where there is one, else the shared key; and the API keys."""
    signing: SigningKeys = NoKeys()
    if settings.jwt_jwks_url:
        signing = Jwks(settings.jwt_jwks_url, clock)
    elif secret := settings.jwt_secret.get_secret_value():
        signing = SharedKey(secret)
    return Credentials(load_keys(settings.api_keys_file), signing, settings.jwt_audience, clock)


def closer(
    background: BackgroundLog, log: Publisher, store: redis.asyncio.Redis, watch: Watch
) -> Callable[[], Awaitable[None]]:
    """What runs when the server has stopped accepting: nothing that was taken in is left behind."""

    async def close() -> None:
        await background.close()
        await asyncio.to_thread(log.close, FLUSH_S)
        watch.close()
        await store.aclose()

    return close
