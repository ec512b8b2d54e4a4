"""What every fold does the same way in Redis: keys, positions, and the transaction that moves them.

A change and its position land together: one Lua call compares the stored position with the expected one,
makes the changes and moves position and stream clock. `commit` sends plain commands through it, a room
whose change is a script of its own uses `run_script`. MULTI and EXEC behind a WATCH do the same for 6.5 us
of client and server a command; the script takes 3.6, for it answers once. Clients are built with
``decode_responses=True``; Redis is 7.0 or later (a script with a header is refused whole when memory is out).

Redis has no rollback: a command of the wrong type leaves its neighbours' changes behind. Therefore
keys of one kind are written by one fold only, and anything but a store that is away is a bug.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
import redis
from redis.commands.core import Script

from projections.position import PositionConflict, StoreUnavailable
from schemas.batch import Records

MAX_COMMANDS = 10_000
"""Commands in one transaction: what Redis does without making its other clients wait noticeably."""

BULK_COMMANDS = 25_000
"""The same for a rebuild, which an operator asked for: its transactions may be noticed."""

MAX_ARGUMENTS = 7_000
"""Words of one command: Lua takes 8,000."""

Argument = str | bytes | int | float
Command = tuple[Argument, ...]
"""One Redis command, such as ("HINCRBY", key, "views", 3)."""

_AWAY = re.compile(
    r"(^|caused error: )(OOM|BUSY|LOADING|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|TRYAGAIN)\b"
)
"""Answers of a Redis that is there but takes no writes now; redis-py puts the command's name before some."""

_GUARDED = """#!lua
local moves = cjson.decode(ARGV[1])
for i = 1, #moves do
  local stored = redis.call('GET', KEYS[2 * i - 1]) or ''
  if stored ~= moves[i][1] then return {0, i, stored} end
end
local function change(KEYS, ARGV)
%s
end
local keys, arguments = {}, {}
for i = 2 * #moves + 1, #KEYS do keys[i - 2 * #moves] = KEYS[i] end
for i = 2, #ARGV do arguments[i - 1] = ARGV[i] end
local answer = change(keys, arguments)
if type(answer) == 'table' then return {1, answer} end
for i = 1, #moves do
  redis.call('SET', KEYS[2 * i - 1], moves[i][2])
  local clock, ticked = moves[i][3], tonumber(redis.call('GET', KEYS[2 * i]) or '0')
  redis.call('SET', KEYS[2 * i], tonumber(clock) > ticked and clock or string.format('%.0f', ticked))
end
return {1, answer or ''}
"""
"""KEYS: position and clock of each partition, then the room's; ARGV: [[expected, next, clock], ...] as texts,
then the room's."""


_COMMANDS = """
local commands = cjson.decode(ARGV[1])
for i = 1, #commands do redis.call(unpack(commands[i])) end
"""
"""All commands are one argument: a word of its own costs the client, the server and Lua more than its share
of a text that C takes apart."""


class Move(NamedTuple):
    """From where to where a partition's position moves, and its stream clock after that."""

    topic: str
    partition: int
    expected: int | None
    next: int
    clock: int


def moves(records: Records, *expected: int | None) -> list[Move]:
    """The moves of a batch, with what is expected of each of its spans."""
    return [
        Move(records.topic, span.partition, before, span.next, span.clock)
        for span, before in zip(records.spans, expected, strict=True)
    ]


