"""Facts of operations that Kafka has let go of come from the archive; a hole there is told, and no end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.archive_store import FolderArchiveStore
from infra.kafka.ops_facts import made
from infra.settings import Settings
from schemas.codec import encode
from schemas.topics import OPS
from streams.archive.reading import Archive, Piece
from streams.folding.progress import Key
from streams.generations.generations import live_of
from streams.replay import ops_history
from streams.replay.source import Source
from tests.streams.archives import archived
from tests.streams.kafka import BOOK


class Log:
    """Kafka's side, from which the first five are gone."""

    def keys(self, topics: Sequence[str]) -> list[Key]:
        return [(OPS, 0)]

    def bounds(self, key: Key) -> tuple[int, int]:
        return 5, 5

    def offset_at(self, key: Key, appended_at: int) -> int:
        return 5

    def read(self, key: Key, start: int, until: int, rows: int) -> Iterator[Piece]:
        raise AssertionError("nothing before its start is asked of Kafka")


@pytest.mark.parametrize(("kept", "live"), [(5, 3), (2, 2)])
def test_the_facts_before_the_logs_start_are_in_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, live: int
) -> None:
    facts = [made("generation.promoted", "run-1", 5, generation=n, previous=1) for n in (1, 2, 4)]
    values: list[bytes | None] = [*(encode(one, BOOK) for one in facts), b"no event", None]
    values[2], values[4] = None, encode(facts[2] | {"generation": 3}, BOOK)
    store = FolderArchiveStore(tmp_path)
    archived(store, (OPS, 0), [(10, value) for value in values[:kept]], [kept], BOOK)

    @contextmanager
    def opened(settings: Settings) -> Iterator[Source]:
        yield Source(Log(), Archive(store))

    monkeypatch.setattr(ops_history, "opened", opened)
    found = ops_history.archived(Settings(), BOOK)(5)
    assert [told.offset for told in found] == [0, 1, 4][: 3 if kept == 5 else 2]
    assert live_of(found) == live
