"""What a reader is warned of."""

from console.backtest.statistics.doubts import doubts
from console.backtest.statistics.trades import Trade


def trade(profit: float) -> Trade:
    return Trade("s", "AAA", True, 1.0, 0, 1, 1.0, 1.0, profit, 0.0)


def test_a_long_run_of_many_even_trades_is_not_doubted() -> None:
    assert doubts([trade(10.0)] * 40, 100, 50.0, is_complete=True) == []


def test_few_trades_that_made_all_the_profit_are_named() -> None:
    said = doubts([*[trade(1.0)] * 40, trade(100.0)], 100, 0.0, is_complete=True)

    assert said == ["The best 3 of 41 trades made 73% of the profit."]


def test_costs_above_the_profit_decide() -> None:
    (said,) = doubts([trade(1.0)] * 40, 100, 90.0, is_complete=True)

    assert said.startswith("Costs of 90.00 are larger than the profit of closed trades, 40.00")
