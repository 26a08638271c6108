"""The publisher: what it does when the server refuses, or says nothing."""

import asyncio
from collections.abc import Sequence
from typing import override

import pytest

from shared.domain.errors import UnavailableError
from shared.messages.control import Kill
from shared.subjects import Lane, lane
from shared.tape.entry import Entry, Outgoing, fact
from shared.tape.interface import FenceLostError, NoVerdictError, TapeFullError
from shared.tape.memory import MemoryTape
from shared.tape.publisher import BATCH_FROM, LanePublisher

ME = lane("risk", "main")


class Troubled(MemoryTape):
    """Each publish meets the next trouble of the list; then all is well."""

    def __init__(self, *troubles: str) -> None:
        super().__init__("00112233445566ff")
        self._troubles = list(troubles)
        self.batches = 0
        self.late: list[Outgoing] = []

    @override
    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        for each in self.late:
            self.put(each, lane=lane, fence=self.lane_end(lane))
        self.late = []
        trouble = self._troubles.pop(0) if self._troubles else ""
        if trouble == "lost":
            raise NoVerdictError("it never arrived")
        if trouble == "full":
            raise TapeFullError("no space")
        seq = self.put(out, lane=lane, fence=fence)
        if trouble == "unacknowledged":
            raise NoVerdictError("it arrived, the answer did not")
        if trouble == "unacknowledged and refused":
            self._troubles.insert(0, "")
            raise FenceLostError(lane, fence, -1)
        return seq

    @override
    async def append_batch(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        self.batches += 1
        return await super().append_batch(outs, lane=lane, fence=fence)

    @override
    async def append_run(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        if not self._troubles:
            return await super().append_run(outs, lane=lane, fence=fence)
        arrived, _, late = self._troubles.pop(0).partition(" and later ")
        for out in outs[: int(arrived)]:
            fence = self.put(out, lane=lane, fence=fence)
        self.late = list(outs[int(arrived) :][: int(late or 0)])
        raise NoVerdictError(f"{arrived} arrived")

    @override
    async def last(self, pattern: str) -> Entry | None:
        if self._troubles and self._troubles[0] == "unreachable":
            self._troubles.pop(0)
            raise UnavailableError("nobody answers")
        return await super().last(pattern)


def outs(count: int) -> list[Outgoing]:
    return [
        fact("t", ME, Kill(reason=str(i)), ts_ns=i, key=str(i), cause=7, index=i, count=count)
        for i in range(count)
    ]


@pytest.mark.parametrize(
    "troubles",
    [
        [],
        ["lost"],
        ["lost", "lost", "unacknowledged"],
        ["unacknowledged"],
        ["unacknowledged and refused"],
        ["lost", "unreachable"],
        ["full", "full", "unacknowledged"],
        ["unacknowledged", "unreachable", "unacknowledged"],
    ],
)
def test_every_message_stands_on_the_tape_once_whatever_happens(troubles: list[str]) -> None:
    tape = Troubled(*troubles)
    wanted = outs(3)

    said: list[str] = []
    publisher = LanePublisher(tape, ME, 0, said.append)
    asyncio.run(publisher.publish(wanted))

    entries = [tape.entry(seq) for seq in range(1, tape.last_seq + 1)]
    assert [e.payload for e in entries] == [o.payload for o in wanted]
    assert (publisher.head, publisher.recorded) == (3, 3)
    assert said.count("no space") == troubles.count("full")


@pytest.mark.parametrize(
    "troubles",
    [
        [],
        ["0"],
        ["2"],
        ["5"],
        ["3", "unreachable"],
        ["0", "unreachable", "unacknowledged"],
        ["1 and later 1"],
        ["1 and later 3"],
        ["0 and later 5", "unreachable"],
    ],
)
def test_a_run_that_stops_anywhere_is_completed(troubles: list[str]) -> None:
    tape = Troubled(*troubles)
    wanted = outs(5)

    publisher = LanePublisher(tape, ME, 0)
    asyncio.run(publisher.publish_run(wanted))

    entries = [tape.entry(seq) for seq in range(1, tape.last_seq + 1)]
    assert [e.payload for e in entries] == [o.payload for o in wanted]
    assert publisher.head == 5


def test_another_writer_on_the_lane_ends_it() -> None:
    tape = Troubled()
    publisher = LanePublisher(tape, ME, 0)
    stranger = fact("t", ME, Kill(reason="stranger"), ts_ns=0, key="s", cause=1)
    tape.put(stranger, lane=ME, fence=0)

    with pytest.raises(FenceLostError, match=r"risk\.main was expected to end at 0 but ends at 1"):
        asyncio.run(publisher.publish(outs(1)))
    assert tape.last_seq == 1


def test_the_same_answer_by_another_instance_is_not_mine_when_more_follows() -> None:
    tape = Troubled()
    publisher = LanePublisher(tape, ME, 0)
    for place, out in enumerate(outs(2)):
        tape.put(out, lane=ME, fence=place)

    with pytest.raises(FenceLostError):
        asyncio.run(publisher.publish(outs(2)[:1]))


def test_many_outputs_go_as_one_batch_and_few_do_not() -> None:
    tape = Troubled()
    publisher = LanePublisher(tape, ME, 0)

    asyncio.run(publisher.publish(outs(BATCH_FROM)))
    assert tape.batches == 0
    asyncio.run(publisher.publish(outs(BATCH_FROM + 1)))
    assert tape.batches == 1
