"""Survivors that no test can tell from the code: looked at one by one, and why.

They count as not killed in the figures. An entry holds while the text of the change is the same.
"""

from tests.mutants.operators import Mutant

_SAME_VERSION = "a version holds the event's id: equal versions are one fact, said twice"
REASONS: dict[tuple[str, str, str], str] = {
    ("projections/catalog/fold.py", "fact.version < stored.version", "fact.version <= stored.version"): (
        _SAME_VERSION
    ),
    ("projections/catalog/fold.py", "fact.version > stored.version", "fact.version >= stored.version"): (
        _SAME_VERSION
    ),
    ("projections/graph/fold.py", "edge > stored", "edge >= stored"): _SAME_VERSION,
}
"""(module, before, after) -> why it makes no difference."""


def reason(mutant: Mutant) -> str:
    """Why this one is no fault; empty when nobody has said so."""
    return REASONS.get((mutant.module, mutant.before, mutant.after), "")
