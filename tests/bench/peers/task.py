"""What every peer is given and says: the same records, the same fold, the same report.

    python PEER.py TASK.json

TASK.json: bootstrap, redis_url, prefix, events, schemas (id -> Avro schema), topics. A peer begins at offset
0, ends after `events` records, and prints one line of JSON: {"events", "seconds", "cpu_s"}, from the first
record on. Its fold, under keys of `prefix`: a view counts once by view_id, a like is a toggle whose greatest
(occurred_at, event_id) wins, and a viewer's last time on each video is kept.
"""

import json
import os
import resource
import struct
import sys
import time
from io import BytesIO
from pathlib import Path

import fastavro

TASK = json.loads(Path(sys.argv[1]).read_text("utf-8")) if len(sys.argv) > 1 else {}
SCHEMAS = {int(number): fastavro.parse_schema(schema) for number, schema in TASK.get("schemas", {}).items()}
PREFIX = TASK.get("prefix", "")
_HEADER = struct.Struct(">bI")
_began = [0.0, 0.0]


def decode(value: bytes) -> dict:
    """Confluent wire format, as fastavro reads it."""
    _, number = _HEADER.unpack_from(value)
    return fastavro.schemaless_reader(BytesIO(value[_HEADER.size :]), SCHEMAS[number])


def millis(event: dict) -> int:
    """occurred_at as epoch ms."""
    at = event["occurred_at"]
    return int(at.timestamp() * 1000) if hasattr(at, "timestamp") else int(at)


def begin() -> None:
    """At the first record."""
    if not _began[0]:
        _began[:] = time.monotonic(), _cpu()


def report(events: int) -> None:
    """At the last one; ends the process."""
    said = {"events": events, "seconds": time.monotonic() - _began[0], "cpu_s": _cpu() - _began[1]}
    sys.__stdout__.write(json.dumps(said) + "\n")
    sys.__stdout__.flush()
    os._exit(0)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
