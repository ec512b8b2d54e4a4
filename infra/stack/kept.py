"""Which generations have a worker here: a file of the data folder that the supervisor watches.

    <data>/generations.json    {"workers": [1, 2]}

Without the file there is the one of the settings. It is a wish of this machine, not a truth of the log.
"""

import contextlib
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

FILE = "generations.json"


def kept(data: Path, default: int) -> tuple[int, ...]:
    """The generations that have a worker, in order; ``default`` alone when none was ever named."""
    try:
        found = json.loads((data / FILE).read_text("utf-8"))["workers"]
    except FileNotFoundError:
        return (default,)
    return tuple(sorted({int(one) for one in found}))


def keep(data: Path, default: int, generation: int) -> bool:
    """Have a worker for this generation; False when there was one already."""
    return _changed(data, default, {generation}, set())


def let_go(data: Path, default: int, generation: int) -> bool:
    """Have none any more; False when there was none."""
    return _changed(data, default, set(), {generation})


def _changed(data: Path, default: int, more: set[int], less: set[int]) -> bool:
    with _alone(data):
        before = set(kept(data, default))
        after = (before | more) - less
        if after == before:
            return False
        half = data / f"{FILE}.half"
        half.write_text(json.dumps({"workers": sorted(after)}), "utf-8")
        half.rename(data / FILE)
        return True


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Two commands at once must not lose each other's wish."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "generations.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
