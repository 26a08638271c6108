"""A core that has facts ahead of it is told of them first."""

import asyncio

from shared.core import Stamp
from shared.messages.base import Message
from shared.messages.control import Quarantine
from shared.runtime.foresight import foresee
from shared.runtime.hang import put_slow
from shared.subjects import lane
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID


class Seer(toy.ToyStrategy):
    """Remembers what it was told."""

    foresees = ("control.*.quarantine.one", "control.*.quarantine.never")

    def __init__(self) -> None:
        super().__init__("one", 1)
        self.told: list[tuple[int, Message]] = []

    def foresee(self, stamp: Stamp, message: Message) -> None:
        self.told.append((stamp.seq, message))


def test_every_such_fact_is_told_in_order_and_nothing_else() -> None:
    async def scenario() -> None:
        tape, core = MemoryTape(TAPE_ID), Seer()
        for seq, name in enumerate(("one", "two", "one"), start=1):
            await put_slow(tape, lane("strategy", name), seq, 1.0, 1.0)
        await foresee(tape, core)
        assert [seq for seq, _ in core.told] == [1, 3]
        assert all(isinstance(message, Quarantine) for _, message in core.told)
        assert core.handled == 0

    asyncio.run(scenario())


def test_a_core_without_such_facts_is_left_alone() -> None:
    asyncio.run(foresee(MemoryTape(TAPE_ID), toy.ToyRisk()))
