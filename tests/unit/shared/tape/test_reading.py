"""A part of a tape never passes for the whole."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import override

import pytest

from shared.domain.errors import UnavailableError
from shared.messages.control import Kill
from shared.subjects import LANES, lane
from shared.tape import reading
from shared.tape.entry import Entry, fact
from shared.tape.interface import Reader
from shared.tape.memory import MemoryTape
from shared.tape.reading import read_all, read_until

OPERATOR = lane("control", "op")


class Stalling(MemoryTape):
    """Holds five messages and gives the first two."""

    @override
    def reader(self, patterns: Sequence[str], start_seq: int) -> Reader:
        given = MemoryTape(self.id)
        given._entries = self._entries[:2]
        return given.reader(patterns, start_seq)


def filled(kind: type[MemoryTape] = MemoryTape) -> MemoryTape:
    made = kind("ab" * 8)

    async def fill() -> None:
        for number in range(5):
            kill = Kill(reason=f"drill {number}")
            out = fact(made.id, OPERATOR, kill, ts_ns=number, key=f"{number}")
            await made.tell(out, once_id=f"{number}")

    asyncio.run(fill())
    return made


def read(entries: AsyncIterator[Entry]) -> list[int]:
    async def gather() -> list[int]:
        return [entry.seq async for entry in entries]

    return asyncio.run(gather())


def test_a_span_is_given_whole_its_ends_included() -> None:
    tape = filled()
    assert read(read_until(tape, LANES, 4, 2)) == [2, 3, 4]
    assert read(read_until(tape, LANES, 1, 2)) == []
    assert read(read_all(tape, ["control.>"])) == [1, 2, 3, 4, 5]
    assert read(read_all(tape, ["risk.>"])) == []


def test_a_tape_that_stalls_is_an_error_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "READ_S", 0.01)
    for entries in (
        read_all(filled(Stalling), ["control.>"]),
        read_until(filled(Stalling), LANES, 4),
    ):
        with pytest.raises(UnavailableError, match="could not be read past message 2 for"):
            read(entries)


def test_an_end_that_has_expired_is_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "READ_S", 0.01)
    assert read(read_until(filled(), LANES, 9)) == [1, 2, 3, 4, 5]
