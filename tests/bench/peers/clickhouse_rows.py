"""One insert a row: what a first version does."""

import clickhouse_connect
from confluent_kafka import Consumer
from inserting import COLUMNS, client, row
from task import PREFIX, TASK, begin, decode, report


def main() -> None:
    clickhouse: clickhouse_connect.driver.client.Client = client()
    consumer = Consumer(
        {"bootstrap.servers": TASK["bootstrap"], "group.id": PREFIX, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(TASK["topics"])
    folded = 0
    while folded < TASK["events"]:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            begin()
            clickhouse.insert(TASK["table"], [row(decode(message.value()))], column_names=COLUMNS)
            folded += 1
    report(folded)


if __name__ == "__main__":
    main()
