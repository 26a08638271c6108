"""Whoever looks ahead is caught; whoever does not is left in peace."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.backtest.honesty.apart import Decision
from console.backtest.honesty.lookahead import check_lookahead, cut_times
from console.configuration import DeskConfiguration
from services.strategy.config import StrategySettings
from shared.domain.values import Intent, Side
from shared.messages.signals import Signal
from tests.backtests import desk_of, made_up_bars

HONEST = """
from services.strategy import Strategy

class Author(Strategy):
    def on_bar(self, bar):
        {body}
"""
BUYS_AT_TIMES = (
    "self.buy(bar.symbol, quantity=1) if bar.close > bar.open else self.exit(bar.symbol)"
)
DIGS = """
        import gc
        from services.data.files.bars import Bars
        for found in gc.get_objects():
            if isinstance(found, Bars) and found.end_ns[-1] > bar.start_ns + 60_000_000_000:
                self.buy(bar.symbol, quantity=1)
                return
        self.exit(bar.symbol)
"""
READS = """
        import csv
        with open({path!r}) as file:
            rows = list(csv.reader(file))
        self.buy(bar.symbol, quantity=len(rows) % 7 + 1)
"""
ROLLS_DICE = "import random; self.buy(bar.symbol, quantity=random.randrange(1, 99))"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Path]:
    """A folder that strategies are imported from, also in child processes."""
    sys.path.append(str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))


def authored(shelf: Path, name: str, body: str) -> DeskConfiguration:
    (shelf / f"{name}.py").write_text(HONEST.format(body=body.strip()), encoding="utf-8")
    settings = StrategySettings(use=f"{name}:Author", active=True)
    return desk_of({"author": settings})


BARS = made_up_bars(("AAA",), sessions=1)


def test_an_honest_strategy_decides_the_same_without_the_future(shelf: Path) -> None:
    found = check_lookahead(authored(shelf, "honest", BUYS_AT_TIMES), BARS, [], cuts=2)

    assert found.is_clean
    assert found.decisions > 10
    assert len(found.cuts) == 2


def test_one_that_digs_the_bars_out_of_memory_is_caught_at_its_decision(shelf: Path) -> None:
    found = check_lookahead(authored(shelf, "digs", DIGS), BARS, [], cuts=2)

    assert found.is_repeatable
    assert not found.is_clean
    assert {change.strategy_id for change in found.changes} == {"author"}
    first = found.changes[0]
    assert first.ts_ns <= first.cut_ns
    assert "buy 1 AAA" in first.with_future


def test_one_that_reads_the_file_itself_is_named_with_its_line(shelf: Path) -> None:
    data = shelf / "bars.csv"
    data.write_text("symbol,ts\n", encoding="utf-8")
    desk = authored(shelf, "reads", READS.format(path=str(data)))

    found = check_lookahead(desk, BARS, [data], cuts=1)

    assert not found.is_clean
    assert any("bars.csv by" in line and "reads.py:" in line for line in found.opened)


def test_one_that_rolls_dice_cannot_be_judged_and_says_so(shelf: Path) -> None:
    found = check_lookahead(authored(shelf, "dice", ROLLS_DICE), BARS, [], cuts=1)

    assert not found.is_repeatable
    assert not found.is_clean


def decision(ts_ns: int) -> Decision:
    signal = Signal(
        strategy_id="s", symbol="AAA", side=Side.BUY, intent=Intent.OPEN, price=1.0,
        valid_until_ns=0,
    )  # fmt: skip
    return Decision(ts_ns, signal)


def test_cuts_are_made_at_decisions_where_there_are_enough() -> None:
    times = [int(ts_ns) for ts_ns in BARS.end_ns[:41]]

    assert cut_times([decision(ts_ns) for ts_ns in times], BARS, 4) == times[:40:10]
    assert len(cut_times([], BARS, 4)) == 4
