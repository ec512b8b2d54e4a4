"""Bytewax into both stores: one sink that folds a batch into Redis and inserts it into ClickHouse."""

import bytewax.operators as op
import redis
from bare_loop import fold
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from inserting import COLUMNS, client, row
from task import TASK, begin, decode, report

folded = 0


class Partition(StatelessSinkPartition):
    def __init__(self) -> None:
        self._client = client()
        self._redis = redis.Redis.from_url(TASK["redis_url"], decode_responses=True)

    def write_batch(self, items: list) -> None:
        global folded
        begin()
        events = [decode(one.value) for one in items]
        fold(self._redis, events)
        self._client.insert(TASK["table"], [row(one) for one in events], column_names=COLUMNS)
        folded += len(items)
        if folded >= TASK["events"]:
            report(folded)


class Sink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Partition()


flow = Dataflow("both")
source = KafkaSource([TASK["bootstrap"]], TASK["topics"], batch_size=2_000, tail=False)
op.output("both", op.input("kafka", flow, source), Sink())

if __name__ == "__main__":
    run_main(flow)
