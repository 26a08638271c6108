from decimal import Decimal

from services.strategy.builtin.crossover import EmaCrossover
from services.strategy.rehearsal import rehearse
from shared.domain.values import NS_PER_S, Intent, Side, Timeframe
from shared.messages.market import Bar
from tests.unit.services.strategy.talk import opening, signals


def bars(*closes: float) -> list[Bar]:
    return [
        Bar(
            symbol="AAPL", timeframe=Timeframe.M1, start_ns=opening() + i * 60 * NS_PER_S,
            open=close, high=close, low=close, close=close, volume=1.0,
        )
        for i, close in enumerate(closes)
    ]  # fmt: skip


def test_signals_are_filled_at_once_and_in_full() -> None:
    strategy = EmaCrossover(fast=1, slow=2)
    said = rehearse(strategy, bars(100.0, 101.0, 102.0, 90.0, 95.0), shares=Decimal(7))
    assert signals(tuple(said)) == [
        (Side.BUY, Intent.OPEN),
        (Side.SELL, Intent.CLOSE),
        (Side.BUY, Intent.OPEN),
    ]
    assert strategy.position("AAPL") == 7
