"""Faust as its documentation writes it: an agent that awaits what each event asks for."""

import sys

import faust
import redis.asyncio
from task import PREFIX, TASK, begin, decode, millis, report

app = faust.App(
    PREFIX.replace(":", "-"),
    broker=f"kafka://{TASK['bootstrap']}",
    store="memory://",
    web_enabled=False,
    broker_max_poll_records=10_000,
    consumer_auto_offset_reset="earliest",
    stream_wait_empty=False,
    topic_disable_leader=True,
)
topic = app.topic(*TASK["topics"], value_serializer="raw", key_serializer="raw")
client = redis.asyncio.Redis.from_url(TASK["redis_url"], decode_responses=True)
folded = 0


@app.agent(topic)
async def engagement(values):
    global folded
    async for value in values:
        begin()
        await fold(decode(value))
        folded += 1
        if folded == TASK["events"]:
            report(folded)


async def fold(event: dict) -> None:
    actor, video = event["actor_id"], event["video_id"]
    if event["event_type"] == "view.started":
        if await client.sadd(f"{PREFIX}viewed:{video}", event["view_id"]):
            await client.hincrby(f"{PREFIX}count:{video}", "views", 1)
        await client.zadd(f"{PREFIX}seen:{actor}", {video: millis(event)}, gt=True)
        return
    word = f"{millis(event):015d}|{event['event_id']}|{int(event['event_type'] == 'video.liked')}"
    before = await client.hget(f"{PREFIX}likes:{actor}", video)
    if before is None or word > before:
        await client.hset(f"{PREFIX}likes:{actor}", video, word)
        change = int(word[-1]) - int(before[-1] if before else 0)
        if change:
            await client.hincrby(f"{PREFIX}count:{video}", "likes", change)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "error"]
    app.main()
