"""How the risk service is wired."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from services.risk.config import RiskServiceSettings
from services.risk.main import build
from shared.runtime.actor import Rank


def test_it_hosts_the_risk_of_the_book() -> None:
    context = cast("Any", SimpleNamespace(settings=RiskServiceSettings(book="swing")))
    (actor,) = asyncio.run(build(context)).actors
    assert str(actor.core.lane) == "risk.swing"
    assert actor.rank is Rank.RISK
    assert actor.configuration["max_position_fraction"] == "0.20"
