"""A generation's Redis keys as hashes: which are compared, in which form, and what they sum to. Pure."""

import hashlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from projections.seen.fold import CAP
from projections.seen.lines import newest

EXCLUDED: Mapping[str, str] = {
    "position:": "compared as the position vector",
    "lag": "what a worker last told of itself, by the machine's clock",
    "whole": "a worker's mark that nothing was lost, for readers",
    "hold": "the comparison's own",
    "trend:rank:": "made anew from the buckets every two seconds, and when somebody asks",
    "trend:turn:": "says that somebody ranked just now",
    "trend:buckets": "names outdated buckets too, until a ranking drops them",
    "feed:pushed:": "what was pushed and not yet cut off depends on which partition came first: "
    "compared as what a reader gets, feed:page",
    "feed:latest": "says what of that is in order",
    "feed:celebrities": "who once had so many followers depends on it too: compared as feed:page",
}
"""Beginnings of keys that are no function of the log, and why: nothing else is left out."""
PUSHED = "pushed"
"""The field of feed:video that says whether followers were pushed to: left out as the celebrities are."""

Ids = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one kind of key: how many, and the xor and the sum (modulo 2**64) of their hashes."""

    count: int
    xor: int
    total: int


@dataclass(slots=True)
class Content:
    """One generation's keys as hashes, each once."""

    keys: Ids
    values: Ids
    sums: dict[str, Sum]


@dataclass(slots=True)
class Gathering:
    """Keys as they are read: 18 bytes each, whatever they hold."""

    keys: "array[int]" = field(default_factory=lambda: array("Q"))
    values: "array[int]" = field(default_factory=lambda: array("Q"))
    kinds: "array[int]" = field(default_factory=lambda: array("H"))
    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, content: bytes) -> None:
        """One key more."""
        self.keys.append(hash_of(name.encode()))
        self.values.append(hash_of(name.encode() + b"\0" + content))
        self.kinds.append(self.numbers.setdefault(kind_of(name), len(self.numbers)))

    def content(self) -> Content:
        """Without repetitions: a scan may tell a key twice."""
        keys, first = np.unique(np.array(self.keys, np.uint64), return_index=True)
        values = np.array(self.values, np.uint64)[first]
        kinds = np.array(self.kinds, np.uint16)[first]
        return Content(keys, values, {kind: sum_of(values[kinds == n]) for kind, n in self.numbers.items()})


def kind_of(name: str) -> str:
    """The kind of a key: its first word, or two where a room has several under one."""
    words = name.split(":")
    return ":".join(words[:2]) if words[0] in ("feed", "trend") else words[0]


def canonical(name: str, kind: str, answer: Any) -> Any:
    """A key's content in a form that does not depend on how it came about."""
    if kind == "hash":
        held = dict(answer) if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
        if name.startswith("feed:video:"):
            held.pop(PUSHED, None)
        if name.startswith("count:"):  # a count that came back to zero is one that never was
            held = {one: number for one, number in held.items() if int(number)}
        return sorted(held.items())
    if kind == "set":
        return sorted(answer)
    if name.startswith(("watched:", "displayed:")):  # lines in any order
        return newest(answer, CAP)
    return answer


def hash_of(data: bytes) -> int:
    """64 bits of anything."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def sum_of(values: Ids) -> Sum:
    """What these hashes come to, in whatever order."""
    xor = int(np.bitwise_xor.reduce(values)) if len(values) else 0
    return Sum(len(values), xor, int(np.add.reduce(values, dtype=np.uint64)))
