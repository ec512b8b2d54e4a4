"""The stack with REELFOLD_STACK_TLS: everything goes over TLS, and who is not let in is told why."""

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import redis
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, KafkaException
from minio.error import S3Error
from pydantic import SecretStr

from infra.access.keyring_s3 import S3KeyStore
from infra.access.principals import API, WORKER
from infra.access.tls import trust
from infra.clients import clickhouse_client, redis_client, s3_client
from infra.clock import SystemClock, new_event_id
from infra.kafka.config import consumer, producer
from infra.kafka.publisher import LogUnavailable, Publisher
from infra.kafka.refusal import admin_client
from infra.registry import RegistryUnavailable, load_book, lookup, registry_client
from infra.settings import Settings
from infra.stack.secret_file import kept_secrets, principal_word
from tests.builders import described, view_started
from tests.e2e.supervised import Stack, started, stopped
from tests.e2e.town import Town, agreed, by_person, client_of, publisher_of, settle_in

PLAYBACK = "reelfold-playback"


@pytest.fixture(scope="module")
def wired() -> Iterator[Stack]:
    """`REELFOLD_STACK_TLS=true reelfold up`."""
    stack = started({"REELFOLD_STACK_TLS": "true"})
    try:
        yield stack
    finally:
        stopped(stack)


@pytest.fixture
def settings(wired: Stack) -> Settings:
    return wired.settings


def changed(settings: Settings, **fields: Any) -> Settings:
    """These settings, but for some."""
    return Settings.model_validate(settings.model_dump() | fields)


def as_(settings: Settings, name: str, password: str = "") -> Settings:
    """These settings, for another name at the broker."""
    own = password or kept_secrets(settings.data)[principal_word(name)]
    return changed(settings, kafka_username=name, kafka_password=SecretStr(own))


def ours(settings: Settings) -> Publisher:
    return Publisher(producer(settings), load_book(settings), 10.0)


async def test_events_are_posted_folded_and_read(wired: Stack) -> None:
    settings = wired.settings
    await wired.well()
    client, trusted = client_of(settings), publisher_of(settings)
    town = Town.named("wired", users=4, videos=2)
    try:
        await settle_in(town, client, trusted)
        sent = town.load(seed=5, views=40)
        await by_person(client, sent)
        await agreed(client, town, sent)  # counts in Redis, and in ClickHouse over https
        assert (await client.query("SELECT count() AS n FROM events"))[0]["n"] not in (0, "0")
    finally:
        await client.close()
        trusted.close()


def test_every_address_is_one_of_tls(wired: Stack, settings: Settings) -> None:
    schemes = [
        urlsplit(url).scheme
        for url in (settings.redis_url.get_secret_value(), settings.clickhouse_url, settings.registry_url)
    ]
    assert schemes == ["rediss", "https", "https"]
    assert (settings.s3_secure, settings.kafka_security) == (True, "SASL_SSL")
    assert settings.media_base_url.startswith("https://")
    assert {part.state for part in wired.status().parts} <= {"ready", "done"}
    found = {one["what"]: one for one in json.loads(wired.reelfold("doctor", "--json").stdout)}
    parts = {part.name for part in wired.status().parts}
    assert [name for name in sorted({*parts, "secrets"}) if not found[name]["well"]] == []


def test_a_player_fetches_media_over_https(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "master.m3u8"
    path.write_text("#EXTM3U\n")
    store = s3_client(settings)
    store.fput_object(settings.bucket_media, "a/b/v1/master.m3u8", str(path), "application/vnd.apple.mpegurl")
    answer = httpx.get(f"{settings.media_base_url}/a/b/v1/master.m3u8", verify=_trusting(settings))
    assert (answer.status_code, answer.text) == (200, "#EXTM3U\n")
    keys = S3KeyStore(store, settings.bucket_keyring, _trusting(settings))
    assert keys.create("wired", b"{}") == b"{}"  # a presigned PUT, over https too
    keys.delete("wired")


async def test_a_trusted_producer_writes_to_its_own_topics_and_to_no_other(settings: Settings) -> None:
    own = as_(settings, PLAYBACK)
    trusted, now = ours(own), SystemClock().now_ms()
    about: dict[str, Any] = {"source": "/svc/playback"}
    try:
        view = view_started("wired-user-0", "wired-video-0", new_event_id(now), now, **about)
        await trusted.publish_all([view])
        with pytest.raises(LogUnavailable, match="Topic authorization failed"):
            await trusted.publish_all([described("wired-user-0", "wired-video-0", now, title="not mine")])
    finally:
        trusted.close(2.0)
    assert "Group authorization failed" in _read(own, "reelfold.spy", "rf.playback.v1")
    assert "Group authorization failed" in _read(as_(settings, API), "reelfold.spy", "rf.playback.v1")
    worker = ours(as_(settings, WORKER))
    with pytest.raises(LogUnavailable, match="Topic authorization failed"):
        await worker.publish_all([view])
    worker.close(2.0)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("invalid credentials", lambda s: as_(s, API, "wrong")),
        ("certificate verify failed", lambda s: changed(s, ca_file="")),
        ("REELFOLD_KAFKA_SECURITY", lambda s: changed(s, kafka_security="PLAINTEXT", ca_file="")),
    ],
)
def test_the_broker_turns_strangers_away(
    settings: Settings, said: str, change: Callable[[Settings], Settings]
) -> None:
    with pytest.raises(KafkaException, match=said), admin_client(change(settings), 2.0):
        pass


