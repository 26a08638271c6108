"""Where an author's code hangs, and what the next start reads of it."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import override

import pytest

from shared.messages.control import Quarantine
from shared.runtime.hang import (
    NOTE_BYTES,
    Hang,
    Mark,
    put_quarantine,
    put_slow,
    read_mark,
    where_of,
)
from shared.runtime.watchdog import Watched
from shared.subjects import lane
from shared.tape.entry import Entry, fact
from shared.tape.interface import FenceLostError
from shared.tape.memory import MemoryTape
from tests import toy

LANE = lane("strategy", "stuck")
HANG = Hang(LANE, 7, "mine.py:3")
DUMP = b"""Timeout (0:00:10)!
Thread 0x00007f66f60dc6c0 (most recent call first):
  File "/lib/threading.py", line 992 in run
Thread 0x00007f66f60dc6c1 (most recent call first):
  File "/srv/mine.py", line 12 in commit
  File "/srv/mine.py", line 30 in on_bar
  File "/app/shared/runtime/watchdog.py", line 101 in handle
"""


def test_a_hang_is_one_sentence() -> None:
    sentence = "strategy.stuck hung for 10 s on message 7, at mine.py:3"
    assert HANG.sentence(10) == sentence


def test_the_line_is_the_authors_and_not_the_librarys_that_it_called() -> None:
    found: list[str] = []

    def library(frame: Callable[[], FrameType]) -> None:
        found.append(where_of(frame(), library.__code__))

    def authors() -> FrameType:
        return sys._getframe()

    library(authors)
    assert found[0].startswith("test_hang.py:")


def test_a_mark_of_a_process_that_was_ended_for_a_hang_says_who_and_where(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    mark = Mark(path)
    mark.note[:NOTE_BYTES] = b"7 strategy.stuck".ljust(NOTE_BYTES)
    mark.file.write(DUMP)
    mark.file.flush()
    assert read_mark(path, [lane("strategy", "other"), LANE]) == Hang(LANE, 7, "mine.py:12")
    assert read_mark(path, [lane("strategy", "other")]) is None
    mark.remove()
    assert read_mark(path, [LANE]) is None


@pytest.mark.parametrize(
    ("note", "dump"),
    [(b"7 strategy.stuck", b""), (b"- strategy.stuck", DUMP), (b"", DUMP), (b"7", DUMP)],
    ids=["killed", "between two messages", "before the first", "half a note"],
)
def test_any_other_end_names_nobody(tmp_path: Path, note: bytes, dump: bytes) -> None:
    path = tmp_path / "mark"
    path.write_bytes(note.ljust(NOTE_BYTES) + dump)
    assert read_mark(path, [LANE]) is None


def said(tape: MemoryTape, cause: int) -> None:
    bar = toy.slices(1)[0].messages[0]
    out = fact(tape.id, LANE, bar, ts_ns=0, key=f"{cause}", cause=cause)
    tape.put(out, lane=LANE, fence=tape.lane_end(LANE))


def test_a_quarantine_says_which_message_was_not_handled() -> None:
    async def scenario() -> None:
        tape = MemoryTape("ab" * 8)
        said(tape, 6)
        assert await put_quarantine(tape, HANG)
        entry = await tape.last("control.strategy.quarantine.stuck")
        assert entry is not None
        expected = Quarantine(strategy_id="stuck", from_seq=7, reason="hung at mine.py:3")
        assert entry.open()[1] == expected

    asyncio.run(scenario())


@pytest.mark.parametrize("cause", [7, 8])
def test_who_is_answered_by_another_instance_is_not_quarantined(cause: int) -> None:
    async def scenario() -> None:
        tape = MemoryTape("ab" * 8)
        said(tape, cause)
        assert not await put_quarantine(tape, HANG)
        assert await tape.last("control.>") is None

    asyncio.run(scenario())


class Overtaken(MemoryTape):
    """Another instance speaks between the look and the quarantine."""

    @override
    async def last(self, pattern: str) -> Entry | None:
        found = await super().last(pattern)
        said(self, 9)
        return found


def test_the_fence_refuses_a_quarantine_that_another_instance_has_overtaken() -> None:
    async def scenario() -> None:
        tape = Overtaken("ab" * 8)
        said(tape, 6)
        with pytest.raises(FenceLostError):
            await put_quarantine(tape, HANG)

    asyncio.run(scenario())


def test_slowness_counts_from_where_the_command_stands() -> None:
    async def scenario() -> None:
        tape = MemoryTape("ab" * 8)
        await put_slow(tape, LANE, 5, 2.0, 1.0)
        await put_slow(tape, LANE, 5, 2.0, 1.0)
        entry = await tape.last("control.strategy.quarantine.stuck")
        assert entry is not None
        message = entry.open()[1]
        assert isinstance(message, Quarantine)
        assert message.from_seq == 0
        assert message.reason == "took 2.0 s for message 5 and more than 1 s too often"
        assert tape.last_seq == 1

    asyncio.run(scenario())


def test_the_watchdog_knows_where_its_own_frames_begin() -> None:
    assert Watched.handle.__code__.co_filename.endswith("watchdog.py")
