"""A tape alone tells which desk made it."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.in_process import actors_of
from console.replay.recorded import desk_of, survey
from services.strategy.config import StrategySettings
from shared.domain.errors import ConfigurationError
from shared.domain.values import Timeframe
from shared.runtime.replay import Replay
from shared.tape.archive import ArchiveTape
from tests import backtests
from tests.recorded import record

BROKEN = """
from services.strategy import Strategy


class Broken(Strategy):
    def on_start(self):
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen % 3 == 0:
            self.exit(bar.symbol) or self.buy(bar.symbol, 5)
        if self.seen > 12:
            raise ValueError(self.seen)
"""


def test_the_settings_that_decide_come_back(tmp_path: Path) -> None:
    strategies = {
        "wide": StrategySettings(use="sma_crossover", active=True, shards=3, params={"fast": 3}),
        "orb": StrategySettings(use="orb", symbols=("AAA",)),
    }
    desk = backtests.desk_of(
        strategies, risk={"position_fraction": "0.05"}, execution={"paper": {"slippage_bps": "7"}}
    )
    record(tmp_path / "a.tape", desk)
    found = asyncio.run(survey(ArchiveTape.open(tmp_path / "a.tape")))
    told = desk_of(found.certificates)
    assert found.native is Timeframe.M1
    assert (told.book, told.risk, told.execution) == (desk.book, desk.risk, desk.execution)
    assert told.ledger.books == desk.ledger.books
    assert {name: one.shards for name, one in told.strategies.items()} == {"wide": 3, "orb": 1}
    assert told.strategies["wide"].params == {"fast": 3}
    assert told.strategies["orb"].symbols == ("AAA",)


def test_settings_of_another_release_are_one_sentence(tmp_path: Path) -> None:
    record(tmp_path / "a.tape")
    found = asyncio.run(survey(ArchiveTape.open(tmp_path / "a.tape")))
    seq, state = found.certificates["risk.main"]
    older = replace(state, configuration='{"limit_of_old": 1}')
    with pytest.raises(ConfigurationError, match="settings that this release does not take: risk"):
        desk_of({**found.certificates, "risk.main": (seq, older)})
    with pytest.raises(ConfigurationError, match="no desk has worked on this tape"):
        desk_of({})


def test_a_divided_strategy_that_raises_is_replayed_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    strategy = StrategySettings(use="broken.py:Broken", active=True, shards=2)
    recorded = record(tmp_path / "a.tape", backtests.desk_of({"broken": strategy}))
    archive = ArchiveTape.open(tmp_path / "a.tape")
    assert archive.end.messages == recorded.last_seq
    found = asyncio.run(survey(archive))
    assert {"strategy.broken~1of2", "strategy.broken~2of2"} <= set(found.certificates)
    actors = actors_of(desk_of(found.certificates), archive.id, found.native)
    run = Replay(archive.id, actors, found.certificates)
    said = set()
    for entry in archive.entries():
        run.feed(entry)
        said.add(".".join(entry.subject.split(".")[:3]))
    assert run.end().found == 0
    assert "strategy.broken~1of2.suppressed" in said
    assert "strategy.broken~2of2.signal" in said
