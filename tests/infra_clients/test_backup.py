"""A stack is backed up; an empty one gets it back: keys open, ids are equal, the archive is whole."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from pydantic import SecretStr

from infra.backup.folder import BackupFailed, BackupFolder
from infra.backup.making import Outcome, backup
from infra.backup.restoring import Restored, restore
from infra.clients import keyring, s3_client
from infra.clock import SystemClock, new_event_id
from infra.kafka.config import connection, producer
from infra.kafka.publisher import Publisher
from infra.provision.buckets import ensure_buckets
from infra.provision.topics import ensure_topics
from infra.registry import ensure, load_book, registry_client, save_book
from infra.settings import Settings
from schemas.topics import BY_NAME
from streams.archive import status
from streams.archive.archiving import archive
from streams.archive.now import archive_now
from streams.archive.refill import CannotRefill, refill
from tests.builders import commented
from tests.stack import Servers

pytestmark = pytest.mark.servers
CLOCK = SystemClock()
TEXT = "what only she may read"
TOPIC = "rf.engagement.v1"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A comment's text as the log has it."""

    pii: str
    key_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Backed:
    """A stack with data, and its backup."""

    settings: Settings
    folder: Path
    first: Outcome
    sealed: Sealed


def changed(settings: Settings, **fields: Any) -> Settings:
    return Settings.model_validate(settings.model_dump() | fields)


def quiet(*_: object) -> None:
    """Nobody watches."""


def backed_up(settings: Settings, folder: Path, erased: bool = False) -> Outcome:
    return backup(settings, folder, "2026-11-21T00:00:00.000+00:00", "1", True, erased, quiet)


def brought_back(settings: Settings, folder: Path, merge: bool = False) -> Restored:
    return restore(settings, folder, merge, quiet)


