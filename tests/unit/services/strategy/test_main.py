import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
import structlog
from nats.aio.client import Client

from services.strategy.config import StrategyServiceSettings, StrategySettings
from services.strategy.main import build, main
from shared.runtime.actor import Actor
from shared.runtime.exits import Exit
from shared.runtime.service import Context
from shared.tape.jetstream import JetStreamTape
from shared.tape.memory import MemoryTape
from shared.telemetry.metrics import Metrics


def built(strategies: dict[str, StrategySettings]) -> Sequence[Actor]:
    """Wire the service and have its actors made; nothing touches the tape or the client."""
    context = Context(
        settings=StrategyServiceSettings(strategies=strategies),
        tape=cast("JetStreamTape", MemoryTape("ab" * 8)),
        client=cast("Client", None),
        log=structlog.get_logger(),
        metrics=Metrics("strategy", "0"),
    )
    hosting = asyncio.run(build(context))
    assert hosting.shared_out is not None
    return hosting.shared_out()


def test_it_hosts_what_is_configured() -> None:
    actors = built({"b": StrategySettings(use="orb"), "a": StrategySettings(use="ema_crossover")})
    assert [str(actor.core.lane) for actor in actors] == ["strategy.a", "strategy.b"]


def test_without_strategies_it_hosts_none() -> None:
    assert not built({})


def test_bad_configuration_ends_it_with_the_exit_code_for_bad_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAPEDECK__STRATEGIES__ONE__USED", "orb")
    assert main() == Exit.BAD_INPUT