class TransactionTooLarge(Exception):
    """A change of more than MAX_COMMANDS commands came in one piece: a bug of the fold that made it."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Tell a Redis that is away (StoreUnavailable) from a bug (left as it is). For sync and async clients."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreUnavailable(f"redis does not answer: {error}") from error
    except redis.exceptions.NoScriptError as error:
        # redis-py loads a script that Redis has forgotten and asks once more: forgotten between the two, it
        # is asked for again from the beginning. Nothing ran.
        raise StoreUnavailable(f"redis forgets its scripts: {error}") from error
    except redis.ResponseError as error:
        if isinstance(error, redis.OutOfMemoryError | redis.ReadOnlyError) or _AWAY.search(str(error)):
            raise StoreUnavailable(f"redis takes no writes: {error}") from error
        raise


class RedisLedger:
    """One fold's positions in one generation, and the transactions that move them.

    Every method raises StoreUnavailable when Redis is away; nothing is known then about a commit that
    was under way: the next one, with the same expected position, finds out.
    """

    def __init__(self, client: redis.Redis, generation: int, fold: str) -> None:
        self.client = client
        self.generation = generation
        self.fold = fold
        self.most_commands = MAX_COMMANDS
        self._scripts: dict[str, Script] = {}

    def key(self, *parts: str | int) -> str:
        """A key of this generation: key("count", "v1") is g1:count:v1."""
        return key(self.generation, *parts)

    def keys(self, *kinds: str) -> Iterator[tuple[str, str, str]]:
        """Every key of these kinds in this generation: (key, kind, "kind:id"). A scan of all of Redis."""
        for kind in kinds:
            prefix = self.key(kind, "")
            for name in self.client.scan_iter(f"{prefix}*", count=1000):
                yield name, kind, f"{kind}:{name.removeprefix(prefix)}"

    def position(self, topic: str, partition: int) -> int | None:
        """The next offset to fold, or None when nothing was folded yet."""
        with store_errors():
            stored = self.client.get(self._position_key(topic, partition))
        return None if stored is None else int(stored)

    def stream_clock(self, topic: str, partition: int) -> int:
        """The greatest appended_at folded of this partition, epoch ms; 0 when none."""
        with store_errors():
            return int(self.client.get(self._clock_key(topic, partition)) or 0)

    def commit(self, moves: Sequence[Move], commands: Sequence[Command]) -> None:
        """Write the commands and move the positions together, if the store stands where each is expected.

        PositionConflict when it does not, with nothing written.
        """
        if not self.fits(commands):
            raise TransactionTooLarge(f"{self.fold}: {len(commands)} commands for {moves}")
        self.run_script(_COMMANDS, (), [packed(commands)], moves)

    def fits(self, commands: Sequence[Command]) -> bool:
        """Whether these commands go into one transaction."""
        return fits(commands, self.most_commands)

    def run_script(
        self,
        script: str,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        moves: Sequence[Move],
    ) -> object:
        """The same guard around a script of the room: Lua whose KEYS and ARGV are those given here.

        ``script`` is the body of a function; what it returns is answered ('' for nil). Scripts are not
        rolled back: check arguments before the first write. PositionConflict with nothing written.
        A script that returns a table has bounded its work and is not done: the position stays, and it
        is called again with what is left. What it did so far must be harmless to do again.
        """
        named = (self._position_key, self._clock_key)
        places = [name(one.topic, one.partition) for one in moves for name in named]
        guard = [
            ("" if one.expected is None else str(one.expected), str(one.next), str(one.clock))
            for one in moves
        ]
        guarded = self._registered(_GUARDED.replace("%s", script))
        with store_errors():
            done, *answer = guarded(keys=[*places, *keys], args=[packed(guard), *arguments])
        if not done:
            nth, stored = answer
            raise PositionConflict(moves[nth - 1].expected, int(stored) if stored else None)
        return answer[0]

    def ask(self, script: str, *arguments: Argument) -> list[Any]:
        """What a script that changes nothing answers."""
        with store_errors():
            return list(self._registered(script)(args=arguments))

    def _registered(self, script: str) -> Script:
        if script not in self._scripts:
            self._scripts[script] = self.client.register_script(script)
        return self._scripts[script]

    def _position_key(self, topic: str, partition: int) -> str:
        return self.key("position", self.fold, topic, partition)

    def _clock_key(self, topic: str, partition: int) -> str:
        return self.key("clock", self.fold, topic, partition)


def packed(said: Any) -> bytes:
    """Lists of text and whole numbers (of less than 2**53) as the one argument of a script: JSON."""
    return orjson.dumps(said, default=_text)


def _text(one: Any) -> str:
    if isinstance(one, bytes):
        return one.decode()
    raise TypeError(f"{one!r} is no argument of a command")


def fits(commands: Sequence[Command], most: int = MAX_COMMANDS) -> bool:
    """Whether these commands go into one transaction."""
    return len(commands) <= most and max(map(len, commands), default=0) <= MAX_ARGUMENTS


def key(generation: int, *parts: str | int) -> str:
    """A key of a generation: key(1, "count", "v1") is g1:count:v1. One id at most, last: none is mistaken."""
    return ":".join((f"g{generation}", *map(str, parts)))
