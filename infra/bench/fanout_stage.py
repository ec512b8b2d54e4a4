"""Stage `fanout`: uploads into the feeds of everybody who follows their authors, by the worker as shipped.

Authors have 9,999 followers, the most that is pushed: from 10,000 on an account is merged at the read, and
its upload is in every feed as soon as one timeline has it. Both are shown. A delivery is one video in one
follower's feed, which is full. The peer's pipeline keeps full feeds cut in the same way, without a position,
without follows that come meanwhile and without a rebuild; the floor only adds members.
"""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

from infra.bench.feed_stage import AT_MS, agree, asked
from infra.bench.http_load import Answered, loaded
from infra.bench.measure import Contender, Sample, Stopwatch, interleaved, ratio
from infra.bench.peers import FOLDER, measured, python_of
from infra.bench.result import Result, Target, figures
from infra.bench.scene import OURS, Disagree, Tell
from infra.bench.stand import GENERATION, Stand, stand
from infra.bench.town import Town, records
from infra.bench.workload import Event, Record
from infra.cache import Cache
from infra.clients import redis_client
from projections.feed.fold import CAP
from projections.feed.redis import RedisFeedFold
from projections.redis_ledger import key

PEER, FLOOR = "redis-py pipeline", "redis-benchmark ZADD"
AUTHORS, UPLOADS, PUSHED, CROWD = 10, 100, 9_999, 500
"""Authors, uploads a round, followers of each author, and how many times more the celebrity has."""
READERS, READS = 64, 100.0
"""Who reads beside it, and how many times a second."""
WARM = 12
"""Rounds until feeds are full, and have been cut at different times."""
SECONDS = 4.0
_CROWD = """for nth = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('ZADD', KEYS[1], 0, string.format('crowd%08d', nth))
end"""


@dataclass(slots=True)
class _Place:
    """A town on a stand, and the clock of its uploads."""

    at: Stand
    town: Town
    authors: list[str]
    followers: list[str]
    now: int = AT_MS

    @property
    def deliveries(self) -> int:
        return UPLOADS * len(self.followers)


def fanout(events: int, runs: int, tell: Tell) -> Result:
    """``events``: a thirtieth of it follow each author, 9,999 at most."""
    with stand(tell) as at:
        return fanout_on(at, events, runs, tell)


