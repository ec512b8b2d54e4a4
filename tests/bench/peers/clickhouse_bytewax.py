"""Bytewax and clickhouse-connect: a Kafka source in batches of five thousand, a sink that inserts each."""

import bytewax.operators as op
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

    def write_batch(self, items: list) -> None:
        global folded
        begin()
        rows = [row(decode(one.value)) for one in items]
        self._client.insert(TASK["table"], rows, column_names=COLUMNS)
        folded += len(items)
        if folded >= TASK["events"]:
            report(folded)


class Sink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Partition()


flow = Dataflow("rows")
source = KafkaSource([TASK["bootstrap"]], TASK["topics"], batch_size=5_000, tail=False)
op.output("clickhouse", op.input("kafka", flow, source), Sink())

if __name__ == "__main__":
    run_main(flow)
