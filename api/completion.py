"""The last of what the server fills in: what the catalog knows, and what the keyring seals."""

import asyncio
from collections.abc import Mapping, Sequence

from api.accounts import Principal
from api.facts import FactCache, Facts
from api.parsing import Rejection
from api.roles import OWN_VIDEO
from api.validation import Draft, Rules, rules
from infra.keyring import Keyring

Outcome = Draft | Rejection


async def complete(
    outcomes: Sequence[Outcome], principal: Principal, facts: FactCache, keyring: Keyring
) -> list[Outcome]:
    """The outcomes with their drafts complete, in order. Raises KeyringUnavailable."""
    every = rules()
    asks: dict[str, bool] = {}
    wanted = set()
    for outcome in outcomes:
        if not isinstance(outcome, Draft):
            continue
        event_type = outcome.event["event_type"]
        if event_type not in asks:
            asks[event_type] = bool(every[event_type].catalog) or _must_own(event_type, principal)
        if asks[event_type]:
            wanted.add(outcome.event["video_id"])
    known = await facts.of(wanted)
    completed = [
        _filled(outcome, principal, known, every)
        if isinstance(outcome, Draft) and asks[outcome.event["event_type"]]
        else outcome
        for outcome in outcomes
    ]
    private = [outcome for outcome in completed if isinstance(outcome, Draft) and outcome.plaintext]
    if private:
        await asyncio.to_thread(_seal, private, keyring)  # a key may have to come over the network
    return completed


def _must_own(event_type: str, principal: Principal) -> bool:
    return event_type in OWN_VIDEO and not principal.trusted


def _filled(
    draft: Draft, principal: Principal, known: Mapping[str, Facts | None], every: Mapping[str, Rules]
) -> Outcome:
    event_type, video_id = draft.event["event_type"], draft.event["video_id"]
    facts = known.get(video_id)
    if _must_own(event_type, principal):
        refusal = _foreign(draft, facts, answered=video_id in known)
        if refusal is not None:
            return refusal
    if facts is not None:
        draft.event |= {name: _avro(getattr(facts, name)) for name in every[event_type].catalog}
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
