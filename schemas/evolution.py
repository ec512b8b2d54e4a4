"""May every version ever published be read by every other? `python -m schemas.evolution [--publish]`.

A replay reads the log from its first record, so FULL_TRANSITIVE is asked of all versions of an event
type, here, before a registry is asked; and a published version never changes: published.json holds the
fingerprint of each. `--publish` enters new versions there, when they pass.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

from schemas.catalogue import AVRO_ATTRIBUTES, EventSchema, versions

PUBLISHED = Path(__file__).with_name("published.json")


def fingerprint(schema: EventSchema) -> str:
    """SHA-256 of what decides the bytes and their resolution: all of Avro's attributes but docs."""
    bare = json.dumps(_bare(dict(schema.raw)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(bare.encode()).hexdigest()


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _bare(v) for k, v in schema.items() if k in AVRO_ATTRIBUTES and k != "doc"}
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    return schema


def problems(reader: Any, writer: Any, path: str = "") -> Iterator[str]:
    """Why data written with `writer` cannot be read with `reader` (Avro 1.11, schema resolution)."""
    if isinstance(writer, list):
        for branch in writer:
            yield from problems(reader, branch, path)
    elif isinstance(reader, list):
        if all(list(problems(branch, writer, path)) for branch in reader):
            yield f"{path}: no branch of the reader's union takes {_kind(writer)}"
    elif _kind(reader) != _kind(writer):
        yield f"{path}: {_kind(writer)} became {_kind(reader)}"
    else:
        yield from _same_kind(reader, writer, path)


def _same_kind(reader: Any, writer: Any, path: str) -> Iterator[str]:
    match _kind(reader):
        case "record":
            yield from _record(reader, writer, path)
        case "array":
            yield from problems(reader["items"], writer["items"], f"{path}[]")
        case "enum":
            if reader["name"] != writer["name"]:
                yield f"{path}: the enum was renamed"
            gone = set(writer["symbols"]) - set(reader["symbols"])
            if gone and "default" not in reader:
                yield f"{path}: symbols {sorted(gone)} are gone and the enum has no default"
        case _:
            if _logical(reader) != _logical(writer):
                yield f"{path}: the logical type changed"


def _record(reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[str]:
    if reader["name"] != writer["name"]:
        yield f"{path}: the record was renamed"
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        name = f"{path}.{field['name']}".lstrip(".")
        if field["name"] in written:
            yield from problems(field["type"], written[field["name"]]["type"], name)
        elif "default" not in field:
            yield f"{name}: added without a default (or taken away, read from the other side)"


def _kind(schema: Any) -> str:
    return schema if isinstance(schema, str) else str(schema["type"])


def _logical(schema: Any) -> str | None:
    return schema.get("logicalType") if isinstance(schema, dict) else None


def check(published: Mapping[str, str]) -> list[str]:
    """Everything that is wrong with the vocabulary, in sentences; empty when nothing is."""
    found: list[str] = []
    for event_type, group in versions().items():
        for schema in group:
            key = f"{event_type}.v{schema.version}"
            if published.get(key, fingerprint(schema)) != fingerprint(schema):
                found.append(f"{key} was published and must not change: write v{schema.version + 1}")
        for reader, writer in permutations(group, 2):
            pair = f"{event_type}: v{reader.version} cannot read v{writer.version}"
            found += [f"{pair}: {why}" for why in problems(dict(reader.raw), dict(writer.raw))]
    present = {f"{name}.v{schema.version}" for name, group in versions().items() for schema in group}
    found += [f"{key} was published and is gone" for key in published if key not in present]
    return found


def main(arguments: list[str]) -> int:
    """Check, and with --publish enter the new versions."""
    published = json.loads(PUBLISHED.read_text("utf-8")) if PUBLISHED.exists() else {}
    found = check(published)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        return 1
    now = {f"{s.event_type}.v{s.version}": fingerprint(s) for group in versions().values() for s in group}
    if "--publish" in arguments:
        PUBLISHED.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", "utf-8")
    elif now != published:
        print("new schema versions: run python -m schemas.evolution --publish", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
