"""What every fold does the same way with its Redis ledger: fold, cut what is too large, remember."""

from collections.abc import Sequence

import redis

from projections.ledgered import Ledgered
from projections.position import PositionConflict
from projections.redis_ledger import BULK_COMMANDS, Command, Move, RedisLedger, moves, store_errors
from schemas.batch import RecordBatch, Records, TopicBatch


class RedisFold(Ledgered[RedisLedger]):
    """A FoldStore over a RedisLedger; a room says only which commands records come to.

    A batch that comes to more commands than a transaction takes is cut, by partition first and then at
    offsets, until each piece fits; every piece carries its position.
    """

    def __init__(self, client: redis.Redis, generation: int) -> None:
        self.ledger = RedisLedger(client, generation, self.name)

    def commands(self, batch: Records) -> list[Command]:
        """What the batch changes. May read prior state: only the partition's owner writes it."""
        raise NotImplementedError

    def in_bulk(self) -> None:
        """Nobody reads this generation yet: write in larger transactions."""
        self.ledger.most_commands = BULK_COMMANDS

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        batch = batch.only(self.events)
        with store_errors():
            commands = self.commands(batch)
        if self.ledger.fits(commands) or len(batch) < 2:
            self._commit(batch, expected, commands)
            return
        share = min(0.5, 0.8 * self.ledger.most_commands / len(commands))
        for piece in batch.pieces(max(1, int(len(batch) * share))):
            self.apply(piece, expected)
            expected = piece.next

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        """See FoldsTogether. What is too large for one transaction goes partition by partition."""
        batch = batch.only(self.events)
        with store_errors():
            commands = self.commands(batch)
        if self.ledger.fits(commands):
            self.ledger.commit(moves(batch, *expected), commands)
            self.committed(batch)
            return
        self._apply_each(batch, expected)

    def _apply_each(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        for one, before in zip(batch.batches(), expected, strict=True):
            self.apply(one, before)

    def _commit(self, batch: RecordBatch, expected: int | None, commands: list[Command]) -> None:
        try:
            self.ledger.commit(moves(batch, expected), commands)
        except PositionConflict as conflict:
            # What lies before the position is folded, by whomever: perhaps by this very batch, when
            # the answer to its first commit was lost.
            self.committed(batch.until(conflict.stored or 0))
            raise
        self.committed(batch)


class ApartFold(RedisFold):
    """A RedisFold whose topics have nothing to do with one another: no record of one changes what commands
    for another's depend on. So they are made side by side, and written in one transaction."""

    def apply_topics(self, batches: Sequence[TopicBatch], expected: Sequence[Sequence[int | None]]) -> None:
        """See FoldsTopics. What is too large for one transaction goes topic by topic."""
        batches = [batch.only(self.events) for batch in batches]
        with store_errors():
            commands = [command for batch in batches for command in self.commands(batch)]
        if not self.ledger.fits(commands):
            for batch, before in zip(batches, expected, strict=True):
                self.apply_together(batch, before)
            return
        steps = zip(batches, expected, strict=True)
        self.ledger.commit([move for batch, before in steps for move in moves(batch, *before)], commands)
        for batch in batches:
            self.committed(batch)


class ScriptedFold(RedisFold):
    """A RedisFold whose change is a script of its own: a room says how at most ``rows`` are written."""

    rows: int

    def write(self, records: Records, moves: Sequence[Move]) -> None:
        """Write what these records change and move the positions, in one transaction."""
        raise NotImplementedError

    def apply(self, batch: RecordBatch, expected: int | None) -> None:
        batch = batch.only(self.events)
        for piece in batch.pieces(self.rows):
            self.write(piece, moves(piece, expected))
            expected = piece.next

    def apply_together(self, batch: TopicBatch, expected: Sequence[int | None]) -> None:
        batch = batch.only(self.events)
        if len(batch) <= self.rows:
            self.write(batch, moves(batch, *expected))
        else:
            self._apply_each(batch, expected)
