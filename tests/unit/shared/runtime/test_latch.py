"""A latched kill holds everything back until it stands on the tape."""

import asyncio
from pathlib import Path

import pytest

from shared.domain.errors import UnavailableError
from shared.runtime.latch import KillHold, Latch, clear_latch, read_latch, write_latch
from shared.runtime.turns import TurnsOverError
from shared.tape.memory import MemoryTape


def _hold(path: Path) -> tuple[MemoryTape, KillHold]:
    tape = MemoryTape("00112233445566ff")
    return tape, KillHold(path, tape, lambda _: None)


def test_nothing_is_granted_until_the_kill_is_on_the_tape_once(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    write_latch(path, Latch(id="k1", reason="smoke"))
    tape, hold = _hold(path)
    assert hold.granted < 0

    async def run() -> None:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            watch = group.create_task(hold.watch())
            await hold.wait_for(1, 0)
            watch.cancel()

    asyncio.run(run())
    assert [tape.entry(1).subject, tape.last_seq] == ["control.execution.kill", 1]


def test_a_latch_that_cannot_be_read_is_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    path.write_text("rubbish")
    assert read_latch(path) is not None
    clear_latch(path)
    assert read_latch(path) is None


def test_a_latch_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be written"):
        write_latch(tmp_path / "missing" / "kill.json", Latch(id="k"))


def test_whoever_is_told_to_stop_holds_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "kill.json"
    write_latch(path, Latch(id="k1"))
    _, hold = _hold(path)
    hold.leave()
    with pytest.raises(TurnsOverError):
        asyncio.run(hold.wait_for(1, 0))
