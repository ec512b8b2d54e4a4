"""What stored keys and positions hang on, and the edges of the job's state machine."""

from infra.settings import Settings
from projections.feed import fold as feed
from projections.renditions.fold import Job, MediaHalf, VideoHalf, evolve, fair, next_step
from projections.seen import fold as seen
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
