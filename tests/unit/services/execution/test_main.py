"""How the execution service is wired."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.execution.config import ExecutionServiceSettings
from services.execution.main import build
from shared.domain.errors import ConfigurationError
from shared.permissions import KILL_SUBJECT
from shared.runtime.actor import Rank
from shared.runtime.turns import AtOnce
from tests.unit.services.execution.talk import TAPE_ID


class Listening:
    """A connection that keeps what is listened to."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def subscribe(self, subject: str, **_: object) -> None:
        self.subjects.append(subject)


def _context(**settings: Any) -> Any:
    tape = SimpleNamespace(id=TAPE_ID)
    made = ExecutionServiceSettings(**settings)
    return cast("Any", SimpleNamespace(settings=made, tape=tape, client=Listening()))


def test_it_hosts_the_core_and_the_paper_broker() -> None:
    hosting = asyncio.run(build(_context(book="swing")))
    assert [(str(a.core.lane), a.rank) for a in hosting.actors] == [
        ("execution.swing", Rank.EXECUTION),
        ("broker.swing", Rank.BROKER),
    ]
    assert hosting.actors[1].configuration["starting_cash"] == "100000"


def test_it_hears_a_kill_without_the_tape_and_holds_every_actor() -> None:
    context = _context()
    hosting = asyncio.run(build(context))
    assert context.client.subjects == [KILL_SUBJECT]
    assert hosting.hold is not None
    assert hosting.hold(AtOnce()).granted > 0
    assert [name for name, _ in hosting.tasks] == ["kill"]


def test_live_trading_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="set mode to paper"):
        asyncio.run(build(_context(mode="live")))
