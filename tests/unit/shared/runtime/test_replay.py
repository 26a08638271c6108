"""Replay finds what differs, where, and nothing else."""

from collections.abc import Callable
from typing import override

import msgspec
import pytest

from shared.messages.base import Message
from shared.messages.lane import State
from shared.runtime.actor import Actor, Rank
from shared.runtime.drain import Drain
from shared.runtime.replay import DIFFERENCES_MAX, Replay, Verdict
from shared.tape.entry import Entry
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID

SLICES = 40


@pytest.fixture(scope="module")
def recorded() -> list[Entry]:
    tape = MemoryTape(TAPE_ID)
    drain = Drain(toy.desk(), tape.id, tape)
    drain.be_born()
    for part in toy.slices(SLICES):
        drain.play(toy.FEED, part)
    return [tape.entry(seq) for seq in range(1, tape.last_seq + 1)]


def replayed(entries: list[Entry], make: Callable[[], list[Actor]] = toy.desk) -> Verdict:
    certificates: dict[str, tuple[int, State]] = {}
    for entry in entries:
        message = entry.open()[1]
        if isinstance(message, State):
            certificates[str(entry.lane)] = (entry.seq, message)
    replay = Replay(TAPE_ID, make(), certificates)
    for entry in entries:
        replay.feed(entry)
    return replay.end()


class Forgetful(toy.ToyRisk):
    """Does not answer the fifth signal."""

    signals = 0

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        said = super().answer(message)
        self.signals += bool(said)
        return () if said and self.signals == 5 else said


class Confused(toy.ToyRisk):
    """Begins with another thought, which changes all that follow."""

    def __init__(self) -> None:
        super().__init__()
        self.acc = 1


def desk_with(risk: toy.ToyRisk) -> list[Actor]:
    changed = toy.actor(risk, Rank.RISK)
    return [changed if actor.rank is Rank.RISK else actor for actor in toy.desk()]


def test_the_same_code_says_the_same(recorded: list[Entry]) -> None:
    verdict = replayed(recorded)

    assert verdict.differences == []
    assert verdict.changed == []
    assert verdict.events == len(recorded)
    outputs = [e for e in recorded if e.cause and not e.subject.endswith(".state")]
    assert verdict.compared == len(outputs) > 100
    assert verdict.unanswered == 0


def test_a_missing_answer_is_found_at_its_cause(recorded: list[Entry]) -> None:
    (first, *_) = replayed(recorded, lambda: desk_with(Forgetful())).differences

    signals = [e for e in recorded if ".signal." in e.subject]
    assert (first.lane, first.cause) == ("risk.main", signals[4].seq)
    assert first.produced is None
    assert first.recorded is not None
    assert first.recorded.subject.startswith("risk.main.approved")


def test_a_changed_byte_on_the_tape_is_found(recorded: list[Entry]) -> None:
    place = next(i for i, e in enumerate(recorded) if ".approved." in e.subject)
    payload = recorded[place].payload.replace(b'"quantity":"', b'"quantity":"1')
    forged = [*recorded]
    forged[place] = msgspec.structs.replace(recorded[place], payload=payload)

    (first, *_) = replayed(forged).differences

    assert first.seq == recorded[place].seq
    assert first.recorded != first.produced


def test_a_lost_message_on_the_tape_is_found(recorded: list[Entry]) -> None:
    place = next(i for i, e in enumerate(recorded) if ".approved." in e.subject)

    (first, *_) = replayed([*recorded[:place], *recorded[place + 1 :]]).differences

    assert (first.seq, first.recorded) == (0, None)
    assert first.cause == recorded[place].cause


def test_a_tape_that_ends_early_is_unanswered_not_different(recorded: list[Entry]) -> None:
    place = max(i for i, e in enumerate(recorded) if ".signal." in e.subject)

    verdict = replayed(recorded[: place + 1])

    assert verdict.differences == []
    assert verdict.unanswered >= 1


def test_what_follows_from_a_difference_is_counted_to_a_limit(recorded: list[Entry]) -> None:
    verdict = replayed(recorded, lambda: desk_with(Confused()))

    assert len(verdict.differences) == DIFFERENCES_MAX < verdict.found
