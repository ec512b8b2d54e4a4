"""Settling dead letters: sending the originals again, or giving them up.

A letter is sent again byte for byte (key, value, headers) to the partition it came from, so its event_id and
version are kept and folds that saw it count it once. It is sent only when a worker of now could read it. What
was confirmed by the brokers is told as a fact; a run that dies in between sends again, which is harmless.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.kafka.config import producer
from infra.kafka.ops_facts import Fact, made
from infra.kafka.publisher import LogUnavailable
from infra.settings import Settings
from schemas.book import SchemaBook
from schemas.catalogue import EventSchema
from schemas.errors import UnknownSchema
from streams.batches.assembling import assemble
from streams.batches.runs import Run
from streams.letters.parking import CUT_BYTES
from streams.letters.reading import Parked, Place
from streams.letters.settled import DISCARDED, REDRIVEN, Settled

PIECE = 500
"""Letters that are sent, confirmed and told together."""
PIECE_BYTES = 16 * 1024 * 1024
CONFIRM_S = 30.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is not named does not narrow it."""

    places: frozenset[Place] = frozenset()
    topic: str | None = None
    partition: int | None = None
    reason: str | None = None

    def __contains__(self, letter: Parked) -> bool:
        place = letter.place
        return (
            (not self.places or place in self.places)
            and self.topic in (None, place.topic)
            and self.partition in (None, place.partition)
            and self.reason in (None, letter.reason)
        )


@dataclass(slots=True)
class Report:
    """What a run did. ``refused``: place -> why it was left where it is."""

    settled: list[Place] = field(default_factory=list)
    before: int = 0
    """How many of the selection were settled before."""
    refused: dict[str, str] = field(default_factory=dict)
    left: bool = False
    """Whether there are more than the bound allowed."""
    missing: set[Place] = field(default_factory=set)
    """Places that were asked for and have no letter."""


class Judge:
    """Whether a worker of now could read a letter. ``lookup`` asks the registry: UnknownSchema,
    RegistryUnavailable."""

    def __init__(self, book: SchemaBook, lookup: Callable[[int], EventSchema]) -> None:
        self.book = book
        self._lookup = lookup
        self._nobodys: set[int] = set()

    def refusal(self, letter: Parked) -> str:
        """Why it must not be sent again; empty when it may. Raises RegistryUnavailable."""
        if letter.cut:
            return (
                f"the record was larger than is kept: {letter.whole_bytes} bytes, of which {CUT_BYTES} stand "
                "here; whoever sent it must send it again in a size that the topic takes"
            )
        place = letter.place
        run = Run(place.topic, place.partition, place.offset)
        run.add(place.offset, letter.appended_at, letter.value)
        for schema_id in run.schema_ids() - self.book.by_id.keys() - self._nobodys:
            self._ask(schema_id)
        _, invalid = assemble(run, self.book.by_id)
        return "".join(f"it still cannot be read: {one.error}" for one in invalid)

    def _ask(self, schema_id: int) -> None:
        try:
            self.book = self.book.with_schema(schema_id, self._lookup(schema_id))
        except UnknownSchema:
            self._nobodys.add(schema_id)


def redrive(
    letters: Iterable[Parked],
    chosen: Selection,
    done: Mapping[str, Settled],
    most: int,
    judge: Judge,
    send: Callable[[Sequence[Parked]], None],
    tell: Callable[[Sequence[Place]], None],
) -> Report:
    """Send the chosen letters again, at most ``most`` of them. ``tell`` comes after each piece was confirmed.

    Raises what ``send`` and ``tell`` raise: LogUnavailable, RegistryUnavailable.
    """
    report, piece = Report(), list[Parked]()
    for letter in _open(letters, chosen, done, report):
        if why := judge.refusal(letter):
            report.refused[str(letter.place)] = why
            continue
        if len(report.settled) + len(piece) >= most:
            report.left = True
            break
        piece.append(letter)
        if len(piece) >= PIECE or sum(len(one.value or b"") for one in piece) >= PIECE_BYTES:
            _settle(piece, send, tell, report)
    if piece:
        _settle(piece, send, tell, report)
    return report


def _settle(
    piece: list[Parked],
    send: Callable[[Sequence[Parked]], None],
    tell: Callable[[Sequence[Place]], None],
    report: Report,
) -> None:
    send(piece)
    tell([letter.place for letter in piece])
    report.settled += [letter.place for letter in piece]
    piece.clear()


def discard(
    letters: Iterable[Parked],
    chosen: Selection,
    done: Mapping[str, Settled],
    most: int,
    tell: Callable[[Sequence[Place]], None],
) -> Report:
    """Give the chosen letters up, at most ``most`` of them. Raises what ``tell`` raises."""
    report, places = Report(), list[Place]()
    for letter in _open(letters, chosen, done, report):
        if len(places) >= most:
            report.left = True
            break
        places.append(letter.place)
    for start in range(0, len(places), PIECE):
        piece = places[start : start + PIECE]
        tell(piece)
        report.settled += piece
    return report


def _open(
    letters: Iterable[Parked], chosen: Selection, done: Mapping[str, Settled], report: Report
) -> Iterator[Parked]:
    report.missing = set(chosen.places)
    for letter in letters:
        if letter in chosen:
            report.missing.discard(letter.place)
            if str(letter.place) in done:
                report.before += 1
            else:
                yield letter


def facts(places: Sequence[Place], redriven: bool, run_id: str, now_ms: int, why: str | None) -> Fact:
    """The fact that these letters are settled."""
    names = [str(place) for place in places]
    kind = REDRIVEN if redriven else DISCARDED
    return made(kind, run_id, now_ms, letters=len(names), places=names, reason=why)


def send_again(settings: Settings, letters: Sequence[Parked]) -> None:
    """Return when the brokers have every letter, partition by partition in the order of the originals.

    Raises LogUnavailable; some may then have been sent.
    """
    writer = Producer(producer(settings))
    failed: list[str] = []

    def answered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(error.str())

    for letter in sorted(letters, key=lambda one: one.place):
        place = letter.place
        try:
            writer.produce(
                place.topic,
                letter.value,
                letter.key,
                place.partition,
                headers=list(letter.headers),
                on_delivery=answered,
            )
        except (BufferError, KafkaException) as error:
            failed.append(str(error))
    left = writer.flush(CONFIRM_S)
    if failed or left:
        raise LogUnavailable(f"{len(failed) + left} of {len(letters)} were not confirmed: {failed[:1] or ''}")
