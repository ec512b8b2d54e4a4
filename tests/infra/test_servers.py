"""The servers that are not ours come up from the table and answer in their own protocols."""

import json

import httpx
import pytest
import redis
from confluent_kafka.admin import AdminClient
from minio import Minio

from infra.cache import Cache
from infra.provision.buckets import ensure_buckets
from infra.provision.topics import WrongPartitions, ensure_topics, topic_config
from infra.registry import RegistryUnavailable, ensure, load_book, lookup, save_book
from infra.settings import InvalidSettings, Settings
from infra.stack.table import stack
from schemas.catalogue import versions
from schemas.errors import UnknownSchema
from schemas.topics import TOPICS, Topic
from tests.stack import Servers, free_ports

pytestmark = pytest.mark.servers


def test_redis_evicts_nothing_and_needs_a_password(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    address = redis_url.rpartition("@")[2]
    with (
        redis.Redis.from_url(f"redis://{address}") as stranger,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        stranger.ping()


def test_topics_are_made_once_and_keep_their_partitions(kafka_bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    ensure_topics(admin)
    assert ensure_topics(admin) == []
    standing = admin.list_topics(timeout=10).topics
    assert {t.name: t.partitions for t in TOPICS}.items() <= {
        name: len(held.partitions) for name, held in standing.items()
    }.items()
    with pytest.raises(WrongPartitions, match=r"rf\.graph\.v1 has 4 partitions"):
        ensure_topics(admin, [Topic("rf.graph.v1", "actor_id", (), partitions=8)])


def test_topics_take_their_time_from_the_broker() -> None:
    assert {topic_config(topic)["message.timestamp.type"] for topic in TOPICS} == {"LogAppendTime"}


def test_of_several_copies_one_may_be_gone() -> None:
    kept = [topic_config(TOPICS[0], copies)["min.insync.replicas"] for copies in (1, 2, 3)]
    assert kept == ["1", "1", "2"]


def test_every_port_has_an_api_process_of_its_own() -> None:
    environment = {"REELFOLD_API_PORT": "8080", "REELFOLD_API_MORE_PORTS": "8081,8082"}
    parts = stack(environment, Cache.from_env({}))
    found = {part.name: part.url.rpartition(":")[2] for part in parts if part.name.startswith("api")}
    assert found == {"api": "8080", "api-2": "8081", "api-3": "8082"}
    with pytest.raises(InvalidSettings, match="API_MORE_PORTS"):
        Settings.from_env({"REELFOLD_API_MORE_PORTS": "8081, 8082"})


def test_media_can_be_read_by_anyone_and_nothing_else(s3_settings: Settings) -> None:
    client = Minio(
        s3_settings.s3_endpoint,
        access_key=s3_settings.s3_access_key.get_secret_value(),
        secret_key=s3_settings.s3_secret_key.get_secret_value(),
        region=s3_settings.s3_region,
        secure=False,
    )
    ensure_buckets(client, s3_settings)
    assert ensure_buckets(client, s3_settings) == []
    for bucket, expected in ((s3_settings.bucket_media, 200), (s3_settings.bucket_keyring, 403)):
        client.fput_object(bucket, "here/test.json", __file__)
        answer = httpx.get(
            f"http://{s3_settings.s3_endpoint}/{bucket}/here/test.json",
            headers={"Origin": "http://localhost"},
        )
        assert answer.status_code == expected
        if expected == 200:
            assert answer.headers["access-control-allow-origin"] == "*"


def test_schemas_are_registered_once(servers: Servers) -> None:
    settings = servers.start("registry")
    book = ensure(settings)
    assert ensure(settings).by_id.keys() == book.by_id.keys()
    assert book.newest.keys() == versions().keys()
    save_book(servers.settings, book)
    assert load_book(servers.settings).newest == book.newest
    some = book.id_of("video.liked")
    assert lookup(settings, some).event_type == "video.liked"
    with pytest.raises(UnknownSchema):
        lookup(settings, 10**6)


def test_the_registry_refuses_a_change_that_breaks_readers(servers: Servers) -> None:
    settings = servers.start("registry")
    ensure(settings)
    schema = versions()["video.liked"][-1]
    broken = dict(schema.raw) | {
        "fields": [*schema.fields, {"name": "must_have", "type": "string", "doc": "no default"}]
    }
    answer = httpx.post(
        f"{settings.registry_url}/subjects/{schema.subject}/versions",
        json={"schema": json.dumps(broken)},
    )
    assert answer.status_code == 409


def test_a_registry_that_is_not_there_is_said_so() -> None:
    (port,) = free_ports(1)
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        ensure(Settings(registry_url=f"http://127.0.0.1:{port}"))
