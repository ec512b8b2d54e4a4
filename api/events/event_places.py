"""GET /v1/events/{event_id}: where an event sits in the log, and which folds have applied it.

For services and operators: it tells of the log's inside, and nothing of the event's content.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from api.callers.auth import Caller
from api.documented import documented
from api.parts import Live, PartsOf
from api.problems import Problem
from api.reading.etag import answer
from api.reading.models import example

router = APIRouter(prefix="/v1/events", tags=["events"])
_UUID = r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
_ID = "0192f0c1-a2b3-7c0d-8e4f-5a6b7c8d9e0f"


class FoldPlace(BaseModel):
    """A fold at this event's partition: the next offset it will fold, and whether this event is behind it."""

    model_config = example(fold="engagement", position=4712, applied=True)
    fold: str
    position: int
    applied: bool


class EventPlace(BaseModel):
    """Where an event sits; of a client's retries, the last."""

    model_config = example(
        event_id=_ID, topic="rf.engagement.v1", partition=2, offset=4711, generation=1,
        folds=[
            {"fold": "analytics", "position": 4712, "applied": True},
            {"fold": "engagement", "position": 4712, "applied": True},
            {"fold": "trending", "position": 4700, "applied": False},
        ],
    )  # fmt: skip
    event_id: str
    topic: str
    partition: int
    offset: int
    generation: int = Field(description="The generation that is read, whose folds these are.")
    folds: list[FoldPlace]


@router.get(
    "/{event_id}",
    response_model=EventPlace,
    responses={
        **documented(304, 400, 401, 503),
        **documented(403, why="For services and operators."),
        **documented(404, why="No such event, or not loaded yet; jobs and operations are not told of."),
    },
)
async def event(
    event_id: Annotated[str, Path(pattern=_UUID)], who: Caller, request: Request, parts: PartsOf, live: Live
) -> Response:
    """Where an event sits in the log (topic, partition, offset) and which folds have applied it."""
    if not who.trusted:
        raise Problem(403, "not_allowed", "This is for services and operators.")
    found = await parts.places.find(live.generation, event_id)
    if found is None:
        raise Problem(404, "not_found", "There is no such event, or it has not been loaded yet.")
    positions = await parts.places.positions(live.generation, found.topic, found.partition)
    place = EventPlace(
        event_id=event_id.lower(),
        topic=found.topic,
        partition=found.partition,
        offset=found.offset,
        generation=live.generation,
        folds=[
            FoldPlace(fold=fold, position=position, applied=position > found.offset)
            for fold, position in sorted(positions.items())
        ],
    )
    return answer(request, place, private=True)
