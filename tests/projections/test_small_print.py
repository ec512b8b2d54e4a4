"""What stored keys and positions hang on, and the edges of the job's state machine."""

import numpy as np
import polars as pl
import pytest
import redis

from infra.settings import Settings
from projections.feed import fold as feed
from projections.position import StoreUnavailable
from projections.recent import Marked, RecentIds, RecentRecords
from projections.redis_ledger import BULK_COMMANDS, MAX_ARGUMENTS, MAX_COMMANDS, fits, store_errors
from projections.renditions.fold import Job, MediaHalf, VideoHalf, evolve, fair, next_step
from projections.seen import fold as seen
from projections.trending import fold as trending
from projections.versions import clamped, occurred
from streams.folds import every_fold
from tests.builders import event

NAMED = {
    "catalog": ("rf.identity.v1", "rf.video.v1", "rf.media.v1"),
    "graph": ("rf.graph.v1",),
    "engagement": ("rf.playback.v1", "rf.engagement.v1"),
    "feed": ("rf.graph.v1", "rf.video.v1"),
    "seen": ("rf.playback.v1", "rf.feed.v1"),
    "trending": ("rf.playback.v1", "rf.engagement.v1"),
    "renditions": ("rf.video.v1", "rf.media.v1"),
}


def test_a_fold_keeps_its_name_and_its_topics_which_its_stored_positions_are_filed_under() -> None:
    found = {fold.name: fold.topics for fold in every_fold(Settings(), 1)["redis"]}
    assert found == NAMED
    assert (seen.CAP, feed.CAP) == (5_000, 400)


def test_a_clients_clock_is_held_within_a_week_before_and_five_minutes_after_the_gateways() -> None:
    now = 1_800_000_000_000
    given = [0, now - 604_800_000, now - 1, now + 300_000, now + 300_001, 2 * now]
    held = [now - 604_800_000, now - 604_800_000, now - 1, now + 300_000, now + 300_000, now + 300_000]
    assert [occurred({"occurred_at": at, "received_at": now}) for at in given] == held
    frame = pl.DataFrame({"occurred_at": given, "received_at": [now] * len(given)})
    assert frame.select(clamped())["occurred_at"].to_list() == held


def test_what_is_too_old_for_a_bucket_when_it_is_appended_is_left_out_and_buckets_end() -> None:
    now, hour = 1_800_000_000_000, 3_600_000
    ages = [2 * hour - 1, 2 * hour, 8 * 24 * hour - 1, 8 * 24 * hour]
    fresh = pl.DataFrame(
        {"video_id": [f"v{n}" for n in range(4)], "at": [now - age for age in ages], "weight": [1] * 4}
    ).with_columns(pl.lit(now).alias("appended_at"))
    found = {(name, video) for (name, _), videos in trending.added(fresh).items() for video in videos}
    assert found == {("5m", "v0"), ("1h", "v0"), ("1h", "v1"), ("1h", "v2")}
    start = trending.starts_at(("5m", now // 300_000))
    assert [trending.outdated(("5m", now // 300_000), start + 2 * hour - 1 + n) for n in (0, 1)] == [
        False,
        True,
    ]
    ages_of_day = [clock - number for (_, number) in trending.decay("24h", now) for clock in [now // hour]]
    assert sorted(ages_of_day) == list(range(-1, 24))


def test_the_memory_of_ids_asks_for_its_window_and_two_buckets_more() -> None:
    recent = RecentRecords(600, lambda batch: pl.DataFrame())
    assert recent.history_ms == 800
    ids = RecentIds(600)
    marked = Marked(np.array([1, 2]), np.array([10, 20]), np.array([7, 8], dtype=np.uint64))
    ids.remember(marked)
    ids.remember(marked)
    assert ids.nbytes == 16


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (redis.ConnectionError("gone"), "redis does not answer: gone"),
        (redis.TimeoutError("late"), "redis does not answer: late"),
        (redis.OutOfMemoryError("used"), "redis takes no writes: used"),
        (redis.ReadOnlyError("a copy"), "redis takes no writes: a copy"),
        (redis.ResponseError("MISCONF disk"), "redis takes no writes: MISCONF disk"),
        (redis.ResponseError("Command # 1 (SET) caused error: LOADING data"), "redis takes no writes"),
        (redis.exceptions.NoScriptError("NOSCRIPT"), "redis forgets its scripts: NOSCRIPT"),
    ],
)
def test_a_redis_that_takes_nothing_now_is_waited_for(error: Exception, said: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"^{said}"), store_errors():
        raise error


@pytest.mark.parametrize(
    "error",
    [redis.ResponseError("WRONGTYPE of a value"), redis.ResponseError("no BUSY"), ValueError("LOADING")],
)
def test_what_waiting_does_not_mend_is_a_bug(error: Exception) -> None:
    with pytest.raises(type(error)) as found, store_errors():
        raise error
    assert found.value is error


def test_what_a_transaction_takes_at_most() -> None:
    assert (MAX_COMMANDS, BULK_COMMANDS, MAX_ARGUMENTS) == (10_000, 25_000, 7_000)
    whole = [("SET", "a", 1)] * MAX_COMMANDS
    assert [fits(whole), fits([*whole, ("SET", "a", 1)]), fits(whole, MAX_COMMANDS - 1)] == [
        True,
        False,
        False,
    ]
    assert [fits([("X",) * MAX_ARGUMENTS]), fits([("X",) * (MAX_ARGUMENTS + 1)])] == [True, False]


def test_a_job_of_which_nothing_is_known_has_nothing_to_do() -> None:
    job = Job("v1")
    assert job.video == VideoHalf("", "", "auto", "", 0, 0, "", None, False, False)
    assert job.media == MediaHalf("", 0, False)
    assert next_step(job) is None
    assert list(fair([])) == []


def test_attempts_that_are_told_out_of_order_do_not_go_back() -> None:
    job = Job("v1")
    for attempts in (2, 1):
        told = event("transcode.failed", "ann", 4, video_id="v1", attempts=attempts, terminal=False)
        job = evolve(job, told)
    assert job.media.attempts == 2


def test_an_upload_at_the_beginning_of_time_has_arrived_too() -> None:
    ids = {"video_id": "v1", "upload_id": "up1", "creator_id": "ann"}
    told = event("video.uploaded", "ann", 0, raw_key="k", bytes=7, **ids) | {"occurred_at": 0}
    job = evolve(Job("v1"), told)
    assert job.video.uploaded_at == 1
    assert next_step(job) == "validate"
