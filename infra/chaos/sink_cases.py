"""The sinks are killed, emptied, filled up, slowed down, and cut off with a request half way."""

import asyncio
from collections.abc import Callable

from infra.chaos.case import Act, Case, Run
from infra.chaos.faults import administered, armed, behind_proxies, notices, still_there
from infra.chaos.proxy import Proxy
from infra.chaos.waiting import until

INSERT = b"INSERT"
SCRIPT = b"EVALSHA"
SERVER_ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Exception-Code: 241\r\nContent-Length: 52\r\n"
    b"Connection: close\r\n\r\nCode: 241. DB::Exception: Memory limit exceeded: test"
)


def killed(name: str, rounds: int = 2) -> Act:
    """The server is killed in the middle of the folds, stays away for a while, and comes back."""

    async def act(run: Run) -> None:
        for _ in range(rounds):
            await asyncio.sleep(run.random.uniform(0.5, 2.0))
            run.kill(name)
            await asyncio.sleep(run.random.uniform(0.5, 3.0))
            await run.ground.start(name)
            await run.mended()
            still_there(run)

    return act


async def emptied(run: Run) -> None:
    """FLUSHALL: the worker notices by itself and fills Redis again from the log."""
    for _ in range(2):
        await run.load.until(200)
        async with administered(run) as redis:
            await asyncio.to_thread(redis.flushall)
        await run.mended()
        still_there(run)


async def scripts_forgotten(run: Run) -> None:
    """NOSCRIPT: Redis forgets its scripts again and again."""
    async with administered(run) as redis:
        for _ in range(20):
            await asyncio.to_thread(redis.script_flush)
            await asyncio.sleep(0.15)
    await run.mended()
    still_there(run)


async def out_of_memory(run: Run) -> None:
    """maxmemory is reached: writes are refused until there is room again."""
    for _ in range(2):
        await run.load.until(150)
        async with administered(run) as redis:
            await asyncio.to_thread(redis.config_set, "maxmemory", "1mb")
            try:
                await notices(run)
                await asyncio.sleep(2.0)
            finally:
                await asyncio.to_thread(redis.config_set, "maxmemory", "0")
        await run.mended()
        still_there(run)


async def slow_redis(run: Run) -> None:
    """Every answer comes 150 ms late."""
    await behind_proxies(run, "redis")
    proxy = await run.ground.proxies.before("redis")
    proxy.delay_s = 0.15
    await run.load.until(600)
    proxy.behave()
    await run.mended()
    still_there(run)


def answers_lost(name: str, request: bytes, count: int, rounds: int = 3) -> Act:
    """The server carries out the request; the answer never comes, the connection is reset."""
    return _cut_off(name, lambda proxy: proxy.lose_answers(count, request), count, rounds)


def reset_after_body(name: str, request: bytes, count: int, rounds: int = 3) -> Act:
    """The connection is reset as soon as the request was sent: nobody knows whether it counts."""
    return _cut_off(name, lambda proxy: proxy.reset_after(count, request), count, rounds)


def _cut_off(name: str, cut: Callable[[Proxy], None], count: int, rounds: int) -> Act:
    """``count`` requests are cut off, in each round."""

    async def act(run: Run) -> None:
        await behind_proxies(run, name)
        proxy = await run.ground.proxies.before(name)
        before = proxy.struck
        for nth in range(1, rounds + 1):
            await run.load.until(100)
            cut(proxy)
            wanted = before + nth * count
            await until(lambda wanted=wanted: proxy.struck >= wanted, f"requests to {name} are cut off")  # type: ignore[misc]
        run.figure("requests_cut", proxy.struck - before)
        await run.mended()
        still_there(run)

    return act


async def clickhouse_errors(run: Run) -> None:
    """500, then no answer, then no connection: lag grows, nothing is parked, it catches up."""
    await armed(run, **await run.ground.proxies.through("clickhouse"))
    proxy = await run.ground.proxies.before("clickhouse")
    proxy.answer = SERVER_ERROR
    await notices(run)
    await run.load.until(800)
    proxy.behave()
    await run.mended()
    proxy.frozen = True
    await run.load.until(800)
    proxy.refusing = True
    proxy.frozen = False
    proxy.reset()
    await run.load.until(400)
    proxy.behave()
    await run.mended()
    still_there(run)


CASES = (
    Case("kill9-redis", "Redis is killed in the middle of the folds and restarted", killed("redis"), 30),
    Case("redis-flushall", "Redis loses everything while the folds run", emptied, 30),
    Case("redis-noscript", "Redis forgets its scripts, twenty times", scripts_forgotten, 15),
    Case("redis-oom", "Redis is out of memory and refuses writes", out_of_memory, 25),
    Case("redis-slow", "every answer of Redis comes 150 ms late", slow_redis, 30),
    Case("redis-answer-lost", "Redis commits, its answer is lost", answers_lost("redis", SCRIPT, 4), 25),
    Case("redis-reset", "reset after a transaction was sent", reset_after_body("redis", SCRIPT, 4), 25),
    Case("kill9-clickhouse", "ClickHouse is killed between inserts and restarted", killed("clickhouse"), 40),
    Case(
        "clickhouse-answer-lost", "it inserts, its answer is lost", answers_lost("clickhouse", INSERT, 3), 25
    ),
    Case("clickhouse-reset", "reset after the body was sent", reset_after_body("clickhouse", INSERT, 3), 25),
    Case("clickhouse-errors", "500, then silence, then no connection", clickhouse_errors, 60),
)
