"""The last of what the server fills in: what the catalog knows, and what the keyring seals."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache

from api.callers.accounts import Principal
from api.callers.roles import OWN_VIDEO
from api.events.facts import FactCache, Facts
from api.events.parsing import Rejection
from api.events.validation import Draft, rules
from infra.access.keyring import Keyring

Outcome = Draft | Rejection


async def complete(
    outcomes: Sequence[Outcome], principal: Principal, facts: FactCache, keyring: Keyring
) -> list[Outcome]:
    """The outcomes with their drafts complete, in order. Raises KeyringUnavailable."""
    completed, asking = list(outcomes), _asking(principal.trusted)
    asks = [
        (nth, outcome)
        for nth, outcome in enumerate(outcomes)
        if isinstance(outcome, Draft) and outcome.event["event_type"] in asking
    ]
    if asks:
        known = await facts.of({draft.event["video_id"] for _, draft in asks})
        for nth, draft in asks:
            completed[nth] = _filled(draft, principal, known)
    private = [outcome for outcome in completed if isinstance(outcome, Draft) and outcome.plaintext]
    if private:
        await asyncio.to_thread(_seal, private, keyring)  # a key may have to come over the network
    return completed


@cache
def _asking(trusted: bool) -> frozenset[str]:
    """The types of which the catalog is asked something."""
    filled = frozenset(event_type for event_type, found in rules().items() if found.catalog)
    return filled if trusted else filled | OWN_VIDEO


def _filled(draft: Draft, principal: Principal, known: Mapping[str, Facts | None]) -> Outcome:
    event_type, video_id = draft.event["event_type"], draft.event["video_id"]
    facts = known.get(video_id)
    if event_type in OWN_VIDEO and not principal.trusted:
        refusal = _foreign(draft, facts, answered=video_id in known)
        if refusal is not None:
            return refusal
    if facts is not None:
        draft.event |= {name: _avro(getattr(facts, name)) for name in rules()[event_type].catalog}
    return draft


def _avro(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _foreign(draft: Draft, facts: Facts | None, answered: bool) -> Rejection | None:
    """Why the video does not count as the caller's; None when it does."""
    if facts is not None and facts.creator_id == draft.event["creator_id"]:
        return None
    if not answered:
        detail = "The catalog did not answer, so the owner is not known; post this event again."
        return Rejection("owner_not_checked", "video_id", detail, draft.shown_id)
    if facts is None:
        return Rejection("unknown_video", "video_id", "There is no such video here (yet).", draft.shown_id)
    return Rejection("not_yours", "video_id", "The video is not the caller's.", draft.shown_id)


def _seal(drafts: Sequence[Draft], keyring: Keyring) -> None:
    for draft in drafts:
        sealed = keyring.seal(draft.subject, draft.event["event_id"], draft.plaintext)
        draft.event["pii"], draft.event["pii_key_id"] = sealed
