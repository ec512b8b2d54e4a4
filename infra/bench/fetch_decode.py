"""The floor of a fold: the lane's fetch and its decoding to columns, and nothing else.

python -m infra.bench.fetch_decode TASK.json
"""

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from infra.kafka.config import consumer
from infra.settings import Settings
from schemas.book import SchemaBook
from streams.batches.assembling import assemble
from streams.batches.runs import Run
from streams.lane.lane import FETCH

ROWS = 20_000
"""Of a batch, as REELFOLD_BATCH_ROWS says."""


def main(task: dict[str, Any]) -> dict[str, float]:
    """Fetch and decode so many records; the peers' report."""
    reader = Consumer(
        consumer(Settings(kafka_bootstrap=task["bootstrap"]), "bench") | {"fetch.wait.max.ms": 100}
    )
    places = [(topic, number) for topic in task["topics"] for number in range(task["partitions"])]
    reader.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])
    book, began = SchemaBook.from_json(json.dumps(task["book"])), (0.0, 0.0)
    runs: dict[tuple[str, int], Run] = {}
    read = held = 0
    gc.freeze()
    while read < task["events"]:
        for message in reader.consume(FETCH, timeout=0.2):
            place = str(message.topic()), int(message.partition() or 0)
            runs.setdefault(place, Run(*place, 0)).add(
                message.offset() or 0, message.timestamp()[1], message.value()
            )
            held += 1
        began = began if began[0] or not held else (time.monotonic(), _cpu())
        if held >= ROWS or read + held >= task["events"]:
            for run in runs.values():
                batch, invalid = assemble(run, book.by_id)
                assert not invalid
                read += len(batch)
            runs, held = {}, 0
    return {"events": read, "seconds": time.monotonic() - began[0], "cpu_s": _cpu() - began[1]}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(Path(sys.argv[1]).read_text("utf-8")))) + "\n")
