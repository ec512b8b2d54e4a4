"""Quix Streams as its documentation writes it: a streaming dataframe for each topic, and a sink function."""

from per_event import fold
from quixstreams import Application
from task import PREFIX, TASK, begin, decode, report

app = Application(
    broker_address=TASK["bootstrap"],
    consumer_group=PREFIX.replace(":", "-"),
    auto_offset_reset="earliest",
    loglevel="ERROR",
)
folded = 0


def take(value: bytes) -> None:
    global folded
    begin()
    fold(decode(value))
    folded += 1
    if folded == TASK["events"]:
        report(folded)


for name in TASK["topics"]:
    frame = app.dataframe(app.topic(name, value_deserializer="bytes", key_deserializer="bytes"))
    frame.update(take)

if __name__ == "__main__":
    app.run()