def fanout_on(at: Stand, events: int, runs: int, tell: Tell) -> Result:
    """The same on a stack that is there."""
    place = _settled(at, min(PUSHED, events // 30))
    tell(f"{len(place.followers)} follow each of {AUTHORS} authors, and their feeds are full")
    beside: list[Answered] = []
    seconds = SECONDS * len(place.followers) / PUSHED + 0.5
    contenders: dict[str, Contender] = {
        OURS: lambda: _pushed(place),
        PEER: _peer(place),
        FLOOR: lambda: _benchmarked(at, place.deliveries, len(place.followers)),
        f"{OURS}, reads beside": lambda: _read_beside(place, seconds, beside),
    }
    found = interleaved(contenders, runs, tell)
    agree(at, place.town, place.followers[:3])
    merged = _celebrity(place, len(place.followers) * CROWD, seconds)
    p99 = median(one.p99_ms for one in beside)
    targets = [
        Target("0.8 of redis-benchmark's ZADD", 0.8, ratio(found, OURS, FLOOR)),
        Target("p99 of reads beside it, ms", 10, p99, most=True),
    ]
    notes = [
        f"{UPLOADS} uploads into {len(place.followers)} feeds each; {READS:.0f} reads/s beside, from when "
        f"they were due: p50 {median(one.p50_ms for one in beside):.1f} ms, p99 {p99:.1f} ms",
        *merged,
    ]
    series = {
        name: [(float(nth), one.rate) for nth, one in enumerate(found[name], 1)]
        for name in (OURS, PEER, FLOOR)
    }
    axes = ("round", "deliveries/s")
    return Result("fanout", OURS, "deliveries/s", figures(found), targets, FLOOR, notes, series, axes)


def _settled(at: Stand, followers: int) -> _Place:
    town = Town(at.nth("town"))
    authors = [town.name("a", nth) for nth in range(AUTHORS)]
    users = [town.name("u", nth) for nth in range(followers)]
    at.workers(1)
    at.write(records(town.follow(users, authors), at.book))
    place = _Place(at, town, authors, users)
    for _ in range(WARM):
        _pushed(place)
    return place


def _uploads(place: _Place) -> list[Record]:
    """100 new ones for the log, a second apart by their own clock."""
    events = list[Event]()
    for nth in range(UPLOADS):
        place.now += 1_000
        events += place.town.publish(place.authors[nth % AUTHORS], place.now, whole=False)
    return records(events, place.at.book)


def _pushed(place: _Place) -> Sample:
    """From the first upload that is written to the last feed that has it."""
    sample = _measured(place)
    _delivered(place, UPLOADS)
    return sample


def _measured(place: _Place) -> Sample:
    """The same, without a look at the feeds."""
    at = place.at
    (worker,) = at.workers(1)
    uploads = _uploads(place)
    servers = {name: at.ground.pid(name) for name in ("kafka", "redis", worker)}
    watch = Stopwatch(servers)
    watch.start()
    at.write(uploads)
    return watch.sample(place.deliveries)


def _delivered(place: _Place, uploads: int) -> None:
    """Raise Disagree unless every follower has the last so many, or as many as a feed holds."""
    uploads = min(uploads, CAP)
    first = place.now - 1_000 * (uploads - 1)
    with redis_client(place.at.ground.settings) as client:
        pages = RedisFeedFold(client, GENERATION).pages(place.followers)
    found = [sum(first <= at <= place.now for at, _ in page) for page in pages]
    wrong = [number for number in found if number != uploads]
    if wrong:
        raise Disagree(f"{len(wrong)} of {len(place.followers)} feeds lack uploads: one has {wrong[0]}")


def _read_beside(place: _Place, seconds: float, beside: list[Answered]) -> Sample:
    """Uploads follow one another while followers read. Feeds are looked at when they are done: all of them at
    once would hold Redis."""
    targets = [asked(place.at, user) for user in place.followers[:READERS]]
    samples = []
    with ThreadPoolExecutor(1) as pool:
        reads = pool.submit(loaded, targets, seconds, READS)
        while not reads.done():
            samples.append(_measured(place))
        beside.append(reads.result())
    _delivered(place, UPLOADS * len(samples))
    cpu = {name: sum(one.cpu_s[name] for one in samples) for name in samples[0].cpu_s}
    return Sample(sum(one.events for one in samples), sum(one.seconds for one in samples), cpu)


def _peer(place: _Place) -> Contender:
    at, prefix = place.at, f"bench-fanout-{place.town.number}:"
    python = python_of("fanout_pipeline", Cache.from_env(os.environ))
    with redis_client(at.ground.settings) as client, client.pipeline(transaction=False) as pipe:
        for author in place.authors:
            pipe.copy(key(GENERATION, "feed", f"followers:{author}"), f"{prefix}followers:{author}")
        pages = RedisFeedFold(client, GENERATION).pages(place.followers)
        for user, page in zip(place.followers, pages, strict=True):
            pipe.zadd(f"{prefix}following:{user}", {video: at for at, video in page})
        pipe.execute()

    def once() -> Sample:
        place.now += UPLOADS * 1_000
        uploads = [
            (f"peer{place.now + nth}", place.authors[nth % AUTHORS], place.now + nth)
            for nth in range(UPLOADS)
        ]
        task = {
            "redis_url": at.ground.settings.redis_url.get_secret_value(),
            "prefix": prefix,
            "uploads": uploads,
        }
        return measured([python, str(FOLDER / "fanout_pipeline.py")], task, {"redis": at.ground.pid("redis")})

    return once


def _benchmarked(at: Stand, number: int, feeds: int) -> Sample:
    """One member a command, 64 commands a packet, into as many feeds, in a database of its own."""
    url = urlsplit(at.ground.settings.redis_url.get_secret_value())
    words = ["redis-benchmark", "-h", str(url.hostname), "-p", str(url.port), "--dbnum", "9", "--csv"]
    words += ["-a", url.password] if url.password else []
    words += ["-n", str(number), "-P", "64", "-c", "20", "-r", str(feeds)]
    words += ["ZADD", "feed:__rand_int__", "1", "v__rand_int__"]
    watch = Stopwatch({"redis": at.ground.pid("redis")})
    watch.start()
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    spent = watch.sample(number)
    with redis_client(at.ground.settings) as client:
        client.execute_command("SELECT", 9)
        client.flushdb()
    rate = float(done.stdout.splitlines()[-1].split('","')[1].strip('"'))
    return Sample(number, number / rate, spent.cpu_s)


def _celebrity(place: _Place, crowd: int, seconds: float) -> list[str]:
    """Somebody whom millions follow uploads; what a read costs with and without the merge."""
    at, town, star = place.at, place.town, place.town.name("a", AUTHORS)
    readers = place.followers[:READERS]
    targets = [asked(at, user) for user in readers]
    with redis_client(at.ground.settings) as client:
        fill, followers = client.register_script(_CROWD), key(GENERATION, "feed", f"followers:{star}")
        for first in range(1, crowd + 1, 100_000):
            fill(keys=[followers], args=[first, min(first + 99_999, crowd)])
        client.sadd(key(GENERATION, "feed", "celebrities"), star)
    without = loaded(targets, seconds, READS / 2)
    at.write(records(town.follow(readers, [star]), at.book))
    took = []
    for _ in range(5):
        place.now += 1_000
        one = records(town.publish(star, place.now, whole=False), at.book)
        began = time.monotonic()
        at.write(one)
        took.append(time.monotonic() - began)
    agree(at, town, readers[:5])
    merged = loaded(targets, seconds, READS / 2)
    return [
        f"an author of {crowd} followers is merged at the read: the upload is in every feed after "
        f"{1000 * median(took):.0f} ms; a read takes p50 {merged.p50_ms:.2f} ms, p99 {merged.p99_ms:.2f} ms, "
        f"without the merge p50 {without.p50_ms:.2f} ms, p99 {without.p99_ms:.2f} ms; "
        "the followers' set was filled by a script, all else came by the log"
    ]
