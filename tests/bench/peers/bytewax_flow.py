"""Bytewax as its documentation writes it: a Kafka source, and a sink that is given whole batches."""

import bytewax.operators as op
import redis
from bare_loop import fold
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from task import TASK, begin, decode, report

folded = 0


class Partition(StatelessSinkPartition):
    def __init__(self) -> None:
        self._client = redis.Redis.from_url(TASK["redis_url"], decode_responses=True)

    def write_batch(self, items: list) -> None:
        global folded
        begin()
        fold(self._client, [decode(one.value) for one in items])
        folded += len(items)
        if folded >= TASK["events"]:
            report(folded)


class Sink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Partition()


flow = Dataflow("fold")
source = KafkaSource([TASK["bootstrap"]], TASK["topics"], batch_size=500, tail=False)
op.output("redis", op.input("kafka", flow, source), Sink())

if __name__ == "__main__":
    run_main(flow)
