"""One screen for a run, and the doubts in sentences."""

import io
from decimal import Decimal

from rich.console import Console

from console.backtest.engine import run
from console.backtest.honesty.costs import FACTORS, Cell, Sensitivity
from console.backtest.honesty.lookahead import Change, Lookahead
from console.backtest.statistics import statistics
from console.backtest.summary import (
    lookahead_lines,
    print_sensitivity,
    print_summary,
    sensitivity_sentence,
)
from services.strategy.config import StrategySettings
from tests.backtests import desk_of, made_up_bars


def printed(document: object, stats: object) -> str:
    out = io.StringIO()
    print_summary(document, stats, Console(file=out, width=120))  # type: ignore[arg-type]
    return out.getvalue()


def test_a_run_fits_one_screen_of_eighty_columns() -> None:
    two = {
        name: StrategySettings(use="ema_crossover", active=True, params={"fast": fast, "slow": 12})
        for name, fast in (("one", 3), ("two", 5))
    }
    result = run(desk_of(two), made_up_bars())

    told = printed(result.document, statistics(result).document())

    lines = told.splitlines()
    assert len(lines) < 50
    assert max(len(line) for line in lines) <= 80
    for word in ("total return", "Sharpe", "commission", "slippage", "By strategy", "one", "AAA"):
        assert word in told
    assert "! " in told


def test_a_run_without_a_trade_prints_dashes() -> None:
    idle = {"idle": StrategySettings(use="ema_crossover", active=False)}
    result = run(desk_of(idle), made_up_bars(sessions=1))

    told = printed(result.document, statistics(result).document())

    assert "win rate" in told
    assert "None" not in told
    assert "nan" not in told


def found(**more: object) -> Lookahead:
    given = {"decisions": 5, "cuts": [1, 2], "changes": [], "opened": [], "is_repeatable": True}
    return Lookahead(**(given | more))  # type: ignore[arg-type]


def test_what_the_look_ahead_check_found_is_a_sentence() -> None:
    change = Change(60_000_000_000, 60_000_000_000, "s", "open buy AAA market", "nothing")

    assert "none of 5 decisions changed at 2 cuts" in lookahead_lines(found())[0]
    caught = lookahead_lines(found(changes=[change], opened=["/d/bars.csv by s.py:7"]))
    assert "decisions change" in caught[0]
    assert (
        "s, 1970-01-01 00:01 UTC: open buy AAA market with the future, nothing without" in caught[1]
    )
    assert "/d/bars.csv by s.py:7: data was read behind the engine's back" in caught[2]
    assert "did not decide the same" in lookahead_lines(found(is_repeatable=False))[0]


def test_what_costs_leave_is_a_table_and_a_sentence() -> None:
    cells = [Cell(c, s, Decimal(100 - 20 * c - 10 * s), 4) for c in FACTORS for s in FACTORS]
    out = io.StringIO()
    print_sensitivity(Sensitivity(cells, None, is_lost=False), Console(file=out, width=120))

    assert "commission x3" in out.getvalue()
    assert "10.00" in out.getvalue()
    assert "Some profit is left at 3 times" in out.getvalue()
    assert "gone at 1.5 times" in sensitivity_sentence(Sensitivity(cells, 1.5, is_lost=False))
    assert "no profit even if" in sensitivity_sentence(Sensitivity(cells, None, is_lost=True))
