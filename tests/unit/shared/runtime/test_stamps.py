"""Ids that are made late are the ids on the tape."""

from shared.runtime.drain import Drain
from shared.runtime.stamps import LateStamp
from shared.tape.memory import MemoryTape
from tests import toy

TAPE_ID = "00112233445566ff"


class Ear:
    """Hears everything."""

    reads = (">",)

    def __init__(self) -> None:
        self.heard: dict[int, tuple[str, str, int]] = {}

    def handle(self, stamp: LateStamp, _message: object, /) -> tuple[()]:
        self.heard[stamp.seq] = (stamp.id, stamp.correlation_id, stamp.ts_ns)
        return ()


def test_ids_stories_and_times_are_those_of_the_tape() -> None:
    tape, ear = MemoryTape(TAPE_ID), Ear()
    with_tape = Drain(toy.desk(), TAPE_ID, tape)
    without = Drain(toy.desk(), TAPE_ID, listeners=[ear])  # type: ignore[list-item]
    for drain in (with_tape, without):
        drain.be_born()
        for part in toy.slices(40):
            drain.play(toy.FEED, part)
    assert without.seq == tape.last_seq
    births = len([e for e in range(1, tape.last_seq + 1) if tape.entry(e).subject[-5:] == "state"])
    assert len(ear.heard) == tape.last_seq
    assert births
    for seq, heard in ear.heard.items():
        entry = tape.entry(seq)
        if not entry.subject.endswith(".state"):  # certificates stay blank without a tape
            stamp, _ = entry.open()
            assert heard == (stamp.id, stamp.correlation_id, stamp.ts_ns)
