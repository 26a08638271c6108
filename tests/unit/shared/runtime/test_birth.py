"""Birth certificates: which release answers, and from where on."""

import asyncio
import dataclasses

from shared.messages.lane import State
from shared.runtime import birth
from shared.runtime.actor import Actor, Rank
from shared.runtime.feed import slice_facts
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
    async def from_seq(actor: Actor, lane_end_cause: int | None) -> int:
        tape = tape_with_a_minute()
        end = None
        if lane_end_cause is not None:
            state = State(code_digest="", configuration="", from_seq=lane_end_cause)
            tape.put(birth.outgoing(TAPE_ID, actor, state, 0), lane=actor.core.lane, fence=0)
            end = tape.entry(tape.last_seq)
        return await birth.from_seq_of(tape, actor, end)

    assert asyncio.run(from_seq(STRATEGY, None)) == 4
    assert asyncio.run(from_seq(RISK, None)) == 0
    assert asyncio.run(from_seq(RISK, 3)) == 3


def test_an_opening_is_a_command_of_the_actors_service() -> None:
    (out,) = birth.openings(TAPE_ID, STRATEGY, 7)

    assert out.subject == "control.strategy.activate.one"
    assert birth.openings(TAPE_ID, STRATEGY, 7) == [out]
    assert birth.openings(TAPE_ID, RISK, 7) == []
