"""An event loop without a clock, a socket or a thread: time jumps, and chance decides who is next.

Everything that is ready at one moment runs in an order drawn from the seed, so that a race which
a real machine shows once a year is drawn many times an hour, and again with the same seed.
"""

import asyncio
import heapq
from collections.abc import Coroutine
from random import Random
from typing import Any, override

STEPS_MAX = 3_000_000  # a round takes some ten thousand; more is a livelock
COMPACT_FROM = 256  # cancelled timers kept before they are thrown away


class StandstillError(AssertionError):
    """Nobody is ready and no timer is set: everybody waits for ever."""


class LivelockError(AssertionError):
    """The loop turns and does not come to an end."""


class SimLoop(asyncio.BaseEventLoop):
    """Virtual seconds since the round began; `draw` shuffles what is ready together."""

    # Of the base class, which names them for itself alone.
    _ready: Any
    _scheduled: list[Any]
    _timer_cancelled_count: int

    def __init__(self, draw: Random) -> None:
        super().__init__()
        self._draw = draw
        self._now_s = 0.0
        self.steps = 0
        self.set_exception_handler(_raise)

    @override
    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            self._drop(scheduled)
        if not ready:
            if not scheduled:
                raise StandstillError(f"nobody can go on at {self._now_s:.3f} s")
            self._now_s = max(self._now_s, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now_s:
            handle = self._drop(scheduled)
            if not handle._cancelled:
                ready.append(handle)
        self._compact()
        todo = list(ready)
        ready.clear()
        if len(todo) > 1:
            self._draw.shuffle(todo)
        self.steps += len(todo)
        if self.steps > STEPS_MAX:
            raise LivelockError(f"{self.steps} steps, and {self._now_s:.3f} s have passed")
        for handle in todo:
            if not handle._cancelled:
                handle._run()

    def _drop(self, scheduled: list[Any]) -> Any:
        handle = heapq.heappop(scheduled)
        handle._scheduled = False
        if handle._cancelled:
            self._timer_cancelled_count -= 1
        return handle

    def _compact(self) -> None:
        if self._timer_cancelled_count < COMPACT_FROM:
            return
        kept = [handle for handle in self._scheduled if not handle._cancelled]
        heapq.heapify(kept)
        self._scheduled[:] = kept
        self._timer_cancelled_count = 0

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody has to be woken."""

    def _process_events(self, event_list: object) -> None:
        """There are none: no socket belongs to this loop."""


def _raise(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nothing that goes wrong in a callback stays a line in a log."""
    raise context.get("exception") or AssertionError(context["message"])


def play[T](scene: Coroutine[object, object, T], draw: Random) -> T:
    """Run a scene to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=lambda: SimLoop(draw)) as runner:
        return runner.run(scene)
