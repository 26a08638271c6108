"""A latched kill holds everything back until it stands on the tape."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import override

import pytest

from shared.domain.errors import UnavailableError
from shared.messages.control import Kill
from shared.runtime import latch as latching
from shared.runtime.latch import KillHold, Latch, clear_latch, is_on_tape, read_latch, write_latch
from shared.runtime.turns import AtOnce, TurnsOverError
from shared.subjects import Lane, lane
from shared.tape.entry import Outgoing, fact
from shared.tape.interface import NoVerdictError
from shared.tape.memory import MemoryTape
from shared.tape.publisher import LanePublisher
from tests.tapes import TAPE_ID

CONSOLE = lane("control", "console")


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latching, "GRACE_S", 0.0)
    monkeypatch.setattr(latching, "POLL_S", 0.001)


def _hold(path: Path) -> tuple[MemoryTape, KillHold]:
    tape = MemoryTape(TAPE_ID)
    return tape, KillHold(path, tape, lambda _: None)


def _kill(identity: str) -> Outgoing:
    return fact(TAPE_ID, CONSOLE, Kill(), ts_ns=1, key=identity)


async def _watch_until(hold: KillHold, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        watch = group.create_task(hold.watch())
        while not holds():
            await asyncio.sleep(0.001)
        watch.cancel()


def test_nothing_is_granted_until_the_kill_is_on_the_tape_once(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    write_latch(path, Latch(id="k1", reason="smoke"))
    tape, hold = _hold(path)
    turns = hold.over(AtOnce())
    assert turns.granted < 0
    asyncio.run(_watch_until(hold, lambda: turns.granted > 0))
    assert [tape.entry(1).subject, tape.last_seq] == ["control.execution.kill", 1]


def test_a_kill_that_the_console_has_said_is_not_said_again(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    write_latch(path, Latch(id="k1"))
    tape, hold = _hold(path)
    tape.put(_kill("k1"), lane=CONSOLE, fence=0)
    tape.put(_kill("k2"), lane=CONSOLE, fence=1)  # a later one of somebody else hides nothing
    asyncio.run(_watch_until(hold, lambda: hold.due is None))
    assert tape.last_seq == 2
    assert asyncio.run(is_on_tape(tape, Latch(id="k2")))
    assert not asyncio.run(is_on_tape(tape, Latch(id="k3")))


def test_an_append_that_is_tried_again_does_not_pass_a_kill_latched_meanwhile(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kill.json"
    tape, hold = _hold(path)
    order = fact(TAPE_ID, lane("execution", "main"), Kill(), ts_ns=1, key="o")

    class AwayTape(MemoryTape):
        """Loses the first append; a kill is latched while it does."""

        id = TAPE_ID

        @override
        async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
            if not path.exists():
                write_latch(path, Latch(id="k1"))
                raise NoVerdictError("away")
            return await tape.append(out, lane=lane, fence=fence)

    order_lane = lane("execution", "main")

    async def run() -> None:
        publisher = LanePublisher(AwayTape(TAPE_ID), order_lane, 0, go=hold.over(AtOnce()).go)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            publishing = group.create_task(publisher.publish([order]))
            while not path.exists():
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)  # the pause before the second attempt has passed
            assert tape.last_seq == 0
            await _watch_until(hold, lambda: hold.due is None)
            await publishing

    asyncio.run(run())
    assert [tape.entry(n).subject.rpartition(".")[0] for n in (1, 2)] == [
        "control.execution",
        "execution.main",
    ]


def test_a_latch_that_cannot_be_read_is_a_kill_and_each_is_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    path.write_text("rubbish")
    first = read_latch(path)
    assert first is not None
    assert first == read_latch(path)
    clear_latch(path)
    assert read_latch(path) is None
    path.write_text("rubbish")
    second = read_latch(path)
    assert second is not None
    assert second.id != first.id


def test_a_latch_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be written"):
        write_latch(tmp_path / "missing" / "kill.json", Latch(id="k"))


def test_whoever_is_told_to_stop_holds_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    write_latch(path, Latch(id="k1"))
    _, hold = _hold(path)
    turns = hold.over(AtOnce())
    turns.leave()
    with pytest.raises(TurnsOverError):
        asyncio.run(turns.wait_for(1, 0))


class Lockstep(AtOnce):
    """Turns of a lockstep run in which cause 5 is granted."""

    is_exclusive = True
    granted = 5


def test_a_hold_lies_over_the_turns_of_a_lockstep_run(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    _, hold = _hold(path)
    turns = hold.over(Lockstep())
    assert (turns.is_exclusive, turns.granted) == (True, 5)
    write_latch(path, Latch(id="k1"))
    assert turns.granted < 0

    async def run() -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waiting = group.create_task(turns.wait_for(5, 0))
            await asyncio.sleep(0.02)
            assert not waiting.done()
            await _watch_until(hold, lambda: hold.due is None)

    asyncio.run(run())
    assert turns.granted == 5
