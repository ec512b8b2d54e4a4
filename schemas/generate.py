"""The .avsc files -> schemas/events.py: `python -m schemas.generate [--check]`.

One frozen pydantic model for each event type (its newest version), and one for the plaintext of each
type that has sealed fields. Committed; `make check` fails when the file is not current.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.catalogue import EventSchema, versions

TARGET = Path(__file__).with_name("events.py")
_SCALARS = {"string": "str", "int": "int", "long": "int", "double": "float", "boolean": "bool"}
_FORMATS = {
    "uuid": r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
    "id": r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$",
    "username": r"^[A-Za-z0-9_.]+$",
}
_BOUNDS = {"minLength": "min_length", "maxLength": "max_length", "minimum": "ge", "maximum": "le"}
_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_HEAD = '''"""Made by `python -m schemas.generate` from schemas/avro; do not edit.

Frozen models of every event's newest version. Timestamps are epoch milliseconds.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Strict, closed and frozen: an unknown field or a wrong type is an error that names it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

'''


def module() -> str:
    """The text of schemas/events.py."""
    newest = [group[-1] for group in versions().values()]
    parts = [_HEAD]
    parts += [_model(part) for part in _nested(newest)]
    parts += [_event(schema) for schema in newest]
    parts += [_sealed(schema) for schema in newest if schema.sealed]
    parts.append(_tables(newest))
    return "\n".join(parts)


def _event(schema: EventSchema) -> str:
    return _model(schema.raw, event_type=schema.event_type)


def _sealed(schema: EventSchema) -> str:
    fields = [
        {**part, "type": ["null", part["type"]], "default": None} if part.get("optional") else part
        for part in schema.sealed
    ]
    doc = f"The plaintext that {schema.event_type} seals into its pii field."
    return _model({"name": schema.raw["name"] + "Sealed", "doc": doc, "fields": fields})


def _model(record: Mapping[str, Any], event_type: str | None = None) -> str:
    lines = [f"\nclass {record['name']}(Model):", f'    """{record["doc"]}"""', ""]
    for field in record["fields"]:
        lines.append(f"    {_line(field, event_type)}")
    return "\n".join(lines) + "\n"


def _line(field: Mapping[str, Any], event_type: str | None) -> str:
    if field["name"] == "event_type" and event_type:
        return f'event_type: Literal["{event_type}"]'
    line = f"{field['name']}: {_annotation(field)}"
    if "default" in field:
        default = "()" if field["default"] == [] else repr(field["default"]).replace("'", '"')
        line += f" = {default}"
    return line


def _annotation(field: Mapping[str, Any]) -> str:
    avro = field["type"]
    nullable = isinstance(avro, list)
    inner = next(branch for branch in avro if branch != "null") if nullable else avro
    plain = _python(inner, field)
    bounds = _bounds(inner, field)
    text = f"Annotated[{plain}, Field({bounds})]" if bounds else plain
    return f"{text} | None" if nullable else text


def _python(avro: Any, field: Mapping[str, Any]) -> str:
    if isinstance(avro, str):
        return _SCALARS[avro]
    match avro["type"]:
        case "array":
            items = _python(avro["items"], field)
            if limit := field.get("itemMaxLength"):
                items = f"Annotated[{items}, Field(max_length={limit})]"
            return f"Annotated[tuple[{items}, ...], Field(strict=False)]"
        case "enum":
            return "Literal[" + ", ".join(f'"{symbol}"' for symbol in avro["symbols"]) + "]"
        case "record":
            return str(avro["name"])
        case other:
            return _SCALARS[other]


def _bounds(avro: Any, field: Mapping[str, Any]) -> str:
    bounds = {python: field[name] for name, python in _BOUNDS.items() if name in field}
    kind = avro if isinstance(avro, str) else avro["type"]
    if kind in ("int", "long"):
        limit = _INT32 if kind == "int" else _INT64
        bounds = {"ge": -limit - 1, "le": limit} | bounds
    if kind == "array" and "maxItems" in field:
        bounds = {"max_length": field["maxItems"]}
    text = [f"{name}={value}" for name, value in bounds.items()]
    if pattern := _FORMATS.get(field.get("format", "")):
        text.append(f'pattern=r"{pattern}"')
    return ", ".join(text)


def _nested(schemas: list[EventSchema]) -> Iterator[Mapping[str, Any]]:
    seen: set[str] = set()
    for schema in schemas:
        for field in schema.fields:
            avro = field["type"]
            items = avro.get("items") if isinstance(avro, dict) else None
            if isinstance(items, dict) and items["name"] not in seen:
                seen.add(items["name"])
                yield items


def _tables(schemas: list[EventSchema]) -> str:
    events = "".join(f'    "{s.event_type}": {s.raw["name"]},\n' for s in schemas)
    sealed = "".join(f'    "{s.event_type}": {s.raw["name"]}Sealed,\n' for s in schemas if s.sealed)
    return (
        f"\nEVENTS: dict[str, type[Model]] = {{\n{events}}}\n"
        f'"""The model of every event type."""\n\n'
        f"SEALED: dict[str, type[Model]] = {{\n{sealed}}}\n"
        f'"""The plaintext model of every event type that has sealed fields."""\n'
    )


def main(arguments: list[str]) -> int:
    """Write the module, or with --check say whether it is current."""
    text = module()
    if "--check" not in arguments:
        TARGET.write_text(text, "utf-8")
        return 0
    if TARGET.read_text("utf-8") == text:
        return 0
    print("schemas/events.py is not current; run: python -m schemas.generate", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
