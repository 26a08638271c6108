"""Each rule of the tape, broken once; and a tape that keeps them all."""

import asyncio
from pathlib import Path
from typing import override

import pytest
from msgspec.structs import replace

from shared.messages.decisions import Halted, Resumed
from shared.messages.lane import State
from shared.messages.market import Clock
from shared.subjects import Lane
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry, Outgoing, answers, fact
from shared.tape.interface import Bounds
from shared.tape.memory import MemoryTape
from shared.tape.verification import Fault, TapeCheck
from tests.unit.shared.tape.archives import TAPE_ID, archive

FEED = Lane("data", "file")
RISK = Lane("risk", "main")


class Author:
    """Writes an honest tape."""

    def __init__(self) -> None:
        self.tape = MemoryTape(TAPE_ID)

    def put(self, out: Outgoing, lane: Lane) -> None:
        self.tape.put(out, lane=lane, fence=self.tape.lane_end(lane))

    def born(self, lane: Lane, from_seq: int) -> None:
        state = State(code_digest="d", configuration="{}", from_seq=from_seq)
        out = fact(TAPE_ID, lane, state, ts_ns=0, key=f"birth/{from_seq}", cause=from_seq)
        self.put(out, lane)

    def slice(self, moment: int) -> None:
        """Two messages of one moment, as a file feed publishes them."""
        for index in range(2):
            clock = Clock(ts_ns=moment)
            key = f"{moment}/{index}"
            out = fact(TAPE_ID, FEED, clock, ts_ns=moment, key=key, index=index, count=2)
            self.put(out, FEED)

    def answer(self, cause: int, count: int = 2) -> None:
        stamp, _ = self.tape.entry(cause).open()
        said = tuple(Halted(code=f"c{n}") for n in range(count))
        for out in answers(TAPE_ID, RISK, stamp, said):
            self.put(out, RISK)

    @property
    def entries(self) -> list[Entry]:
        return [self.tape.entry(seq) for seq in range(1, self.tape.last_seq + 1)]


@pytest.fixture
def day() -> list[Entry]:
    """1 birth, 2-3 slice, 4-5 answers to 3, 6-7 slice, 8-9 answers to 6, 10 new release, 11 one."""
    author = Author()
    author.born(RISK, 0)
    author.slice(1)
    author.answer(3)
    author.slice(2)
    author.answer(6)
    author.born(RISK, 6)
    author.answer(7, count=1)
    command = fact(TAPE_ID, Lane("control", "console"), Resumed(operator="me"), ts_ns=5, key="r")
    author.tape._take(command, fenced=False)
    return author.entries


def faults(tmp_path: Path, entries: list[Entry], bounds: Bounds | None = None) -> list[Fault]:
    tmp_path.mkdir(exist_ok=True)
    tape = ArchiveTape.open(archive(tmp_path / "a", entries))

    async def scenario() -> list[Fault]:
        check = TapeCheck(tape, bounds or Bounds(1, entries[-1].seq))
        return [fault async for fault in check.run(lambda _: None)]

    return asyncio.run(scenario())


def changed(entries: list[Entry], seq: int, **fields: object) -> list[Entry]:
    return [replace(e, **fields) if e.seq == seq else e for e in entries]


def without(entries: list[Entry], *seqs: int) -> list[Entry]:
    return [e for e in entries if e.seq not in seqs]


def test_an_honest_tape_has_no_fault(tmp_path: Path, day: list[Entry]) -> None:
    assert faults(tmp_path, day) == []


def test_a_hole_that_nobody_explained_is_a_fault_where_it_begins(
    tmp_path: Path, day: list[Entry]
) -> None:
    found = faults(tmp_path, without(day, 6, 7))
    assert found[0] == Fault(6, "", "6-7 are missing, and nothing was trimmed there")
    assert "names 6 as its cause, where nothing stands" in {fault.text for fault in found}


def test_a_missing_end_is_a_fault(tmp_path: Path, day: list[Entry]) -> None:
    found = faults(tmp_path, day, Bounds(1, day[-1].seq + 2))
    first = day[-1].seq + 1
    assert [fault.text for fault in found] == [
        f"{first}-{first + 1} are missing, and nothing was trimmed there"
    ]


def test_what_was_trimmed_may_be_missing(tmp_path: Path, day: list[Entry]) -> None:
    kept = without(day, 2, 3, 4, 5)
    assert faults(tmp_path, kept, Bounds(1, 12, trimmed_before=6)) == []


def test_what_expired_may_be_missing(tmp_path: Path, day: list[Entry]) -> None:
    kept = without(day, 2, 6)
    assert faults(tmp_path, kept, Bounds(1, 12, kept_days=1)) == []
    # The outputs of an actor never expire.
    found = faults(tmp_path / "b", without(day, 5), Bounds(1, 12, kept_days=1))
    assert [(f.seq, f.text) for f in found] == [(8, "comes although outputs 2-2 of 2 for 3 lack")]


@pytest.mark.parametrize(
    ("seq", "fields", "text"),
    [
        (4, {"cause": 0}, "names 0 as its cause, which does not stand before it"),
        (4, {"cause": 9}, "names 9 as its cause, which does not stand before it"),
        (4, {"cause": 2}, "names"),
        (8, {"cause": 2}, "answers 2 after 3"),
        (8, {"index": 1}, "is output 2 of 2, the one before it is not here"),
        (4, {"index": 5}, "is output 6 of 2"),
        (5, {"count": 3}, "goes on with outputs of 3 that were 2"),
        (4, {"fenced": False}, "does not say what caused it, as only a stranger would"),
        (4, {"payload": b"not json"}, "not a message of this release"),
    ],
)
def test_each_broken_rule_is_one_sentence_at_its_place(
    tmp_path: Path, day: list[Entry], seq: int, fields: dict[str, object], text: str
) -> None:
    found = faults(tmp_path, changed(day, seq, **fields))
    assert any(fault.seq == seq and text in fault.text for fault in found), found


def test_an_id_that_does_not_follow_from_its_cause_is_found(
    tmp_path: Path, day: list[Entry]
) -> None:
    payload = day[3].payload
    identity = payload[7:39]
    forged = changed(day, 4, payload=payload.replace(identity, b"f" * 32))
    (fault,) = faults(tmp_path, forged)
    assert (fault.seq, fault.subject) == (4, "risk.main.halted")
    assert fault.text == f"has the id {'f' * 32}, of its cause follows {identity.decode()}"


def test_a_message_that_readers_refuse_is_no_hole(tmp_path: Path, day: list[Entry]) -> None:
    """On the server a forged message stands where every reader sees none."""

    class Server(ArchiveTape):
        @override
        async def get(self, seq: int) -> Entry | None:
            return day[seq - 1]

    tape = Server.open(archive(tmp_path / "a", day[:-1]))

    async def scenario() -> list[Fault]:
        check = TapeCheck(tape, Bounds(1, len(day)))
        return [fault async for fault in check.run(lambda _: None)]

    (fault,) = asyncio.run(scenario())
    assert fault.seq == len(day)
    assert fault.text == "is refused by every reader: its speaker did not write it"
