"""The worker is killed between the steps of a sink."""

import time

from infra.chaos.case import Act, Case, Run

ROUNDS = 2


def killed_at(step: str, greatest: int) -> Act:
    """The worker dies at a step, at a seeded count, and is started again; twice."""

    async def act(run: Run) -> None:
        for _ in range(ROUNDS):
            name = run.ground.workers()[0]
            await run.ground.stop(name)
            count = run.random.randint(1, greatest)
            await run.ground.start_worker(REELFOLD_FAIL_AT=f"{step}:{count}")
            await run.dies("worker-0")
            begun = time.monotonic()
            await run.ground.start_worker()
            await run.mended(begun)

    return act


CASES = (
    Case("kill9-before-sink", "a batch is read and not yet written", killed_at("before_sink", 40)),
    Case("kill9-after-sink", "a store said yes, nobody noted it", killed_at("after_sink", 40)),
    Case("kill9-between-sinks", "one sink has a batch, the other has not", killed_at("between_sinks", 40)),
    Case(
        "kill9-between-rows-and-offsets",
        "ClickHouse has rows and not their offsets",
        killed_at("after_rows", 10),
    ),
    Case("kill9-before-ack", "positions are about to be told to Kafka", killed_at("before_ack", 3)),
    Case("kill9-after-ack", "positions were told to Kafka", killed_at("after_ack", 3)),
)
