"""The last of what the server fills in: what the catalog knows, and what the keyring seals."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache

from api.callers.accounts import Principal
from api.callers.roles import OWN_VIDEO
from api.events.facts import FactCache, Facts
from api.events.judged import Judged
from api.events.parsing import Rejection
from api.events.validation import Draft, rules
from infra.access.keyring import Keyring
from schemas.same_shape import SameShape

Known = Mapping[str, Facts | None]


async def complete(judged: Judged, principal: Principal, facts: FactCache, keyring: Keyring) -> None:
    """Complete what is valid; what turns out not to be becomes a Rejection. Raises KeyringUnavailable."""
    asking = _asking(principal.trusted)
    asks = [(place, draft) for place, draft in judged.drafts.items() if draft.event["event_type"] in asking]
    alike = [one.events for one in judged.alike if one.events.event_type in asking]
    if asks or alike:
        wanted = {draft.event["video_id"] for _, draft in asks}
        for events in alike:
            wanted.update(events.fields["video_id"])
        known = await facts.of(wanted)
        for place, draft in asks:
            if (refusal := _filled(draft, principal, known)) is not None:
                del judged.drafts[place]
                judged.rejected[place] = refusal
        for events in alike:
            _fill(events, known)
    private = [draft for draft in judged.drafts.values() if draft.plaintext]
    if private:
        await asyncio.to_thread(_seal, private, keyring)  # a key may have to come over the network


@cache
def _asking(trusted: bool) -> frozenset[str]:
    """The types of which the catalog is asked something."""
    filled = frozenset(event_type for event_type, found in rules().items() if found.catalog)
    return filled if trusted else filled | OWN_VIDEO


def _filled(draft: Draft, principal: Principal, known: Known) -> Rejection | None:
    """Fills in what the catalog knows; why the event is not taken in after all."""
    event_type, video_id = draft.event["event_type"], draft.event["video_id"]
    facts = known.get(video_id)
    if event_type in OWN_VIDEO and not principal.trusted:
        refusal = _foreign(draft, facts, answered=video_id in known)
        if refusal is not None:
            return refusal
    if facts is not None:
        draft.event |= {name: _avro(getattr(facts, name)) for name in rules()[event_type].catalog}
    return None


def _fill(events: SameShape, known: Known) -> None:
    """As `_filled`, of types that are nobody's own."""
    facts = [*map(known.get, events.fields["video_id"])]
    if any(facts):
        for name, unknown in rules()[events.event_type].catalog.items():
            events.fields[name] = [_avro(getattr(one, name)) if one is not None else unknown for one in facts]


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
