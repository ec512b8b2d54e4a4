"""When a generation may become the one that is read: the rules, over facts and positions."""

from typing import Any

import pytest

from infra.kafka.ops_facts import Told, made
from schemas.book import SchemaBook
from schemas.codec import encode
from streams.generations.generations import Refused, before, live_of, may_promote, parity_of
from streams.generations.standing import Place, Standing

PLACE: Place = ("graph", "rf.graph.v1", 0)
OTHER: Place = ("analytics", "rf.graph.v1", 0)


def told(*facts: dict[str, Any]) -> list[Told]:
    for fact in facts:
        encode(fact, SchemaBook.local())  # every one can be written
    return [Told(offset, fact) for offset, fact in enumerate(facts)]


def promoted(generation: int, previous: int) -> dict[str, Any]:
    return made("generation.promoted", "run-1", 5, generation=generation, previous=previous)


def compared(left: int, right: int, equal: bool = True) -> dict[str, Any]:
    about: dict[str, Any] = {"redis_keys": 1, "clickhouse_rows": 1, "checksum": "0", "held_ms": 9}
    return made(
        "parity.checked", f"run-{left}-{right}", 5,
        left=left, right=right, equal=equal, differing=int(not equal), **about,
    )  # fmt: skip


def filled(generation: int) -> dict[str, Any]:
    return made("replay.started", "run-2", 5, generation=generation)


def at(generation: int, position: int) -> Standing:
    return Standing(generation, {PLACE: position, OTHER: position})


def test_live_is_what_was_promoted_last() -> None:
    assert live_of([]) == 1
    facts = told(promoted(2, 1), compared(1, 2), promoted(1, 2))
    assert live_of(facts) == 1
    assert before(facts) == 2
    with pytest.raises(Refused, match="nothing was ever promoted"):
        before(told(compared(1, 2)))


def test_a_proof_is_the_last_comparison_of_the_two_since_it_was_filled() -> None:
    facts = told(compared(1, 2), compared(3, 2, False))
    assert (found := parity_of(facts, 2, 1)) and found.equal
    assert (last := parity_of(facts, 2)) and not last.equal
    assert parity_of(told(compared(2, 1)), 2, 1), "whichever was named first"
    assert parity_of(told(compared(1, 2), filled(2)), 2, 1) is None
    assert parity_of(told(compared(1, 2), filled(3)), 2, 1)


def test_an_equal_one_that_is_near_is_promoted() -> None:
    proof = may_promote(at(2, 500), at(1, 1_000), told(compared(1, 2)))
    assert proof is not None and proof.run_id == "run-1-2"


@pytest.mark.parametrize(
    ("candidate", "facts", "why"),
    [
        (at(1, 1_000), [compared(1, 2)], "generation 1 is live already"),
        (Standing(2, {}), [compared(1, 2)], "there is no generation 2: fill it first with `reelfold replay"),
        (at(2, 499), [compared(1, 2)], "1002 records behind generation 1"),
        (at(2, 1_000), [], "nothing proves that generation 2 equals generation 1: run `reelfold parity 1 2`"),
        (at(2, 1_000), [compared(1, 2), filled(2)], "nothing proves"),
        (at(2, 1_000), [compared(1, 2), compared(1, 2, False)], "1 keys or rows differed in run-1-2"),
    ],
)
def test_others_are_refused_with_a_sentence_that_says_what_to_do(
    candidate: Standing, facts: list[dict[str, Any]], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        may_promote(candidate, at(1, 1_000), told(*facts))


def test_each_refusal_has_a_name_to_override_it_by() -> None:
    assert may_promote(at(2, 1_000), at(1, 1_000), [], unproved=True) is None
    assert may_promote(at(2, 0), at(1, 1_000), told(compared(1, 2)), incomplete=True)
    with pytest.raises(Refused, match="behind"):
        may_promote(at(2, 0), at(1, 1_000), [], unproved=True)
    with pytest.raises(Refused, match="nothing proves"):
        may_promote(at(2, 0), at(1, 1_000), [], incomplete=True)
