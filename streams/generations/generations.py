"""Which generations there are, and when one may become the one that is read: rules, and no store.

The truth of which is live is the last generation.promoted on rf.ops.v1. A generation may be promoted when it
is as far as the live one, and when a parity run after it was last filled found the two equal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.kafka.ops_facts import Told
from projections.live import FIRST
from streams.generations.pointer import last_promotion
from streams.generations.standing import Bounds, Standing

BEHIND = 1_000
"""Records that a generation may be behind the live one, over all folds, when it is promoted."""


class Refused(Exception):
    """What was asked for must not be done; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Parity:
    """The last comparison of a generation with another one."""

    run_id: str
    other: int
    equal: bool
    differing: int
    at: int


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation as it stands. ``worker``: whether one is kept for it here."""

    standing: Standing
    live: bool
    worker: bool
    lag: int
    behind: int
    """Records that it is behind the live one."""
    parity: Parity | None

    @property
    def number(self) -> int:
        return self.standing.generation

    def document(self) -> dict[str, Any]:
        """For machines."""
        parity = self.parity and {
            "run_id": self.parity.run_id,
            "other": self.parity.other,
            "equal": self.parity.equal,
            "differing": self.parity.differing,
            "at": self.parity.at,
        }
        positions = {"|".join(map(str, place)): at for place, at in sorted(self.standing.positions.items())}
        return {
            "generation": self.number,
            "live": self.live,
            "worker": self.worker,
            "lag": self.lag,
            "behind_live": self.behind,
            "last_parity": parity,
            "positions": positions,
        }


def live_of(facts: Iterable[Told]) -> int:
    """The live generation, by the log."""
    found = last_promotion(facts)
    return FIRST if found is None else int(found.fact["generation"])


def parity_of(facts: Iterable[Told], generation: int, other: int | None = None) -> Parity | None:
    """The last parity run of a generation (with this other one), None when it was filled anew since."""
    found = None
    for told in facts:
        fact = told.fact
        if told.kind == "parity.checked" and generation in (pair := {fact["left"], fact["right"]}):
            whom = next(iter(pair - {generation}), generation)
            if other in (None, whom):
                found = Parity(
                    fact["run_id"], whom, fact["equal"], fact["differing"], int(fact["occurred_at"])
                )
        elif told.kind in ("replay.started", "generation.dropped") and fact["generation"] == generation:
            found = None
    return found


def described(
    standings: Sequence[Standing], live: Standing, workers: Sequence[int], log: Bounds, facts: Sequence[Told]
) -> list[Generation]:
    """Every generation, told apart."""
    return [
        Generation(
            standing=one,
            live=one.generation == live.generation,
            worker=one.generation in workers,
            lag=one.lag(log),
            behind=one.behind(live),
            parity=parity_of(facts, one.generation),
        )
        for one in standings
    ]


def may_promote(
    candidate: Standing,
    live: Standing,
    facts: Sequence[Told],
    most_behind: int = BEHIND,
    unproved: bool = False,
    incomplete: bool = False,
) -> Parity | None:
    """The proof, or None where none was asked for. Raises Refused."""
    number, now = candidate.generation, live.generation
    if number == now:
        raise Refused(f"generation {number} is live already")
    if not candidate.positions:
        raise Refused(
            f"there is no generation {number}: fill it first with `reelfold replay --into {number}`"
        )
    behind = candidate.behind(live)
    if behind > most_behind and not incomplete:
        raise Refused(
            f"generation {number} is {behind} records behind generation {now}, which is live, and "
            f"{most_behind} are allowed: let it catch up (`reelfold replay --into {number}`), "
            "or say --incomplete"
        )
    proof = parity_of(facts, number, now)
    if unproved or (proof is not None and proof.equal):
        return proof if proof is not None and proof.equal else None
    if proof is None:
        raise Refused(
            f"nothing proves that generation {number} equals generation {now}: run `reelfold parity {now} "
            f"{number}` first, or say --unproved"
        )
    raise Refused(
        f"generation {number} is not equal to generation {now}: {proof.differing} keys or rows differed in "
        f"{proof.run_id}; see `reelfold parity {now} {number}`, or say --unproved"
    )


def before(facts: Iterable[Told]) -> int:
    """The generation that was live before the one that is. Raises Refused."""
    last = last_promotion(facts)
    if last is None:
        raise Refused("nothing was ever promoted: there is nothing to go back to")
    return int(last.fact["previous"])
