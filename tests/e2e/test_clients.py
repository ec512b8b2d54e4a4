"""What clients, players, analysts and operators do with a running stack."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from infra.clock import SystemClock, new_event_id
from infra.demo.client import Client
from infra.demo.simulation import Simulated
from infra.kafka.publisher import Publisher
from tests.builders import commented, liked, shared, unliked, view_started
from tests.e2e.supervised import Stack, documents
from tests.e2e.town import Town, agreed, bearer, by_person, settle_in
from tests.e2e.waiting import until
from tests.e2e.watching import SECONDS, Film, uploaded
from tests.media.playing import played

HLS = "application/vnd.apple.mpegurl"
ORIGIN = {"Origin": "https://player.example"}


def test_openapi_is_valid_and_full_of_examples(full_stack: Stack) -> None:
    page = httpx.get(f"{full_stack.api}/docs")
    assert page.status_code == 200
    assert "swagger" in page.text.lower()
    spec = httpx.get(f"{full_stack.api}/v1/openapi.json").json()
    assert spec["openapi"].startswith("3.1")
    operations = [(path, verb, one) for path, verbs in spec["paths"].items() for verb, one in verbs.items()]
    assert len(operations) >= 15
    schemas = spec["components"]["schemas"]
    for pointer in _pointers(spec):
        assert pointer.removeprefix("#/components/schemas/") in schemas
    for path, verb, operation in operations:
        assert operation["responses"], path
        for status, response in operation["responses"].items():
            for shown in response.get("content", {}).values():
                assert _has_example(shown, schemas) or "/metrics" in path, (path, verb, status)
        body = operation.get("requestBody", {}).get("content", {})
        assert all(_has_example(shown, schemas) for shown in body.values()), (path, verb)


def test_a_film_plays_from_its_master_playlist(film: Film) -> None:
    master = film.card["playback"]["hls"]
    listed = httpx.get(master, headers=ORIGIN)
    _plain_media(listed, HLS)
    media = [line for line in listed.text.splitlines() if line and not line.startswith("#")]
    assert media
    playlist_url = urljoin(master, media[0])
    playlist = httpx.get(playlist_url, headers=ORIGIN)
    _plain_media(playlist, HLS)
    segment = next(line for line in playlist.text.splitlines() if line.endswith(".m4s"))
    _plain_media(httpx.get(urljoin(playlist_url, segment), headers=ORIGIN), "video/iso.segment")
    frames = played(master)
    assert frames["video"] == SECONDS * 30
    assert frames["audio"] > 0


def test_the_download_is_served_in_ranges(film: Film) -> None:
    url = film.card["playback"]["mp4"]
    whole = httpx.get(url, headers=ORIGIN)
    _plain_media(whole, "video/mp4")
    part = httpx.get(url, headers=ORIGIN | {"Range": "bytes=100-299"})
    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole.content)}"
    assert part.content == whole.content[100:300]
    thumbnail = httpx.get(film.card["playback"]["thumbnails"][0]["url"], headers=ORIGIN)
    _plain_media(thumbnail, "image/jpeg")


async def test_a_text_that_calls_itself_a_film_is_refused_by_name(client: Client, tmp_path: Path) -> None:
    await client.sign_in("pretender")
    path = tmp_path / "film.mp4"
    path.write_text("this is not a film, whatever its name says\n" * 100)
    found = await uploaded(client, "pretender", path, title="Not a film", mime="video/mp4")
    assert found["state"] == "rejected"
    assert found["reason"]["code"]
    assert found["reason"]["detail"]
    with pytest.raises(Exception, match="answered 404"):
        await client.get(f"/v1/videos/{found['video_id']}")


def test_an_analyst_may_ask_and_not_write(full_stack: Stack) -> None:
    settings = full_stack.settings
    who = {
        "X-ClickHouse-User": settings.clickhouse_reader,
        "X-ClickHouse-Key": settings.clickhouse_reader_password.get_secret_value(),
    }

    def ask(statement: str, **headers: str) -> httpx.Response:
        url = f"{settings.clickhouse_url}/?database={settings.clickhouse_database}"
        return httpx.post(url, headers=who | headers, content=statement, timeout=20)

    answer = ask("SELECT 6 * 7 AS n, count() >= 0 FROM events")
    assert (answer.status_code, answer.text) == (200, "42\t1\n")
    for statement in ("INSERT INTO migrations VALUES (9, 'x', 'y', now64(3))", "DROP TABLE events_g1"):
        refused = ask(statement)
        assert refused.status_code >= 400, statement
        assert refused.headers["X-ClickHouse-Exception-Code"] in ("164", "497"), refused.text
    stranger = ask("SELECT 1", **{"X-ClickHouse-Key": "guess"})
    assert stranger.status_code in (401, 403)


async def test_a_service_that_writes_avro_itself_counts_the_same(client: Client, trusted: Publisher) -> None:
    town = Town.named("direct", users=3, videos=1)
    await settle_in(town, client, trusted)
    posted = town.load(seed=16, views=20)
    await by_person(client, posted)
    written = [*_doings(town)]
    await trusted.publish_all([*written, *written[:3]])
    await agreed(client, town, [*posted, *(Simulated(one["actor_id"], one) for one in written)])


async def test_the_log_can_be_looked_at(full_stack: Stack, client: Client, trusted: Publisher) -> None:
    town = Town.named("looked", users=1, videos=1)
    await settle_in(town, client, trusted)
    listed = json.loads(full_stack.reelfold("topics", "--json").stdout)
    held = {topic["topic"]: topic["records"] for topic in listed}
    assert held["rf.identity.v1"] > 0
    tail = full_stack.reelfold("tail", "rf.identity.v1", "--from-start", "--max", str(held["rf.identity.v1"]))
    assert tail.returncode == 0, tail.stderr
    lines: list[Any] = documents(tail.stdout)
    assert len(lines) == held["rf.identity.v1"]
    assert town.users[0] in {line["event"]["user_id"] for line in lines}
    assert {line["event"]["event_type"] for line in lines} <= {"user.registered", "user.profile_updated"}


def test_status_says_how_every_part_is(full_stack: Stack) -> None:
    done = full_stack.reelfold("status", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["state"]) == (0, "ready")
    states = {part["name"]: part["state"] for part in found["parts"]}
    assert states.pop("kafka-format") == states.pop("provision") == "done"
    assert states == dict.fromkeys(
        ("kafka", "redis", "s3", "registry", "clickhouse", "worker", "api"), "ready"
    )


def test_a_simulation_is_the_same_twice(full_stack: Stack) -> None:
    asked = ("simulate", "--seed", "3", "--users", "10", "--views", "50")
    one, other = full_stack.reelfold(*asked), full_stack.reelfold(*asked)
    assert one.stdout == other.stdout
    assert len(documents(one.stdout)) >= 100
    assert full_stack.reelfold("simulate", "--seed", "4", "--views", "50").stdout != one.stdout


async def test_a_batch_with_one_bad_event_takes_the_others(client: Client, trusted: Publisher) -> None:
    town = Town.named("mixed", users=1, videos=1)
    await settle_in(town, client, trusted)
    good = [one.event for one in town.load(seed=17, views=3)]
    bad = {"event_id": "no id", "event_type": "video.liked", "occurred_at": 1, "video_id": town.ids[0]}
    answer = await client._http.post("/v1/events", json=[bad, *good], headers=bearer(client, town.users[0]))
    assert answer.status_code == 202
    verdicts = answer.json()["events"]
    assert [one["status"] for one in verdicts] == ["rejected", *["accepted"] * len(good)]
    assert verdicts[0]["field"] == "event_id"
    await agreed(client, town, [Simulated(town.users[0], one) for one in good])


async def test_metrics_tell_of_folds(full_stack: Stack, client: Client) -> None:
    worker = f"http://127.0.0.1:{full_stack.settings.worker_web_port}/metrics"

    async def told() -> bool:
        async with httpx.AsyncClient() as http:
            return "reelfold_lag_records{" in (await http.get(worker)).text

    await until(told, "the worker tells its lag")
    assert "reelfold_request_seconds_bucket" in (await client._http.get("/metrics")).text


def _doings(town: Town) -> Iterator[dict[str, Any]]:
    """What a service saw: every kind that is counted, and one that is taken back."""
    ann, bob, cid = town.users
    film, now = town.ids[0], SystemClock().now_ms()
    for nth, who in enumerate((ann, bob, cid)):
        yield view_started(who, film, new_event_id(now), now + nth, event_id=new_event_id(now))
        yield liked(who, film, now + 1_000 + nth, event_id=new_event_id(now))
    yield unliked(bob, film, now + 2_000, event_id=new_event_id(now))
    yield shared(cid, film, now + 2_000, event_id=new_event_id(now))
    yield commented(ann, film, new_event_id(now), now + 2_000, event_id=new_event_id(now))


def _plain_media(answer: httpx.Response, mime: str) -> None:
    assert answer.status_code == 200, answer.text[:200]
    assert answer.headers["Content-Type"].partition(";")[0] == mime
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN["Origin"])


def _pointers(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(pointer := node.get("$ref"), str):
            yield pointer
        for one in node.values():
            yield from _pointers(one)
    elif isinstance(node, list):
        for one in node:
            yield from _pointers(one)


def _has_example(shown: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """An example beside the schema, in it, or in what it is made of; a constant is its own."""
    if any(word in shown for word in ("example", "examples", "const")):
        return True
    if pointer := shown.get("$ref"):
        return _has_example(schemas[pointer.rpartition("/")[2]], schemas)
    inside = [shown.get("schema", {}), shown.get("items", {}), *shown.get("properties", {}).values()]
    return any(_has_example(one, schemas) for one in inside if one)
