"""Pages of (at, id), newest first, after a keyset: what every list of the read side is cut by.

The order is total, (at, id) descending, so a page never repeats or skips an item that stays: the
keyset is the last item of the page before, whether or not it is still there.
"""

from collections.abc import Iterable

Keyset = tuple[int, str]
"""(epoch ms, id)"""


def page(items: Iterable[Keyset], before: Keyset | None, limit: int) -> list[Keyset]:
    """The newest ``limit`` of the items that lie before the keyset; all of them when it is None."""
    ordered = sorted(items, reverse=True)
    return [item for item in ordered if before is None or item < before][:limit]
