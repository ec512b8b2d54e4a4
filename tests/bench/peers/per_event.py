"""The fold for frameworks that hand out one event at a time: a round trip for each question."""

import redis
from task import PREFIX, TASK, millis

client = redis.Redis.from_url(TASK["redis_url"], decode_responses=True) if TASK else None


def fold(event: dict) -> None:
    """One event."""
    assert client is not None
    actor, video = event["actor_id"], event["video_id"]
    if event["event_type"] == "view.started":
        if client.sadd(f"{PREFIX}viewed:{video}", event["view_id"]):
            client.hincrby(f"{PREFIX}count:{video}", "views", 1)
        client.zadd(f"{PREFIX}seen:{actor}", {video: millis(event)}, gt=True)
        return
    word = f"{millis(event):015d}|{event['event_id']}|{int(event['event_type'] == 'video.liked')}"
    before = client.hget(f"{PREFIX}likes:{actor}", video)
    if before is None or word > before:
        client.hset(f"{PREFIX}likes:{actor}", video, word)
        change = int(word[-1]) - int(before[-1] if before else 0)
        if change:
            client.hincrby(f"{PREFIX}count:{video}", "likes", change)
