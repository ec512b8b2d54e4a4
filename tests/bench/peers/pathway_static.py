"""Pathway as its documentation writes it: the topics as one table, reduced by groups, and subscribed to.

Static mode, its best case: it reads what is there, reduces it once and ends; nothing is kept for a restart.
"""

import pathway as pw
import redis
from task import PREFIX, TASK, begin, decode, millis, report

client = redis.Redis.from_url(TASK["redis_url"], decode_responses=True)
pipe = client.pipeline(transaction=False)
SETTINGS = {
    "bootstrap.servers": TASK["bootstrap"],
    "group.id": PREFIX.replace(":", "-"),
    "auto.offset.reset": "earliest",
    "session.timeout.ms": "6000",
}


@pw.udf(deterministic=True)
def columns(value: bytes) -> tuple[str, str, str, str, int, str]:
    begin()
    event = decode(value)
    kind, at = event["event_type"], millis(event)
    word = f"{at:015d}|{event['event_id']}|{int(kind == 'video.liked')}"
    return kind, event["actor_id"], event["video_id"], event.get("view_id") or "", at, word


def put(write) -> None:
    def changed(key, row, time, is_addition) -> None:
        if is_addition:
            write(row)
            if len(pipe) >= 500:
                pipe.execute()

    return changed


read = [pw.io.kafka.read(SETTINGS, topic=name, format="raw", mode="static") for name in TASK["topics"]]
raw = read[0].concat_reindex(*read[1:]).select(one=columns(pw.this.data))
events = pw.utils.col.unpack_col(raw.one, "kind", "actor", "video", "view", "at", "word")
views = events.filter(pw.this.kind == "view.started")
words = events.filter(pw.this.kind != "view.started")
each = views.groupby(pw.this.video, pw.this.view).reduce(pw.this.video)
counts = each.groupby(pw.this.video).reduce(pw.this.video, n=pw.reducers.count())
seen = views.groupby(pw.this.actor, pw.this.video).reduce(
    pw.this.actor, pw.this.video, at=pw.reducers.max(pw.this.at)
)
stand = words.groupby(pw.this.actor, pw.this.video).reduce(pw.this.video, word=pw.reducers.max(pw.this.word))
likes = (
    stand.filter(pw.this.word.str.endswith("1"))
    .groupby(pw.this.video)
    .reduce(pw.this.video, n=pw.reducers.count())
)

pw.io.subscribe(counts, put(lambda row: pipe.hset(f"{PREFIX}count:{row['video']}", "views", row["n"])))
pw.io.subscribe(likes, put(lambda row: pipe.hset(f"{PREFIX}count:{row['video']}", "likes", row["n"])))
pw.io.subscribe(seen, put(lambda row: pipe.zadd(f"{PREFIX}seen:{row['actor']}", {row["video"]: row["at"]})))

if __name__ == "__main__":
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    pipe.execute()
    report(TASK["events"])
