"""One event against its schema: a draft that can be completed, or a rejection that names the field.

The pydantic models that are generated from the Avro schemas decide; what this adds is who fills
which field, and whose account it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from api.callers.accounts import ANY_ACTOR, Principal
from api.callers.roles import OWN_ACCOUNT, OWN_VIDEO, may_post
from api.events.parsing import Event, Rejection, shown_id
from schemas.catalogue import EventSchema, latest
from schemas.events import EVENTS, SEALED, Model

_OWNED = OWN_ACCOUNT | OWN_VIDEO
DAY_MS = 86_400_000
PAST_MS = 7 * DAY_MS
FUTURE_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a type's fields comes from where."""

    model: type[Model]
    takes: Callable[[Event], bool]
    """Whether the model takes an event. The model itself says why not."""
    sealed_model: type[Model] | None
    sealed: frozenset[str]
    client: frozenset[str]
    """Avro fields a client sends, and the plaintext of sealed ones."""
    server: frozenset[str]
    catalog: Mapping[str, Any]
    """Fields that the catalog fills, and what stands there when it knows nothing."""
    times: tuple[str, ...]
    """Instants by the client's clock, clamped like occurred_at."""

    @classmethod
    def of(cls, schema: EventSchema) -> "Rules":
        """The rules of a schema."""
        sealed = frozenset(field["name"] for field in schema.sealed)
        server = frozenset(field["name"] for field in schema.fields if "filled_by" in field)
        names = frozenset(field["name"] for field in schema.fields)
        return cls(
            model=EVENTS[schema.event_type],
            takes=_judge(EVENTS[schema.event_type]),
            sealed_model=SEALED.get(schema.event_type),
            sealed=sealed,
            client=(names - server) | sealed,
            server=server,
            catalog={f["name"]: f["default"] for f in schema.fields if f.get("filled_by") == "catalog"},
            times=tuple(f["name"] for f in schema.fields if _instant(f) and f["name"] not in server),
        )


def _judge(model: type[Model]) -> Callable[[Event], bool]:
    """The model's own rules, field by field, over a plain dict: no model is made only to be thrown away."""
    made: Any = model.__pydantic_core_schema__
    if made["type"] != "model" or made["schema"]["type"] != "model-fields":
        return model.__pydantic_validator__.isinstance_python
    fields = {name: _dict_field(field["schema"]) for name, field in made["schema"]["fields"].items()}
    plain: Any = {"type": "typed-dict", "fields": fields, "extra_behavior": "forbid"}
    return SchemaValidator(plain | {"config": made["config"]}).isinstance_python


def _dict_field(schema: Mapping[str, Any]) -> dict[str, Any]:
    optional = schema["type"] == "default"
    inner = schema["schema"] if optional else schema
    return {"type": "typed-dict-field", "schema": inner, "required": not optional}


def _instant(field: Mapping[str, Any]) -> bool:
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    return any(isinstance(part, dict) and part.get("logicalType") == "timestamp-millis" for part in branches)


@cache
def rules() -> Mapping[str, Rules]:
    """Every type's rules."""
    return {event_type: Rules.of(latest(event_type)) for event_type in EVENTS}


@dataclass(slots=True)
class Draft:
    """A valid event that still lacks what the catalog and the keyring give."""

    event: Event
    plaintext: Event
    shown_id: str
    """The id as the client wrote it; in the event it is in lower case."""

    @property
    def event_type(self) -> str:
        return str(self.event["event_type"])

    @property
    def subject(self) -> str:
        """Whose key seals the plaintext."""
        own = self.event_type in OWN_ACCOUNT
        return str(self.event["user_id" if own else "actor_id"])


def check(event: Event | Rejection, principal: Principal, received_at: int) -> Draft | Rejection:
    """The event with the gateway's fields in it, or why not."""
    if isinstance(event, Rejection):
        return event
    event_type = event.get("event_type")
    found = rules().get(event_type) if isinstance(event_type, str) else None
    if found is None:
        code, detail = ("unknown_type", "No event type has this name.")
        if "event_type" not in event:
            code, detail = ("missing", "Field required")
        return Rejection(code, "event_type", detail, shown_id(event))
    refused = _refused(event, found, principal) or _invalid(
        draft := _draft(event, found, principal, received_at), found
    )
    if refused is None:
        refused = _foreign(draft.event, principal)
    if refused is not None:
        return Rejection(*refused, shown_id(event))
    clamp(draft.event, found.times, received_at)
    return draft


_Refusal = tuple[str, str | None, str]


def _refused(event: Event, found: Rules, principal: Principal) -> _Refusal | None:
    if not may_post(principal.role, event["event_type"]):
        return "forbidden_type", "event_type", f"A {principal.role} may not post this type."
    if found.client.issuperset(event):
        return None
    extra = event.keys() - found.client
    if names_actor(principal):
        extra -= {"actor_id"}
    if not extra:
        return None
    name = min(extra)
    if name in found.server:
        return "server_field", name, "This field is filled by the server."
    return "unknown_field", name[:64], "The type has no such field."


def names_actor(principal: Principal) -> bool:
    """Whether the caller says whose event it is."""
    return principal.trusted and ANY_ACTOR in principal.scopes


def _draft(event: Event, found: Rules, principal: Principal, received_at: int) -> Draft:
    plaintext = {name: event[name] for name in found.sealed if name in event}
    open_part = event | {"source": principal.source, "received_at": received_at}
    for name in plaintext:
        del open_part[name]
    if not names_actor(principal):
        open_part["actor_id"] = principal.actor_id
    return Draft(open_part, plaintext, shown_id(event) or "")


def _invalid(draft: Draft, found: Rules) -> _Refusal | None:
    try:
        if not found.takes(draft.event):
            found.model.model_validate(draft.event)
        if found.sealed_model is not None:
            found.sealed_model.model_validate(draft.plaintext)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        code = "missing" if first["type"] == "missing" else "invalid"
        return code, ".".join(str(part) for part in first["loc"])[:64] or None, first["msg"][:200]
    draft.event["event_id"] = draft.event["event_id"].lower()
    return None


def _foreign(event: Event, principal: Principal) -> _Refusal | None:
    event_type = event["event_type"]
    if event_type not in _OWNED or principal.trusted:
        return None
    if event_type in OWN_ACCOUNT and event["user_id"] != principal.actor_id:
        return "not_yours", "user_id", "The account is not the caller's."
    if event_type in OWN_VIDEO and event["creator_id"] != principal.actor_id:
        return "not_yours", "creator_id", "The video is not the caller's."
    return None


def clamp(event: Event, times: tuple[str, ...], received_at: int) -> None:
    """Instants by the client's clock are held to what the gateway believes."""
    for name in times:
        if (value := event.get(name)) is not None:
            event[name] = min(max(value, received_at - PAST_MS), received_at + FUTURE_MS)
