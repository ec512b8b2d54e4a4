"""The floor of a fold into ClickHouse: the same Arrow batches inserted, and nothing else."""

import os
import time
from io import BytesIO

import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from infra.bench.ground import Measured
from infra.bench.measure import Contender, Sample, Stopwatch
from infra.clients import clickhouse_client
from infra.kafka.config import consumer
from infra.provision.steps import tables
from infra.registry import load_book
from projections.analytics.queries import Tables
from projections.analytics.rows import inserts
from streams.batches.assembling import assemble
from streams.batches.runs import Run
from streams.lane.lane import FETCH

Block = tuple[str, list[str], bytes]
"""Table, columns, an Arrow stream."""


def arrow_floor(ground: Measured) -> Contender:
    """Tables of a generation of their own, filled with what ours would insert, cut as ours cuts it."""
    blocks: list[Block] = []

    def once() -> Sample:
        if not blocks:
            blocks.extend(_blocks(ground))
        generation = ground.next_generation()
        settings = ground.settings.model_copy(update={"generation": generation})
        tables(settings)
        named = Tables(settings.clickhouse_database, generation)
        client = clickhouse_client(settings)
        watch = Stopwatch({"clickhouse": ground.pid("clickhouse"), "itself": os.getpid()})
        watch.start()
        for table, columns, block in blocks:
            client.raw_insert(named.named(table), columns, block, {"async_insert": 0}, "ArrowStream")
        sample = watch.sample(ground.load.events)
        client.close()
        return sample

    return once


def _blocks(ground: Measured) -> list[Block]:
    """The whole load, as our fold would insert it in full batches."""
    book, rows = load_book(ground.settings), ground.settings.batch_rows
    reader = Consumer(consumer(ground.settings, "bench.blocks"))
    found: list[Block] = []
    for place, end in ground.ends.items():
        reader.assign([TopicPartition(*place, OFFSET_BEGINNING)])
        run, at, heard = Run(*place, 0), 0, time.monotonic()
        while at < end and time.monotonic() - heard < 30:
            for message in reader.consume(FETCH, timeout=0.2):
                run.add(message.offset() or 0, message.timestamp()[1], message.value())
                at, heard = (message.offset() or 0) + 1, time.monotonic()
            if len(run) >= rows or at >= end:
                batch, _ = assemble(run, book.by_id)
                found += [(one.table, one.frame.columns, _stream(one.frame)) for one in inserts(batch)]
                run = Run(*place, at)
    reader.close()
    return found


def _stream(frame: pl.DataFrame) -> bytes:
    block = BytesIO()
    frame.write_ipc_stream(block, compat_level=pl.CompatLevel.oldest())
    return block.getvalue()