@pytest.fixture(scope="module")
def backed(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    """The session's servers under bucket names of our own, with a sealed comment in the log."""
    names = ("uploads", "originals", "media", "keyring", "archive")
    own: dict[str, Any] = {f"bucket_{name}": f"backed-{name}" for name in names}
    settings = changed(
        servers.start("kafka", "s3", "registry"), **own, data=tmp_path_factory.mktemp("backed")
    )
    ensure_topics(AdminClient(connection(settings)))
    save_book(settings, ensure(settings))
    store = s3_client(settings)
    ensure_buckets(store, settings)
    path = tmp_path_factory.mktemp("media") / "master.m3u8"
    path.write_text("#EXTM3U\n")
    about: Any = {"Cache-Control": "max-age=60"}
    store.fput_object(settings.bucket_media, "a/v1/master.m3u8", str(path), "application/x-mpegurl", about)
    sealed = _comment(settings)
    assert archive_now(settings, CLOCK, [TOPIC]) >= 1
    folder = tmp_path_factory.mktemp("backup")
    return Backed(settings, folder, backed_up(settings, folder), sealed)


@pytest.fixture(scope="module")
def empty(backed: Backed) -> Iterator[Settings]:
    """Another stack, provisioned and unused, whose registry counts from another number."""
    other = Servers()
    try:
        settings = other.start("kafka", "s3", "registry")
        with registry_client(settings) as client:
            odd = json.dumps({"type": "record", "name": "Odd", "fields": []})
            client.post("/subjects/odd/versions", json={"schema": odd}).raise_for_status()
        save_book(settings, ensure(settings))
        ensure_topics(AdminClient(connection(settings)))
        yield changed(settings, master_key=backed.settings.master_key)
    finally:
        other.stop()


def _comment(settings: Settings) -> Sealed:
    now = CLOCK.now_ms()
    event_id = new_event_id(now)
    pii, key_id = keyring(settings, CLOCK).seal("ann", event_id, {"text": TEXT})
    keyring(settings, CLOCK).seal("bob", event_id, {"text": "his"})
    keyring(settings, CLOCK).seal("eve", event_id, {"text": "hers"})
    log = Publisher(producer(settings), load_book(settings))
    said = commented("ann", "film", "c1", now, event_id=event_id, pii=pii, pii_key_id=key_id)
    log.publish_and_wait([said], 20.0)
    log.close()
    return Sealed(pii, key_id, event_id)


def records(settings: Settings) -> list[tuple[object, ...]]:
    """Everything in the topic."""
    found: list[tuple[object, ...]] = []
    reader = Consumer(connection(settings) | {"group.id": "reelfold.test"})
    try:
        for number in range(BY_NAME[TOPIC].partitions):
            _, end = reader.get_watermark_offsets(TopicPartition(TOPIC, number), 20.0)
            reader.assign([TopicPartition(TOPIC, number, 0)])
            for one in reader.consume(end, 20.0) if end else []:
                place = (one.partition(), one.offset(), one.timestamp()[1])
                found.append((*place, one.key(), one.value(), one.headers()))
    finally:
        reader.close()
    return found


def test_a_backup_counts_what_it_holds_and_is_private(backed: Backed) -> None:
    parts = backed.first.manifest.parts
    assert set(parts) == {"archive", "keyring", "originals", "media", "registry"}
    assert (parts["keyring"].objects, parts["media"].objects) == (3, 1)
    assert parts["archive"].objects >= 2
    files = [path for path in backed.folder.rglob("*") if path.is_file()]
    assert len(files) >= sum(part.objects for part in parts.values())
    assert [path for path in files if path.name != ".lock" and path.stat().st_mode & 0o077] == []
    master = backed.settings.master_key.get_secret_value()
    assert not any(master.encode() in path.read_bytes() for path in files)


def test_a_second_run_moves_only_what_is_new(backed: Backed, tmp_path: Path) -> None:
    again = backed_up(backed.settings, backed.folder)
    assert sum(again.moved.values()) == 0
    assert again.manifest.parts == backed.first.manifest.parts
    (backed.folder / "manifest.json").rename(tmp_path / "manifest.json")  # as if the first had been killed
    resumed = backed_up(backed.settings, backed.folder)
    assert sum(count for part, count in resumed.moved.items() if part != "registry") == 0
    files = {"archive", "keyring", "media"}  # the registry's own export is stamped with the time
    assert all(resumed.manifest.parts[part] == backed.first.manifest.parts[part] for part in files)


def test_nothing_is_written_of_a_damaged_backup_or_under_another_master_key(
    backed: Backed, empty: Settings
) -> None:
    path = next((backed.folder / "archive").rglob("*.avro"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    with pytest.raises(BackupFailed, match=r"is damaged or gone; nothing was restored"):
        brought_back(empty, backed.folder)
    path.write_bytes(whole)
    other = changed(empty, master_key=SecretStr("A" * 43 + "="))
    with pytest.raises(BackupFailed, match=r"does not open with this master key: nothing was restored"):
        brought_back(other, backed.folder)
    with pytest.raises(BackupFailed, match=r"holds no backup"):
        brought_back(empty, backed.folder / "archive")
    assert not s3_client(empty).bucket_exists(empty.bucket_archive)


def test_an_empty_stack_gets_everything_back(backed: Backed, empty: Settings) -> None:
    known = load_book(backed.settings)
    assert load_book(empty).newest != known.newest
    done = brought_back(empty, backed.folder)
    assert done.moved["keyring"] == 3
    assert done.schemas == len(known.by_id)
    assert dict(load_book(empty).by_id) == dict(known.by_id)
    assert dict(ensure(empty).newest) == dict(known.newest)
    sealed = backed.sealed
    assert keyring(empty, CLOCK).open(sealed.pii, sealed.key_id, sealed.event_id) == {"text": TEXT}
    keys = [(TOPIC, number) for number in range(4)]
    checked = list(status.verify(archive(empty), keys))
    assert checked
    assert [reason for _, reason in checked if reason] == []
    played = httpx.get(f"http://{empty.s3_endpoint}/{empty.bucket_media}/a/v1/master.m3u8")
    assert (played.status_code, played.text) == (200, "#EXTM3U\n")
    assert played.headers["content-type"] == "application/x-mpegurl"
    assert played.headers["cache-control"] == "max-age=60"
    again = brought_back(empty, backed.folder)
    assert (sum(again.moved.values()), again.schemas) == (0, 0)


def test_the_log_is_what_it_was_byte_for_byte(backed: Backed, empty: Settings) -> None:
    held = records(backed.settings)
    assert refill(empty, archive(empty), quiet, [TOPIC]) == len(held) > 0
    assert records(empty) == held  # places, times, keys, values, headers
    assert refill(empty, archive(empty), quiet, [TOPIC]) == 0
    admin = AdminClient(connection(empty))
    topic = ConfigResource(ResourceType.TOPIC, TOPIC)
    found = admin.describe_configs([topic])[topic].result()
    assert found["message.timestamp.type"].value == "LogAppendTime"


def test_a_log_that_goes_its_own_way_is_not_refilled(backed: Backed, empty: Settings) -> None:
    log = Publisher(producer(empty), load_book(empty))
    log.publish_and_wait([commented("ann", "film", "c2")], 20.0)
    log.close()
    with pytest.raises(CannotRefill, match=r"the log has records that the archive has not: it is in use"):
        refill(empty, archive(empty), quiet, [TOPIC])


def test_a_stack_with_data_of_its_own_is_left_alone(backed: Backed, empty: Settings) -> None:
    keyring(empty, CLOCK).seal("a stranger", new_event_id(1), {"text": "mine"})
    with pytest.raises(BackupFailed, match=r"not empty \(its keyring bucket holds 1 objects that the backup"):
        brought_back(empty, backed.folder)
    assert brought_back(empty, backed.folder, merge=True).moved["keyring"] == 0
    keyring(empty, CLOCK).forget("a stranger")
    with pytest.raises(BackupFailed, match=r"not empty \(its log holds \d+ records\)"):
        brought_back(empty, backed.folder)


def test_an_erased_key_leaves_the_backup_and_a_lost_bucket_does_not_empty_it(backed: Backed) -> None:
    ring = keyring(backed.settings, CLOCK)
    ring.forget("bob")
    done = backed_up(backed.settings, backed.folder)
    assert done.dropped["keyring"] == 1
    assert len(list((backed.folder / "keyring").rglob("keys/*"))) == 2
    for subject in ("ann", "eve"):
        ring.forget(subject)
    with pytest.raises(BackupFailed, match=r"2 of the 2 objects of keyring .* looks like a loss"):
        backed_up(backed.settings, backed.folder)
    assert len(BackupFolder(backed.folder).entries("keyring")) == 2
    assert backed_up(backed.settings, backed.folder, erased=True).dropped["keyring"] == 2
    assert list((backed.folder / "keyring").rglob("keys/*")) == []


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", "a\0b", ""])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="no path of a file"):
        BackupFolder(tmp_path).path("archive", name)
