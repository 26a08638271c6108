"""What the post knows, and when the thread takes an actor for stuck."""

import asyncio

import structlog

from shared.runtime.hang import put_slow
from shared.runtime.watchdog import LOOK_S, SLOW_MAX, Post, Watchdog, Watched
from shared.subjects import Lane, lane
from shared.tape.memory import MemoryTape
from tests.tapes import TAPE_ID
from tests.unit.shared.runtime.test_foresight import Seer

LANE = lane("strategy", "one")


async def nothing(_: Watchdog) -> None: ...


def watchdog(post: Post) -> Watchdog:
    return Watchdog(post, 10.0, nothing, structlog.get_logger())


def test_a_call_that_stays_is_stuck_for_as_many_looks() -> None:
    post = Post()
    dog = watchdog(post)
    assert dog.stuck_s() == 0.0
    post.begin(LANE, 5)
    assert [dog.stuck_s() for _ in range(3)] == [0.0, LOOK_S, 2 * LOOK_S]
    hang = dog.hang()
    assert hang is not None
    assert (hang.lane, hang.seq) == (LANE, 5)
    post.end()
    assert dog.stuck_s() == 0.0
    assert dog.hang() is None
    dog.stop()


def test_one_message_after_another_is_not_stuck() -> None:
    post = Post()
    dog = watchdog(post)
    for seq in range(5):
        post.begin(LANE, seq)
        assert dog.stuck_s() == 0.0
    dog.stop()


def test_a_watched_core_does_as_the_core_does() -> None:
    tape, core, post = MemoryTape(TAPE_ID), Seer(), Post()
    asyncio.run(put_slow(tape, LANE, 1, 1.0, 1.0))
    watched = Watched(core, post)

    assert watched.handle(*tape.entry(1).open()) == ()
    assert core.handled == 1
    assert (post.lane, post.seq, post.calls) == (None, 1, 1)
    assert watched.snapshot() == core.snapshot()


def test_too_many_slow_calls_are_reported_once() -> None:
    told: list[tuple[Lane, int, float]] = []
    post = Post(1.0, lambda *report: told.append(report))

    for seq in range(SLOW_MAX + 1):
        post.overran(LANE, seq, 2.0)

    assert told == [(LANE, SLOW_MAX - 1, 2.0)]
