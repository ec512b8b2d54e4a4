"""Principals: who a credential stands for, whatever kind of credential it is."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["user", "device", "service", "operator"]
ANY_ACTOR = "events:any-actor"
WRITE_EVENTS = "events:write"
ANONYMOUS = "anon:"


class Refused(Exception):
    """The credential stands for nobody; the message says why and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. ``actor_id`` is a user id, `anon:<device>` or `svc:<key>`; ``source`` is the
    envelope's source of the events that come in by this credential."""

    actor_id: str
    role: Role
    source: str
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def trusted(self) -> bool:
        """A service or an operator: not bound to its own videos and accounts."""
        return self.role in ("service", "operator")


class Authenticator(Protocol):
    """Turns a credential into a principal."""

    async def principal(self, credential: str) -> Principal:
        """The principal of a JWT or API key; raises Refused."""
        ...
