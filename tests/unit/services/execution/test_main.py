"""How the execution service is wired."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.execution.config import ExecutionServiceSettings
from services.execution.main import build
from shared.domain.errors import ConfigurationError
from shared.runtime.actor import Rank
from tests.unit.services.execution.talk import TAPE_ID


def _context(**settings: Any) -> Any:
    tape = SimpleNamespace(id=TAPE_ID)
    return cast("Any", SimpleNamespace(settings=ExecutionServiceSettings(**settings), tape=tape))


def test_it_hosts_the_core_and_the_paper_broker() -> None:
    hosting = asyncio.run(build(_context(book="swing")))
    assert [(str(a.core.lane), a.rank) for a in hosting.actors] == [
        ("execution.swing", Rank.EXECUTION),
        ("broker.swing", Rank.BROKER),
    ]
    assert hosting.actors[1].configuration["starting_cash"] == "100000"


def test_live_trading_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="set mode to paper"):
        asyncio.run(build(_context(mode="live")))
