"""Settings -> clients. Called by the composition roots only; nothing connects before it is used."""

import base64
import binascii
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import clickhouse_connect
import redis
import redis.asyncio
import urllib3
from minio import Minio

from infra.access.keyring import Keyring
from infra.access.keyring_s3 import S3KeyStore
from infra.access.tls import trust
from infra.clock import Clock
from infra.redis.together import TogetherRedis
from infra.redis.watch import Address, Watch
from infra.settings import InvalidSettings, Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client as ClickHouse

_REDIS_S = 5.0
_S3 = urllib3.Timeout(connect=3.0, read=30.0)


def redis_client(settings: Settings) -> "redis.Redis":
    """The write side's client; text in, text out."""
    return redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        **_redis_trust(settings),
        decode_responses=True,
        socket_timeout=_REDIS_S * 4,  # a transaction of 10,000 commands takes its time
        socket_connect_timeout=_REDIS_S,
        health_check_interval=15,
    )


def patient_redis_client(settings: Settings) -> "redis.asyncio.Redis":
    """The read side's client: it waits out a Redis that is gone for a moment. Sends reads again, so it is
    for reads only."""
    return async_redis_client(settings).patient(settings.redis_patience_s)


def async_redis_client(settings: Settings, connections: int = 64) -> TogetherRedis:
    """A client for one event loop: who finds no free connection in time fails, and does not wait."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.redis_url.get_secret_value(),
        **_redis_trust(settings),
        decode_responses=True,
        socket_timeout=_REDIS_S,
        socket_connect_timeout=1.0,
        max_connections=connections,
        timeout=_REDIS_S,
        health_check_interval=15,
    )
    return cast(TogetherRedis, TogetherRedis.from_pool(pool))  # and closes it


def watch_client(settings: Settings) -> Watch:
    """The read side's second connection, which hears what changed. Connects when it is first asked."""
    url = settings.redis_url.get_secret_value()
    said: dict[str, Any] = redis.connection.parse_url(url)  # type: ignore[no-untyped-call]
    return Watch(
        Address(
            host=said.get("host", "localhost"),
            port=said.get("port", 6379),
            database=said.get("db", 0),
            user=said.get("username") or "",
            password=said.get("password") or "",
            trust=trust(settings.ca_file) if url.startswith("rediss://") else None,
        )
    )


def clickhouse_client(settings: Settings, reader: bool = False) -> "ClickHouse":
    """A client as the writer, or as the read-only user. Connects at once; raises clickhouse_connect's
    errors when the server does not answer. Not to be shared by threads."""
    url = urlsplit(settings.clickhouse_url)
    password = settings.clickhouse_reader_password if reader else settings.clickhouse_password
    return clickhouse_connect.get_client(
        host=url.hostname or "127.0.0.1",
        port=url.port or (8443 if url.scheme == "https" else 8123),
        secure=url.scheme == "https",
        ca_cert=settings.ca_file or None,
        database=settings.clickhouse_database,
        username=settings.clickhouse_reader if reader else settings.clickhouse_user,
        password=password.get_secret_value(),
        connect_timeout=5,
        send_receive_timeout=60,
        autogenerate_session_id=False,  # a session admits one query at a time
    )


def s3_client(settings: Settings, endpoint: str = "") -> Minio:
    """A client of the S3 server, or of another address of it (host:port or URL; for presigned URLs)."""
    scheme, _, host = (endpoint or settings.s3_endpoint).rpartition("://")
    secure = scheme == "https" if scheme else settings.s3_secure
    settings.need("s3_access_key", "s3_secret_key")
    return Minio(
        host.rstrip("/"),
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=secure,
        region=settings.s3_region,  # given, so that presigning asks nobody
        http_client=urllib3.PoolManager(
            timeout=_S3,
            maxsize=32,
            retries=urllib3.Retry(2, backoff_factor=0.1),
            ssl_context=trust(settings.ca_file) if secure else None,
        ),
    )


def keyring(settings: Settings, clock: Clock) -> Keyring:
    """The keyring in its bucket, under the settings' master key. Raises InvalidSettings."""
    trusted = trust(settings.ca_file) if settings.s3_secure else None
    store = S3KeyStore(s3_client(settings), settings.bucket_keyring, trusted)
    return Keyring(store, master_key(settings), clock)


def master_key(settings: Settings) -> bytes:
    """The 32 bytes that wrap the sealing keys; raises InvalidSettings."""
    settings.need("master_key")
    try:
        master = base64.b64decode(settings.master_key.get_secret_value(), validate=True)
    except binascii.Error:
        raise InvalidSettings("REELFOLD_MASTER_KEY: not base64") from None
    if len(master) != 32:
        raise InvalidSettings("REELFOLD_MASTER_KEY: 32 bytes, base64")
    return master


def _redis_trust(settings: Settings) -> dict[str, Any]:
    """What a rediss:// address needs; a redis:// one would not know it."""
    if not settings.redis_url.get_secret_value().startswith("rediss://") or not settings.ca_file:
        return {}
    return {"ssl_ca_certs": settings.ca_file, "ssl_check_hostname": True}
