"""Birth certificates: which release answers, and from where on."""

import asyncio
import dataclasses

from shared.runtime import birth
from shared.runtime.actor import Actor, Rank
from shared.runtime.feed import slice_facts
from shared.tape.entry import Entry, Outgoing
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID

STRATEGY = toy.actor(toy.ToyStrategy("one", 1), Rank.STRATEGY)
RISK = toy.actor(toy.ToyRisk(), Rank.RISK)


def tape_with_a_minute() -> MemoryTape:
    tape = MemoryTape(TAPE_ID)
    for out in slice_facts(TAPE_ID, toy.FEED, toy.slices(1)[0]):
        tape.put(out, lane=toy.FEED, fence=tape.lane_end(toy.FEED))
    return tape


def test_a_changed_configuration_or_code_is_another_release() -> None:
    one = birth.certificate(RISK, 0)
    reconfigured = dataclasses.replace(RISK, configuration={"toy": "other"})
    recoded = dataclasses.replace(RISK, packages=["shared.subjects"])

    assert birth.is_same_release(one, birth.certificate(RISK, 99))
    assert not birth.is_same_release(one, birth.certificate(reconfigured, 0))
    assert not birth.is_same_release(one, birth.certificate(recoded, 0))


def test_the_order_of_configuration_keys_does_not_matter() -> None:
    one = dataclasses.replace(RISK, configuration={"a": 1, "b": 2})
    other = dataclasses.replace(RISK, configuration={"b": 2, "a": 1})

    assert birth.certificate(one, 0) == birth.certificate(other, 0)


def test_a_strategy_leaves_history_and_others_continue_where_answers_end() -> None:
    async def start(actor: Actor, lane_end: Entry | None) -> tuple[int, int]:
        return await birth.unanswered_from(tape_with_a_minute(), actor, lane_end)

    whole, cut = lane_end(cause=3, index=1, count=2), lane_end(cause=3, index=1, count=3)
    reborn = birth.outgoing(TAPE_ID, RISK, birth.certificate(RISK, 2, 2), 0)
    again = Entry(9, reborn.subject, reborn.payload, 0, cause=2)
    assert asyncio.run(start(STRATEGY, whole)) == (4, 0)
    assert asyncio.run(start(RISK, None)) == (0, 0)
    assert asyncio.run(start(RISK, whole)) == (3, 0)
    assert asyncio.run(start(RISK, cut)) == (2, 2)
    assert asyncio.run(start(RISK, again)) == (2, 2)


def lane_end(cause: int, index: int, count: int) -> Entry:
    (out,) = birth.openings(TAPE_ID, STRATEGY, 7)  # any message
    return Entry(9, out.subject, out.payload, 0, cause=cause, index=index, count=count)


def test_answers_that_an_earlier_release_has_said_are_left_out() -> None:
    def said(cause: int) -> tuple[Outgoing, ...]:
        return tuple(Outgoing("risk.main.denied.A", b"", cause, i, 3) for i in range(3))

    state = birth.certificate(RISK, 7, 2)
    assert birth.still_to_say((), state) == ()
    assert birth.still_to_say(said(7), state) == ()
    assert birth.still_to_say(said(8), state) == said(8)[2:]
    assert birth.still_to_say(said(9), state) == said(9)


def test_an_opening_is_a_command_of_the_actors_service() -> None:
    (out,) = birth.openings(TAPE_ID, STRATEGY, 7)

    assert out.subject == "control.strategy.activate.one"
    assert birth.openings(TAPE_ID, STRATEGY, 7) == [out]
    assert birth.openings(TAPE_ID, RISK, 7) == []
