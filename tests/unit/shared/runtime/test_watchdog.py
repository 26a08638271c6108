"""A thread that looks at what the event loop is doing, and counts its own looks."""

import structlog

from services.strategy.builtin.crossover import EmaCrossover
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.core import Stamp
from shared.runtime.foresight import ForeseeingCore
from shared.runtime.watchdog import LOOK_S, SLOW_MAX, Post, Watchdog, Watched
from shared.subjects import Lane, lane
from tests import toy

LANE = lane("strategy", "s")


async def nobody(_: Watchdog) -> None:
    """Attend to nothing."""


def watching(post: Post) -> Watchdog:
    made = Watchdog(post, 1.0, nobody, structlog.get_logger())
    made._file = None  # the thread is not started: nothing is to be armed in the tests' process
    return made


def test_a_call_is_stuck_for_as_many_looks_as_saw_it() -> None:
    post = Post()
    dog = watching(post)
    assert dog.stuck_s() == 0
    post.begin(LANE, 5)
    assert dog.stuck_s() == 0
    assert dog.stuck_s() == LOOK_S
    assert dog.stuck_s() == 2 * LOOK_S
    post.end()
    assert dog.stuck_s() == 0
    assert dog.hang() is None


def test_many_calls_are_no_hang_although_each_look_sees_one() -> None:
    post = Post()
    dog = watching(post)
    for seq in range(1, 9):
        post.begin(LANE, seq)
        assert dog.stuck_s() == 0
        post.end()


def test_a_hang_names_actor_and_message() -> None:
    post = Post()
    dog = watching(post)
    post.begin(LANE, 5)
    dog.stuck_s()
    found = dog.hang()
    assert found is not None
    assert (found.lane, found.seq) == (LANE, 5)


def test_only_too_many_slow_calls_within_a_time_are_reported() -> None:
    told: list[tuple[Lane, int, float]] = []
    post = Post(1.0, lambda *what: told.append(what))
    other = lane("strategy", "other")
    for i in range(SLOW_MAX):
        assert told == []
        post.overran(LANE, i, 2.0)
    assert told == [(LANE, SLOW_MAX - 1, 2.0)]
    post.overran(other, 9, 2.0)
    assert len(told) == 1


def test_a_watched_core_answers_as_it_does_alone() -> None:
    post = Post()
    instance = Instance(id="s", book="main")
    alone = StrategyCore(instance, EmaCrossover(fast=1, slow=2))
    core = Watched(StrategyCore(instance, EmaCrossover(fast=1, slow=2)), post)
    assert isinstance(core, ForeseeingCore)
    assert (core.lane, list(core.reads)) == (alone.lane, list(alone.reads))
    seq = 0
    for part in toy.slices(9):
        for message in part.messages:
            seq += 1
            stamp = Stamp(seq, part.ts_ns, toy.FEED, str(seq), "story")
            assert core.handle(stamp, message) == alone.handle(stamp, message)
            assert post.lane is None
    assert post.calls == seq
    assert core.snapshot() == alone.snapshot()
