"""Fresh ids: UUIDv7, never the same, whoever is forked off."""

import os
import threading
import uuid

from infra.clock import new_event_id


def test_ids_are_version_7_and_say_their_time() -> None:
    now_ms = 1_800_000_000_123
    for _ in range(1_000):
        made = uuid.UUID(new_event_id(now_ms))
        assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, now_ms)


def test_many_threads_never_draw_the_same() -> None:
    drawn: list[list[str]] = [[] for _ in range(8)]

    def draw(into: list[str]) -> None:
        into.extend(new_event_id(1) for _ in range(3_000))

    threads = [threading.Thread(target=draw, args=(one,)) for one in drawn]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({made for one in drawn for made in one}) == 24_000


def test_a_process_that_is_forked_off_draws_its_own() -> None:
    new_event_id(1)  # some are drawn and not yet used
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ",".join(new_event_id(1) for _ in range(50)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        theirs = set(said.read().split(","))
    os.waitpid(child, 0)
    assert not theirs & {new_event_id(1) for _ in range(300)}
