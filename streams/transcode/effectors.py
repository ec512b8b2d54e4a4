"""What acts on the world: transcodes. They work in the live generation's worker only; a replay has none."""

from collections.abc import Callable

import faust

from infra.clients import async_redis_client, s3_client
from infra.clock import Clock
from infra.kafka.config import producer
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from projections.renditions.redis import RedisLeases, RedisRenditionsReads
from projections.renditions.s3 import S3Objects
from schemas.book import SchemaBook
from streams.transcode import jobs
from streams.transcode.effector import TranscodeEffector
from streams.transcode.steps import Steps


def transcoder(
    app: faust.App, settings: Settings, book: SchemaBook, clock: Clock, is_live: Callable[[], bool]
) -> TranscodeEffector:
    """The effector, not started, and its wake-up topic on the app. It takes jobs while ``is_live``."""
    client = async_redis_client(settings, connections=8)
    effector = TranscodeEffector(
        RedisRenditionsReads(client, settings.generation),
        RedisLeases(client),
        Publisher(producer(settings), book, settings.produce_deadline_s),
        Steps(S3Objects(s3_client(settings)), settings, clock),
        settings.data / "scratch" / f"{settings.worker_slot}-g{settings.generation}",
        is_live,
    )
    jobs.register(app, effector, book)
    return effector
