"""What can be wrong with a message, told apart by what to do next.

SchemaError
├── InvalidEvent      the bytes or the values can never be read: dead-letter, do not retry
├── UnknownSchema     the schema id is known to no one here: ask the registry, then dead-letter
└── UnknownEventType  a name that is not in the vocabulary: a bug in the caller, or a rejected event
"""


class SchemaError(Exception):
    """Base of everything this room raises."""


class InvalidEvent(SchemaError):
    """The message can never be read; ``stage`` is decode or validate, ``reason`` a short code."""

    def __init__(self, reason: str, detail: str, stage: str = "decode") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.stage = stage


class UnknownSchema(SchemaError):
    """No schema has this id in the book at hand."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id} is not in the schema book; ask the registry")
        self.schema_id = schema_id


class UnknownEventType(SchemaError):
    """No event of the vocabulary has this name."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"{event_type!r} is not an event type; see schemas/avro")
        self.event_type = event_type
