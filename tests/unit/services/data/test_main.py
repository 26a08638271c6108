"""How the data service is wired."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from services.data.config import DataServiceSettings
from services.data.main import build
from shared.domain.errors import DataError
from shared.runtime.actor import Rank
from shared.runtime.service import Context, Hosting
from shared.tape.memory import MemoryTape
from shared.telemetry.metrics import Metrics
from tests.bar_files import GOOD, csv


class Log:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.said.append((event, fields))


def hosting(settings: dict[str, Any], log: Log | None = None) -> Hosting:
    """Build the service on parts that it only hands on."""
    context = Context(
        settings=DataServiceSettings.model_validate(settings),
        tape=cast("Any", MemoryTape("0" * 16)),
        client=cast("Any", None),
        log=cast("Any", log or Log()),
        metrics=Metrics("data", "0"),
    )
    return asyncio.run(build(context))


def test_the_simulated_market_is_aggregated_from_its_trades_and_never_ends() -> None:
    made = hosting({})
    (actor,) = made.actors
    assert actor.rank is Rank.DATA
    assert actor.core.reads == ("data.sim.trade.>", "data.sim.clock")
    assert actor.configuration["timeframes"] == ["1m", "5m", "15m", "1h", "1d"]
    assert [name for name, _ in made.tasks] == ["feed"]
    assert made.ends_with == ""


def test_a_file_is_aggregated_from_its_own_bars(tmp_path: Path) -> None:
    log = Log()
    data = {"feed": "file", "file": {"paths": [csv(tmp_path, *GOOD)], "until_done": True}}
    made = hosting({"data": data}, log)
    (actor,) = made.actors
    assert actor.core.reads == ("data.file.bar.1m.>", "data.file.clock")
    assert actor.configuration["timeframes"] == ["5m", "15m", "1h", "1d"]
    assert made.ends_with == "feed"
    assert log.said == [("feed opened", {"feed": "file", "native": "1m", "bars": 4})]


def test_without_until_done_the_service_outlives_its_files(tmp_path: Path) -> None:
    data = {"feed": "file", "file": {"paths": [csv(tmp_path, *GOOD)]}}
    assert hosting({"data": data}).ends_with == ""


def test_a_bad_file_stops_the_service_before_anything_is_played(tmp_path: Path) -> None:
    data = {"feed": "file", "file": {"paths": [tmp_path / "nope.csv"]}}
    with pytest.raises(DataError, match="no such file or folder"):
        hosting({"data": data})
