"""Which modules are mutated, and by which tests each is held.

``fast`` needs no broker (at most a Redis) and comes first; ``broker`` is for what the fast ones let live.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_COUNTING, _SOCIAL = "tests/laws/test_counting_laws.py", "tests/laws/test_social_laws.py"
_LEDGER = ("tests/contracts/test_seen.py", "tests/contracts/test_graph.py")

_TOGETHER = "tests/streams/test_together.py"
_SMALL = "tests/projections/test_small_print.py"
_LIKES = "tests/projections/test_columns_of_likes.py"
_JUDGED = "tests/api/test_judged.py"
_GROUPED = "tests/schemas/test_grouped.py"
_LETTERS = (
    "tests/streams/test_parking.py",
    "tests/streams/test_deadletters.py::test_a_message_counts_once_however_often_it_is_read",
    "tests/streams/test_deadletters.py::test_too_many_in_a_row_or_too_large_a_share_is_no_fault_of_single_messages",
)


@dataclass(frozen=True, slots=True)
class Held:
    """A module and its tests."""

    module: str
    fast: tuple[str, ...]
    broker: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Its file."""
        return ROOT / self.module

    @property
    def imported_as(self) -> str:
        """Its name."""
        return self.module.removesuffix(".py").replace("/", ".")


TABLE = (
    Held("projections/catalog/fold.py", (_SMALL, "tests/contracts/test_catalog.py", _SOCIAL)),
    Held("projections/engagement/fold.py", (_SMALL, _LIKES, "tests/contracts/test_engagement.py", _COUNTING)),
    Held("projections/feed/fold.py", (_SMALL, "tests/contracts/test_feed.py", _SOCIAL)),
    Held("projections/graph/fold.py", (_SMALL, "tests/contracts/test_graph.py", _SOCIAL)),
    Held(
        "projections/renditions/fold.py",
        (_SMALL, "tests/projections/test_renditions_fold.py", "tests/contracts/test_renditions.py"),
    ),
    Held("projections/seen/fold.py", (_SMALL, "tests/contracts/test_seen.py")),
    Held(
        "projections/seen/lines.py", ("tests/projections/test_seen_lines.py", "tests/contracts/test_seen.py")
    ),
    Held("projections/trending/fold.py", (_SMALL, "tests/contracts/test_trending.py", _COUNTING)),
    Held(
        "projections/recent.py",
        (_SMALL, "tests/laws/test_recent_ids.py", "tests/contracts/test_engagement.py", _COUNTING),
    ),
    Held(
        "projections/versions.py",
        (_SMALL, "tests/contracts/test_catalog.py", "tests/contracts/test_engagement.py", _SOCIAL),
    ),
    Held(
        "projections/redis_ledger.py",
        (_SMALL, *_LEDGER, "tests/contracts/test_engagement.py", _COUNTING, _SOCIAL),
    ),
    Held(
        "projections/redis_fold.py",
        (*_LEDGER, "tests/contracts/test_engagement.py", "tests/contracts/test_feed.py", _COUNTING, _SOCIAL),
    ),
    Held("projections/redis_words.py", (_LIKES, "tests/contracts/test_seen.py", _COUNTING)),
    Held("projections/ledgered.py", (*_LEDGER, "tests/contracts/test_engagement.py")),
    Held("projections/memory_ledger.py", (*_LEDGER, "tests/contracts/test_engagement.py")),
    Held(
        "streams/folding/progress.py",
        ("tests/streams/test_places.py", "tests/streams/test_progress.py", _TOGETHER),
    ),
    Held(
        "streams/folding/runner.py",
        ("tests/streams/test_runner.py", "tests/streams/test_sink.py", _TOGETHER),
        ("tests/streams/test_lane.py",),
    ),
    Held(
        "streams/folding/held_back.py",
        ("tests/streams/test_held_back.py", "tests/streams/test_hold.py", _TOGETHER),
    ),
    Held("streams/folding/handouts.py", ("tests/streams/test_held_back.py", _TOGETHER)),
    Held("streams/batches/assembling.py", ("tests/streams/test_assembling.py", _TOGETHER)),
    Held("streams/batches/runs.py", ("tests/streams/test_assembling.py", _TOGETHER)),
    Held("streams/batches/decoding.py", ("tests/streams/test_decoder.py",), ("tests/streams/test_lane.py",)),
    Held("streams/lane/lane.py", ("tests/streams/test_lane_rounds.py",), ("tests/streams/test_lane.py",)),
    Held(
        "streams/lane/assignment.py", ("tests/streams/test_assignment.py",), ("tests/streams/test_lane.py",)
    ),
    Held(
        "streams/folding/consumer_log.py",
        ("tests/streams/test_assignment.py",),
        ("tests/streams/test_lane.py",),
    ),
    Held("streams/lane/intake.py", ("tests/streams/test_intake.py",), ("tests/streams/test_lane.py",)),
    Held("api/events/shapes.py", ("tests/api/test_shapes.py", _JUDGED)),
    Held("api/events/judged.py", (_JUDGED, "tests/api/test_shapes.py")),
    Held("api/events/completion.py", (_JUDGED, "tests/api/test_auth_roles.py", "tests/api/test_intake.py")),
    Held("api/events/columns.py", ("tests/api/test_shapes.py",)),
    Held("api/events/intake.py", (_JUDGED, "tests/api/test_intake.py", "tests/api/test_wrong_requests.py")),
    Held("api/events/answers.py", (_JUDGED, "tests/api/test_intake.py")),
    Held("schemas/same_shape.py", (_JUDGED, _GROUPED)),
    Held("schemas/grouped.py", (_JUDGED, _GROUPED)),
    Held("infra/kafka/messages.py", (_JUDGED, "tests/infra_clients/test_publisher.py")),
    Held("streams/letters/parking.py", _LETTERS, ("tests/streams/test_deadletters.py",)),
)
