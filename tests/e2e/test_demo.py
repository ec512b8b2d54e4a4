"""The main job, run by the command against a whole stack."""

import json

import pytest

from tests.e2e.supervised import Stack


@pytest.mark.parametrize("seed", [7, 8])
async def test_the_demo_agrees_with_what_was_sent(full_stack: Stack, seed: int) -> None:
    await full_stack.well()
    done = full_stack.reelfold("demo", "--json", "--views", "300", "--seed", str(seed), timeout_s=180)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"]
    assert report["problems"] == []
    assert report["counts_redis"] == report["counts_clickhouse"] == report["counts_expected"]
    assert report["events_accepted"] == report["events_sent"] > 600
    assert len(report["feed_items"]) == 3
    assert {one["status"] for one in report["playback"]} == {200}
    assert report["visible_redis_ms"]["p99"] >= report["visible_redis_ms"]["p50"] > 0
