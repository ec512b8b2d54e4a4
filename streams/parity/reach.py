"""Bringing two generations to one position vector, and keeping them there: the holds of a comparison."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.clock import Clock
from infra.settings import Settings
from streams.folding.hold import LOOK_S, Hold, held, place_hold, release
from streams.folding.progress import Key
from streams.generations.generations import Refused
from streams.generations.operating import Operator
from streams.generations.standing import Bounds, Place, Standing, places

STAND_S = 0.05
NEAR = 20_000
"""Records that a generation may have to go before others are made to wait for it."""
Bring = Callable[[Settings, int, Mapping[Place, int]], object]
"""Folds a generation without a worker up to exactly these offsets."""


@dataclass(slots=True)
class Reach:
    """Brings both generations to one vector, and keeps them there."""

    operator: Operator
    clock: Clock
    generations: tuple[int, int]
    hold_s: float
    run_id: str
    log: Bounds
    bring: Bring
    until: float = 0.0

    def approach(self) -> None:
        """Before anyone stands still: what no worker folds is brought near, what is far behind refused."""
        vector = _greatest(self._standings())
        for generation in self._alone():
            self._bring(generation, vector)
        for one in self._standings():
            missing = _missing(one, vector)
            if missing > NEAR:
                raise Refused(
                    f"generation {one.generation} has {missing} records to go: let it catch up before others "
                    "stand still for it; see `reelfold generations`"
                )

    def stand(self) -> dict[Key, int]:
        """Freeze, agree on a vector, reach it. Answers the vector; every fold of both stands on it."""
        self.until = self.until or time.monotonic() + self.hold_s
        alone = self._alone()
        self._hold(None)
        time.sleep(2 * LOOK_S)  # until every worker has seen it, and what it was folding is folded
        vector = _greatest(self._standings())
        while True:
            self._hold(vector)
            for generation in alone:
                self._bring(generation, vector)
            further = self._reached(vector)
            if further == vector:
                return vector
            vector = further  # a batch was under way when they were told to stand

    def stood(self, vector: Mapping[Key, int]) -> bool:
        """Whether nobody moved while we looked: a large batch may have been under way all the time. Raises
        Refused when the hold ran out."""
        for generation in self.generations:
            hold = held(self.operator.redis, generation)
            if hold is None or hold.by != self.run_id:
                raise Refused(
                    f"the folds went on before all was compared ({self.hold_s:.0f} s): say --hold with more"
                )
        return not any(_missing(one, vector) or _beyond(one, vector) for one in self._standings())

    def release(self) -> None:
        """Let them go on."""
        for generation in self.generations:
            release(self.operator.redis, generation, self.run_id)

    def _reached(self, vector: dict[Key, int]) -> dict[Key, int]:
        """The vector once both stand on it; a greater one when a fold stands beyond it."""
        while True:
            standings = self._standings()
            if any(_beyond(one, vector) for one in standings):
                return _greatest(standings)
            behind = {one.generation: missing for one in standings if (missing := _missing(one, vector))}
            if not behind:
                return vector
            if time.monotonic() > self.until:
                said = ", ".join(f"generation {one} has {missing} to go" for one, missing in behind.items())
                raise Refused(
                    f"not every fold came to the common position within {self.hold_s:.0f} s ({said}): is its "
                    "worker well (`reelfold status`)? Or say --hold with more seconds"
                )
            time.sleep(STAND_S)

    def _hold(self, at: Mapping[Key, int] | None) -> None:
        left = self.until - time.monotonic()
        for generation in self.generations:
            place_hold(self.operator.redis, generation, Hold(at, self.run_id), max(left, 0.001))

    def _bring(self, generation: int, vector: Mapping[Key, int]) -> None:
        self.bring(self.operator.settings, generation, {one: vector[one[1:]] for one in places(vector)})

    def _standings(self) -> list[Standing]:
        return [self.operator.standing(generation, self.log) for generation in self.generations]

    def _alone(self) -> list[int]:
        """Those that no worker folds."""
        return [one for one in self.generations if not self.operator.is_folded(one, self.clock)]


def _greatest(standings: list[Standing]) -> dict[Key, int]:
    vector: dict[Key, int] = {}
    for one in standings:
        for place, at in one.vector.items():
            vector[place] = max(at, vector.get(place, 0))
    return vector


def _missing(one: Standing, vector: Mapping[Key, int]) -> int:
    """Records that its folds have to go."""
    return sum(max(0, vector[place[1:]] - one.positions.get(place, 0)) for place in places(vector))


def _beyond(one: Standing, vector: Mapping[Key, int]) -> bool:
    """Whether a fold of it stands behind the vector's end."""
    return any(at > vector.get(place[1:], 0) for place, at in one.positions.items())
