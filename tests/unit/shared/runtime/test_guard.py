"""The guard watches what can be quarantined, and reports what it saw."""

import asyncio
from pathlib import Path

import pytest
import structlog

from shared.config.desk import HostingSettings
from shared.core import Stamp
from shared.domain.errors import ConfigurationError
from shared.messages.base import Message
from shared.messages.control import Quarantine
from shared.runtime.actor import Rank
from shared.runtime.guard import Guard
from shared.runtime.watchdog import Watchdog, Watched
from shared.subjects import lane
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID

LANE = lane("strategy", "one")


class Seer(toy.ToyStrategy):
    """A core that can be quarantined."""

    foresees: tuple[str, ...] = ("control.*.quarantine.one",)

    def foresee(self, stamp: Stamp, message: Message) -> None:
        raise NotImplementedError


async def nothing(_: Watchdog) -> None: ...


def guard(**settings: object) -> Guard:
    return Guard(HostingSettings.model_validate(settings), structlog.get_logger())


def test_only_what_can_be_quarantined_is_watched() -> None:
    user, ours = toy.actor(Seer("one", 1), Rank.STRATEGY), toy.actor(toy.ToyRisk(), Rank.RISK)

    assert isinstance(guard().over(user).core, Watched)
    assert guard().over(ours) is ours


def test_a_slow_actor_ends_up_on_the_tape() -> None:
    async def scenario() -> None:
        tape, watching = MemoryTape(TAPE_ID), guard()
        watching._on_slow(LANE, 4, 3.0)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(watching.run(tape))
            async with asyncio.timeout(5):
                await tape.grown_past(0, 5)
            running.cancel()
        assert isinstance(tape.entry(1).open()[1], Quarantine)

    asyncio.run(scenario())


def test_the_last_words_of_a_process_are_put_on_the_tape_by_the_next(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.write_bytes(b"7 strategy.one".ljust(256) + b"Timeout (0:00:10)!\n")
    tape = MemoryTape(TAPE_ID)

    asyncio.run(guard(mark_file=str(mark)).report_last(tape, [LANE]))

    message = tape.entry(1).open()[1]
    assert isinstance(message, Quarantine)
    assert message.from_seq == 7


def test_a_mark_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"hosting\.mark_file: .* cannot be written"):
        guard(mark_file=str(tmp_path / "none" / "mark")).start(nothing)
