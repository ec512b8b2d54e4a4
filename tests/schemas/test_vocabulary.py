"""The vocabulary: every version reads, every example is law, old bytes never lose their meaning."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import codec, columns, evolution, generate
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema, latest, parse, versions
from schemas.events import EVENTS, SEALED
from schemas.topics import BY_NAME, DAY_MS, TOPIC_OF, TOPICS

EXAMPLES = sorted(Path(evolution.__file__).with_name("examples").glob("*/*.json"))
EVERY = [schema for group in versions().values() for schema in group]


def test_the_vocabulary_has_its_35_types_each_on_one_topic() -> None:
    assert len(versions()) == 35
    assert set(versions()) == set(EVENTS) == set(TOPIC_OF)


@pytest.mark.parametrize("schema", EVERY, ids=lambda s: f"{s.event_type}.v{s.version}")
def test_every_field_is_explained_and_every_key_is_a_field(schema: EventSchema) -> None:
    assert schema.raw["doc"] and all(field["doc"] for field in (*schema.fields, *schema.sealed))
    assert TOPIC_OF[schema.event_type].key in {field["name"] for field in schema.fields}
    assert schema.fields[0]["name"] == "event_id", "the proof in columns.py rests on it"


def test_topics_are_well_formed() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert all(t.retention_ms == -1 or t.retention_ms >= DAY_MS for t in TOPICS)
    assert all(t.name.startswith("rf.") and t.name.endswith(".v1") for t in TOPICS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_example_is_valid_and_its_golden_bytes_still_mean_it(path: Path) -> None:
    event = json.loads(path.read_text("utf-8"))
    version = int(path.parent.name.rpartition(".v")[2])
    writer = next(s for s in versions()[event["event_type"]] if s.version == version)
    golden = bytes.fromhex(path.with_suffix(".hex").read_text("utf-8"))

    assert codec.decode_body(golden, writer).items() >= event.items()
    frame, bad = columns.decode_columns([golden, golden], writer)
    assert not bad
    assert frame.to_dicts() == [codec.decode_body(golden, writer)] * 2
    if version == latest(event["event_type"]).version:
        EVENTS[event["event_type"]].model_validate(event)
        assert codec.encode(event, SchemaBook.local())[5:] == golden


def test_every_version_has_a_full_and_a_minimal_example() -> None:
    stems = {(path.parent.name, path.stem) for path in EXAMPLES}
    for schema in EVERY:
        name = f"{schema.event_type.replace('.', '_')}.v{schema.version}"
        assert {(name, "full"), (name, "minimal")} <= stems


def test_the_generated_types_are_current() -> None:
    assert generate.TARGET.read_text("utf-8") == generate.module()


def test_personal_data_is_sealed_never_a_plain_field() -> None:
    plain = {field["name"] for schema in EVERY for field in schema.fields}
    assert plain.isdisjoint({"email", "birth_year", "text", "query"})
    assert set(SEALED) == {"user.registered", "comment.created"}


def test_published_versions_pass_and_a_changed_one_does_not() -> None:
    published = json.loads(evolution.PUBLISHED.read_text("utf-8"))
    assert evolution.check(published) == []
    assert evolution.check(published | {"video.liked.v1": "0" * 64})
    assert evolution.check(published | {"video.gone.v1": "0" * 64})


def changed(**fields: Any) -> dict[str, Any]:
    raw = json.loads(latest("video.liked").text)
    raw["fields"] += fields.pop("add", [])
    raw["fields"] = [
        f | fields.get(f["name"], {}) for f in raw["fields"] if f["name"] not in fields.get("drop", ())
    ]
    return dict(raw)


LONG = {"name": "weight", "type": "long", "doc": "."}


@pytest.mark.parametrize(
    ("after", "lawful"),
    [
        (changed(add=[LONG | {"default": 1}]), True),
        (changed(drop=["network"]), True),
        (changed(add=[LONG]), False),
        (changed(drop=["video_id"]), False),
        (changed(video_id={"type": "long"}), False),
        (changed(position={"type": ["null", "long"]}), False),
        (changed(occurred_at={"type": "long"}), False),
    ],
)
def test_full_compatibility_is_asked_both_ways(after: dict[str, Any], lawful: bool) -> None:
    before = json.loads(latest("video.liked").text)
    found = [*evolution.problems(after, before), *evolution.problems(before, after)]
    assert (found == []) is lawful


def test_a_book_survives_its_json() -> None:
    book = SchemaBook.local()
    again = SchemaBook.from_json(book.to_json())
    assert {i: s.text for i, s in again.by_id.items()} == {i: s.text for i, s in book.by_id.items()}
    assert again.newest == book.newest


def test_a_book_writes_with_the_newest_version() -> None:
    raw = json.loads(latest("video.liked").text)
    book = SchemaBook.of([(9, parse(raw, 2)), (12, parse(raw, 1))])
    assert book.id_of("video.liked") == 9
