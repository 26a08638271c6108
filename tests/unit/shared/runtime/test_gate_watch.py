"""What rests at the broker is cancelled when the tape stays away, by whoever was awake."""

import asyncio
from typing import override

import pytest

from shared.domain.errors import UnavailableError
from shared.messages.broker import Outage
from shared.runtime import gate_watch
from shared.runtime.gate_watch import TapeWatch
from shared.tape.interface import Bounds
from shared.tape.memory import MemoryTape
from tests.unit.shared.runtime.test_gate import BookedVenue


class AwayTape(MemoryTape):
    """Out of reach; each look takes `step_s` of a clock that only it moves."""

    def __init__(self, steps_s: list[float]) -> None:
        super().__init__("00112233445566ff")
        self.steps_s = steps_s
        self.now_s = 0.0
        self.is_over = asyncio.Event()

    @override
    async def bounds(self) -> Bounds:
        if not self.steps_s:
            self.is_over.set()
            await asyncio.Event().wait()
        self.now_s += self.steps_s.pop(0)
        raise UnavailableError("away")


class CountingVenue(BookedVenue):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.cancels: list[str] = []

    @override
    async def cancel(self, client_order_id: str) -> None:
        self.cancels.append(client_order_id)


def _through(steps_s: list[float], monkeypatch: pytest.MonkeyPatch) -> tuple[TapeWatch, list[str]]:
    monkeypatch.setattr(gate_watch, "PULSE_S", 0.0)

    async def run() -> tuple[TapeWatch, list[str]]:
        tape, venue = AwayTape(steps_s), CountingVenue()
        watch = TapeWatch(
            tape,
            venue,
            lambda: ["c1", "c2"],
            cancel_after_s=20.0,
            cancel_again_s=5.0,
            passed_s=lambda: tape.now_s,
            say=lambda _: None,
        )
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            task = group.create_task(watch.run())
            await tape.is_over.wait()
            task.cancel()
        return watch, venue.cancels

    return asyncio.run(run())


def test_what_rests_is_cancelled_and_again_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, cancels = _through([5.0] * 6, monkeypatch)
    assert cancels == ["c1", "c2"] * 3  # at 20, 25 and 30 s
    assert watch.outage == Outage(seconds=30.0, cancelled=("c1", "c2"))


def test_time_asleep_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, cancels = _through([1.0, 3_600.0, 5.0], monkeypatch)
    assert cancels == []
    assert watch.outage is None


def test_what_was_asked_while_the_outage_was_recorded_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, _ = _through([5.0] * 4, monkeypatch)
    watch.recorded(Outage(seconds=20.0, cancelled=("c1",)))
    assert watch.outage is not None
    assert watch.outage.cancelled == ("c2",)
    watch.recorded(watch.outage)
    assert watch.outage is None
