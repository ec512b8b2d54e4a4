"""What cannot be read is parked, exactly that, and its neighbours count; too much of it stops the worker."""

import asyncio
import json
import struct
from dataclasses import replace

from infra.chaos.case import Case, Run
from infra.chaos.faults import FIRST, again, armed
from infra.chaos.raw_records import LARGE_BYTES, PLAYBACK, Raw, allow_large, count, whole_view, write
from infra.chaos.waiting import CaseFailed, until
from infra.kafka.messages import message
from infra.registry import checked, load_book, registry_client
from schemas.catalogue import latest, parse
from schemas.topics import TOPIC_OF

TOO_MANY = 65
UNKNOWN_ID = 9_999_999
IN_A_ROW = 200
LARGE = 2 * 1024 * 1024
_WAITS = '"registry_unavailable"'
RAISED = {"REELFOLD_DEAD_LETTER_RUN": "1000", "REELFOLD_DEAD_LETTER_SHARE": "1"}


async def poison(run: Run) -> None:
    """One of every kind between good records of the same partition, one of them without a key."""
    settings, book = run.ground.settings, load_book(run.ground.settings)
    good = [whole_view(run.load, nth, run.clock) for nth in range(8)]
    whole = [message(event, book) for event in good]
    wires = [one[2] for one in whole]
    records = [Raw(value, headers=headers) for _, _, value, headers in whole]
    bad: list[bytes | None] = [
        b"\x07not avro at all",
        struct.pack(">bI", 0, UNKNOWN_ID) + b"whatever this is",
        wires[0][: len(wires[0]) // 2],
        None,
        b"",
        _of_another_topic(run),
        b"\x00" * LARGE,
    ]
    await run.load.until(100)
    await asyncio.to_thread(allow_large, settings, PLAYBACK, LARGE_BYTES)
    try:
        mixed = [raw for pair in zip(records, map(Raw, bad), strict=False) for raw in pair]
        places = await asyncio.to_thread(write, settings, [*mixed, replace(records[7], key=None)])
    finally:
        await asyncio.to_thread(allow_large, settings, PLAYBACK, None)
    for event in good:
        count(run.load, event)
    run.parked |= set(places[1 : 2 * len(bad) : 2])
    run.figure("parked", len(bad))
    await run.load.until(100)
    await run.mended()
    run.expect(run.ground.runs(FIRST), "a few unreadable records ended the worker")


async def poison_in_a_row(run: Run) -> None:
    """200 in a row: the worker halts and says why; with larger limits it parks all of them and goes on."""
    places = await asyncio.to_thread(write, run.ground.settings, [Raw(b"\x07rubbish")] * IN_A_ROW)
    run.parked |= set(places)
    code = await run.ground.ended(FIRST, 60.0)
    run.expect(code == TOO_MANY, f"the worker ended with code {code}, not {TOO_MANY}")
    last = run.ground.said(FIRST).rstrip().rpartition("\n")[2]
    # Which of the two limits is first depends on what else was unreadable lately.
    run.expect("unreadable" in last and PLAYBACK in last, f"its last line does not say why: {last[:200]}")
    await armed(run, **RAISED)
    await run.mended()


async def registry_down_at_start(run: Run) -> None:
    """Without the registry a worker starts, and reads every id that it knew at provision."""
    run.kill("registry")
    await run.load.until(100)
    run.kill(FIRST)
    await again(run)
    await run.load.until(200)
    await run.mended()


async def registry_down_in_the_middle(run: Run) -> None:
    """Known ids go on without the registry. One that only the registry knows waits for it."""
    settings = run.ground.settings
    event = whole_view(run.load, 0, run.clock)
    record = await asyncio.to_thread(_newer, run, event)
    run.kill("registry")
    await run.load.until(200)
    await run.mended()
    told = run.ground.said(FIRST).count(_WAITS)
    await asyncio.to_thread(write, settings, [record])
    count(run.load, event)
    await until(lambda: run.ground.said(FIRST).count(_WAITS) > told, "the worker waits for the registry", 20)
    await run.load.until(100)
    await run.ground.start("registry")
    await run.mended()
    run.expect(run.ground.runs(FIRST), "an outage of the registry ended the worker")


def _of_another_topic(run: Run) -> bytes:
    """A good event that does not belong where it is written."""
    view = whole_view(run.load, 0, run.clock)
    event = {name: said for name, said in view.items() if name != "view_id"} | {"event_type": "video.liked"}
    topic, _, wire, _ = message(event, load_book(run.ground.settings))
    if topic == PLAYBACK or topic != TOPIC_OF["video.liked"].name:
        raise CaseFailed(f"likes belong to {topic}: the case must choose another event")
    return wire


def _newer(run: Run, event: dict[str, object]) -> Raw:
    """The event under an id that nobody has seen: its schema with one more field, registered just now."""
    raw = json.loads(latest("view.started").text)
    note = {"name": f"chaos_{run.seed}", "type": ["null", "string"], "default": None}
    raw["fields"] = [*raw["fields"], note]
    schema = parse(raw, latest("view.started").version + 1)
    settings = run.ground.settings
    with registry_client(settings) as client:
        answer = client.post(f"/subjects/{schema.subject}/versions", json={"schema": schema.text})
    number = int(checked(answer).json()["id"])
    _, _, value, headers = message(event, load_book(settings).with_schema(number, schema))
    return Raw(value, headers=headers)


# Those without the registry first: a worker that starts reads the last hour anew, and an id in it that only
# the registry can judge would wait for the registry, as it must.
CASES = (
    Case("registry-down-at-start", "a worker starts without the registry", registry_down_at_start, 20),
    Case("registry-down", "known ids go on, an unknown one waits", registry_down_in_the_middle, 30),
    Case("poison", "seven kinds of unreadable records between good ones", poison, 20),
    Case("poison-in-a-row", "200 unreadable records in a row halt the worker", poison_in_a_row, 25),
)
