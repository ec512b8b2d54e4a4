"""confluent-kafka, fastavro and redis-py in a loop: fetch, a pipeline that reads, a pipeline that writes."""

import redis
from confluent_kafka import Consumer
from task import PREFIX, TASK, begin, decode, millis, report


def main() -> None:
    client = redis.Redis.from_url(TASK["redis_url"], decode_responses=True)
    consumer = Consumer(
        {
            "bootstrap.servers": TASK["bootstrap"],
            "group.id": PREFIX,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(TASK["topics"])
    folded = 0
    while folded < TASK["events"]:
        messages = [one for one in consumer.consume(500, timeout=0.2) if one.error() is None]
        if messages:
            begin()
            fold(client, [decode(one.value()) for one in messages])
            folded += len(messages)
            consumer.commit(asynchronous=True)
    report(folded)


def fold(client: redis.Redis, events: list[dict]) -> None:
    """A batch."""
    views = [one for one in events if one["event_type"] == "view.started"]
    likes = [one for one in events if one["event_type"] != "view.started"]
    pairs = list(dict.fromkeys((one["actor_id"], one["video_id"]) for one in likes))
    with client.pipeline(transaction=False) as pipe:
        for one in views:
            pipe.sadd(f"{PREFIX}viewed:{one['video_id']}", one["view_id"])
        for actor, video in pairs:
            pipe.hget(f"{PREFIX}likes:{actor}", video)
        answers = pipe.execute()
    stored = dict(zip(pairs, answers[len(views) :], strict=True))
    with client.pipeline(transaction=False) as pipe:
        for one, new in zip(views, answers, strict=False):
            if new:
                pipe.hincrby(f"{PREFIX}count:{one['video_id']}", "views", 1)
            pipe.zadd(f"{PREFIX}seen:{one['actor_id']}", {one["video_id"]: millis(one)}, gt=True)
        for one in likes:
            pair = one["actor_id"], one["video_id"]
            word = f"{millis(one):015d}|{one['event_id']}|{int(one['event_type'] == 'video.liked')}"
            before = stored[pair]
            if before is None or word > before:
                stored[pair] = word
                pipe.hset(f"{PREFIX}likes:{pair[0]}", pair[1], word)
                change = int(word[-1]) - int(before[-1] if before else 0)
                if change:
                    pipe.hincrby(f"{PREFIX}count:{pair[1]}", "likes", change)
        pipe.execute()


if __name__ == "__main__":
    main()
