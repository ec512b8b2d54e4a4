"""The archive's arithmetic and its files: nothing is missing, nothing is changed, however it was cut."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.archive_store import ArchiveUnavailable, FolderArchiveStore
from schemas.archived import ArchivedRecord, DamagedArchive, read_columns, read_records, write_records
from schemas.book import SchemaBook
from streams.archive import reading as archive_reading
from streams.archive.ranges import Hole, Manifest, Range, closes_at, covering, holes, parse, reach
from streams.archive.reading import Archive
from streams.archive.status import status, verify
from streams.archive.writing import _named
from tests.streams.archives import stored

KEY = ("rf.graph.v1", 0)

small = st.binary(max_size=12)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | small), max_size=3).map(tuple)
records = st.lists(
    st.builds(
        ArchivedRecord,
        st.integers(0, 2**62),
        st.integers(-1, 2**41),
        st.integers(0, 2),
        st.none() | small,
        st.none() | small,
        headers,
    ),
    max_size=8,
)
spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=10).map(
    lambda found: [Range(*KEY, first, first + length) for first, length in found]
)


@given(records)
def test_a_file_gives_back_every_byte_and_is_the_same_file_for_every_writer(
    given_records: list[ArchivedRecord],
) -> None:
    one, other = io.BytesIO(), io.BytesIO()
    write_records(one, given_records, "mark")
    write_records(other, iter(given_records), "mark")
    assert one.getvalue() == other.getvalue()
    one.seek(0)
    assert list(read_records(one)) == given_records


@given(records=records.filter(bool))
def test_columns_are_what_the_records_say(
    tmp_path_factory: pytest.TempPathFactory, records: list[ArchivedRecord]
) -> None:
    path = tmp_path_factory.mktemp("columns") / "file"
    with path.open("wb") as file:
        write_records(file, records, "mark")
    expected = [(one.offset, one.timestamp, one.value) for one in records]
    assert read_columns(path).rows() == expected


def test_what_is_no_archive_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"Obj\x01nonsense")
    with pytest.raises(DamagedArchive):
        read_columns(tmp_path / "file")
    with pytest.raises(DamagedArchive), (tmp_path / "file").open("rb") as file:
        list(read_records(file))


@given(spans, st.integers(0, 45))
def test_reach_and_holes_are_what_counting_offsets_says(ranges: list[Range], start: int) -> None:
    held = {offset for one in ranges for offset in range(one.first, one.next)}
    end = start
    while end in held:
        end += 1
    assert reach(ranges, start) == end
    missing = {offset for hole in holes(ranges) for offset in range(hole.start, hole.next)}
    assert missing == (set(range(min(held), max(held))) - held if held else set())


@given(spans, st.integers(0, 45))
def test_walking_from_range_to_range_comes_as_far_as_reach_says(ranges: list[Range], start: int) -> None:
    at, steps = start, 0
    while (one := covering(ranges, at)) is not None:
        at, steps = one.next, steps + 1
    assert at == reach(ranges, start)
    assert steps <= len(ranges)


@given(spans)
def test_names_tell_the_ranges_and_only_those_with_a_manifest_count(ranges: list[Range]) -> None:
    names = [one.manifest_name for one in ranges] + ["rf.x/0/notes.json", "rf.x/0/1-2.json"]
    assert parse(names) == sorted(ranges)
    assert parse(one.object_name for one in ranges) == []


def test_ranges_close_at_multiples() -> None:
    assert [closes_at(start, 10) for start in (0, 9, 10, 25)] == [10, 10, 20, 30]


def test_a_manifest_of_a_later_version_can_be_read() -> None:
    made = Manifest("t", 0, 0, 9, 10, "ab", 100, 1, 2)
    assert Manifest.from_json(made.to_json().replace(b"{", b'{"new": 1,', 1)) == made


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=4),
    st.integers(0, 40),
    st.integers(0, 60),
    st.integers(1, 9),
)
def test_reading_gives_each_record_once_for_any_cut(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], start: int, until: int, rows: int
) -> None:
    store = FolderArchiveStore(tmp_path_factory.mktemp("archive"))
    end = stored(store, KEY, sizes)
    pieces = list(Archive(store).read(KEY, start, until, rows))
    read = [offset for piece in pieces for offset in piece.run.offsets]
    assert read == list(range(start, min(until, end)))
    assert all(len(piece.run) <= rows for piece in pieces)
    assert [piece.run.start for piece in pieces[1:]] == [piece.next for piece in pieces[:-1]]


def test_small_ranges_come_as_one_run_unless_ids_mean_something_else_or_it_grows_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderArchiveStore(tmp_path)
    stored(store, KEY, [5, 5, 5])
    whole = Archive(store)
    assert [len(piece.run) for piece in whole.read(KEY, 0, 15, 100)] == [15]
    assert [len(piece.run) for piece in whole.read(KEY, 2, 15, 11)] == [8, 5]
    monkeypatch.setattr(archive_reading, "MOST_BYTES", 12)
    assert [len(piece.run) for piece in whole.read(KEY, 0, 15, 100)] == [10, 5], (
        "each has 5 bytes, the last 10"
    )
    monkeypatch.undo()
    middle = Range(*KEY, 5, 9)
    store.put(
        middle.manifest_name, replace(whole.manifest(middle), schemas=_named(SchemaBook.local())).to_json()
    )
    assert [len(piece.run) for piece in Archive(store).read(KEY, 0, 15, 100)] == [5, 5, 5]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.integers(0, 700))
def test_times_are_found_in_the_archive(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], at: int
) -> None:
    store = FolderArchiveStore(tmp_path_factory.mktemp("archive"))
    end = stored(store, KEY, sizes)  # offset n was appended at 10 n
    expected = -(-at // 10)
    assert Archive(store).offset_at(KEY, at) == (expected if expected < end else None)


def test_a_gap_and_a_damaged_file_are_told(tmp_path: Path) -> None:
    store = FolderArchiveStore(tmp_path)
    stored(store, KEY, [10, 10, 10])
    [whole] = status(Archive(store), {KEY: (30, 40)})
    assert (whole.ranges, whole.first, whole.next, whole.rows, whole.holes) == (3, 0, 30, 30, ())
    [late] = status(Archive(store), {KEY: (35, 40)})
    assert late.holes == (Hole(30, 35),)
    assert [reason for _, reason in verify(Archive(store), [KEY])] == ["", "", ""]

    middle = Range(*KEY, 10, 19)
    (tmp_path / middle.manifest_name).unlink()
    [broken] = status(Archive(store), {KEY: None})
    assert broken.holes == (Hole(10, 20),)
    assert broken.document()["gaps"] == [[10, 20]]

    last = tmp_path / Range(*KEY, 20, 29).object_name
    last.write_bytes(last.read_bytes() + b"x")
    assert ["manifest" in reason for _, reason in verify(Archive(store), [KEY])] == [False, True]
    with pytest.raises(DamagedArchive, match="backup"):
        list(Archive(store).read(KEY, 20, 30, 100))
    last.unlink()
    with pytest.raises(ArchiveUnavailable):
        list(Archive(store).read(KEY, 20, 30, 100))
