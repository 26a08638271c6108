import asyncio

from services.strategy.builtin.crossover import EmaCrossover
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.messages.control import Quarantine
from shared.runtime.foresight import foresee
from shared.subjects import HOST
from shared.tape.entry import fact
from shared.tape.memory import MemoryTape
from tests import toy


def test_a_core_is_told_of_every_quarantine_that_is_its_own() -> None:
    async def scenario() -> None:
        tape = MemoryTape("ab" * 8)
        for who, first in (("s", 1), ("other", 1), ("s", 2)):
            message = Quarantine(strategy_id=who, from_seq=first)
            out = fact(tape.id, HOST, message, ts_ns=0, key=f"{who}{first}")
            await tape.tell(out, once_id=f"{who}{first}")
        core = StrategyCore(Instance(id="s", book="main"), EmaCrossover(fast=1, slow=2))
        await foresee(tape, core)
        # The first names no message before itself: there is nothing to foresee.
        assert core._windows == [(2, 3)]

    asyncio.run(scenario())


def test_others_need_not_be_told() -> None:
    asyncio.run(foresee(MemoryTape("ab" * 8), toy.ToyStrategy("s", 1)))
