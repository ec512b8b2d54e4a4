"""What the API is built of, and how a route gets at it.

The composition root fills a `Parts`; `build(parts)` hands it to the routes; a test fills it with
memory twins. Routes take `Annotated` dependencies from here and from api.callers.auth, never a global.
Dependencies call each other as functions: the framework walks a tree of them anew for every branch,
which was a fifth of a feed page.
"""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.callers.accounts import Authenticator
from api.events.places import EventPlaces, NoPlaces
from api.reading.readers import Readers, ReadSource
from infra.access.keyring import Keyring
from infra.background import BackgroundLog
from infra.clock import Clock
from infra.kafka.publisher import EventLog
from infra.settings import Settings
from projections.first_pages import FirstPages
from projections.renditions.store import Objects


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the routes work with. ``reads`` gives the readers of the live generation."""

    settings: Settings
    clock: Clock
    log: EventLog
    background: BackgroundLog
    """In front of ``log``: for facts that a read tells and never waits for."""
    objects: Objects
    keyring: Keyring
    auth: Authenticator
    reads: ReadSource
    places: EventPlaces = field(default_factory=NoPlaces)
    pages: FirstPages | None = None
    """First pages held in memory; None: each is read anew."""


async def parts_of(request: Request) -> Parts:
    """The parts the application was built with."""
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(parts_of)]


async def live_readers(request: Request) -> Readers:
    """The readers of the live generation, the same ones throughout a request."""
    return await (await parts_of(request)).reads.live()


Live = Annotated[Readers, Depends(live_readers)]
