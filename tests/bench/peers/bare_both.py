"""The bare loop into both stores: a fetch is folded into Redis, rows go to ClickHouse in batches."""

import json

import redis
from bare_loop import fold
from confluent_kafka import Consumer
from inserting import COLUMNS, client, row
from task import PREFIX, TASK, begin, decode, report

BATCH = 10_000


def main() -> None:
    clickhouse, store = client(), redis.Redis.from_url(TASK["redis_url"], decode_responses=True)
    consumer = Consumer(
        {"bootstrap.servers": TASK["bootstrap"], "group.id": PREFIX, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(TASK["topics"])
    folded, waiting = 0, []
    while folded < TASK["events"]:
        messages = [one for one in consumer.consume(500, timeout=0.2) if one.error() is None]
        if messages:
            begin()
            events = [decode(one.value()) for one in messages]
            fold(store, events)
            waiting += [row(one) for one in events]
        if len(waiting) >= BATCH or folded + len(waiting) >= TASK["events"]:
            lines = [json.dumps(dict(zip(COLUMNS, one, strict=True)), default=str) for one in waiting]
            clickhouse.raw_insert(
                TASK["table"],
                insert_block="\n".join(lines),
                fmt="JSONEachRow",
                settings={"date_time_input_format": "best_effort"},
            )
            folded, waiting = folded + len(waiting), []
    report(folded)


if __name__ == "__main__":
    main()
