"""Survivors that no test can tell from the code: looked at one by one, and why.

They count as not killed in the figures. An entry holds while the text of the change is the same.
"""

from tests.mutants.operators import Mutant

REASONS: dict[tuple[str, str, str], str] = {}
"""(module, before, after) -> why it makes no difference."""


def reason(mutant: Mutant) -> str:
    """Why this one is no fault; empty when nobody has said so."""
    return REASONS.get((mutant.module, mutant.before, mutant.after), "")