def test_redis_turns_strangers_away(settings: Settings) -> None:
    right = settings.redis_url.get_secret_value()
    assert redis_client(settings).ping()
    for url, ca_file, error in (
        (right.replace("rediss://", "redis://"), settings.ca_file, redis.ConnectionError),
        (f"rediss://:wrong@{right.rpartition('@')[2]}", settings.ca_file, redis.AuthenticationError),
        (right, "", redis.ConnectionError),
    ):
        stranger = redis_client(changed(settings, redis_url=SecretStr(url), ca_file=ca_file))
        with pytest.raises(error, match=r"closed|reset|invalid username-password|CERTIFICATE_VERIFY_FAILED"):
            stranger.ping()
        stranger.close()


def test_s3_turns_strangers_away(settings: Settings) -> None:
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        s3_client(changed(settings, s3_secret_key=SecretStr("wrong"))).list_buckets()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{settings.s3_endpoint}/")
    assert httpx.get(f"{settings.media_base_url}/none.m3u8", verify=_trusting(settings)).status_code == 404
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{settings.media_base_url}/none.m3u8")


def test_clickhouse_turns_strangers_away(settings: Settings) -> None:
    parts = urlsplit(settings.clickhouse_url)
    with pytest.raises(ClickHouseError, match="Authentication failed"):
        clickhouse_client(changed(settings, clickhouse_password=SecretStr("wrong")))
    with pytest.raises(ClickHouseError, match="certificate verify failed"):
        clickhouse_client(changed(settings, ca_file=""))
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{parts.netloc}/ping")
    assert httpx.get(f"{settings.clickhouse_url}/ping", verify=_trusting(settings)).status_code == 200


def test_the_registry_speaks_tls_only(settings: Settings) -> None:
    with registry_client(settings) as client:
        assert client.get("/subjects").status_code == 200
    for stranger in (
        changed(settings, ca_file=""),
        changed(settings, registry_url=settings.registry_url.replace("https:", "http:")),
    ):
        with pytest.raises(RegistryUnavailable, match="does not answer"):
            lookup(stranger, 1)


def test_no_secret_is_told(wired: Stack, settings: Settings) -> None:
    words = {name: text for name, text in kept_secrets(settings.data).items() if name != "s3_access_key"}
    assert len([name for name in words if name.startswith("kafka:")]) == 5
    told = {
        path.name: path.read_text("utf-8", "replace") for path in sorted((wired.data / "logs").glob("*.log"))
    }
    told["status"] = wired.reelfold("status", "--json").stdout + wired.reelfold("status").stdout
    for part in wired.status().parts:
        if part.pid:
            process = psutil.Process(part.pid)
            told |= {f"{one.name()} {one.pid}": " ".join(one.cmdline()) for one in _family(process)}
            mine = {name for name, text in words.items() if text in " ".join(process.environ().values())}
            kafka = {name for name in mine if name.startswith("kafka:")}
            assert kafka == {f"kafka:reelfold-{part.name}"} & kafka, f"{part.name} knows {kafka}"
    assert [
        (where, name) for where, text in told.items() for name, word in words.items() if word in text
    ] == []
    private = [*(wired.data / "tls").iterdir(), wired.data / "secrets.json"]
    private += [wired.data / "kafka" / name for name in ("server.properties", "format.args")]
    assert [path.name for path in private if path.stat().st_mode & 0o077] == []


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _read(settings: Settings, group: str, topic: str) -> str:
    reader = Consumer(consumer(settings, group) | {"auto.offset.reset": "earliest"})
    try:
        reader.subscribe([topic])
        message = reader.poll(10.0)
        return str(message.error()) if message is not None else "silence"
    finally:
        reader.close()


def _trusting(settings: Settings) -> ssl.SSLContext:
    return trust(settings.ca_file)
