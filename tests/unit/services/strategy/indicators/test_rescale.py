"""A split changes the unit of prices: the state carried over equals one built in the new unit."""

from collections.abc import Callable

import pytest

from services.strategy.indicators import Atr, Bollinger, Ema, Macd, Rsi, Sma
from shared.domain.values import Timeframe
from shared.messages.market import Bar

MAKERS: list[Callable[[], Sma | Ema | Rsi | Atr | Macd | Bollinger]] = [
    lambda: Sma(4),
    lambda: Ema(4),
    lambda: Rsi(4),
    lambda: Atr(4),
    lambda: Macd.of(2, 4, 3),
    lambda: Bollinger(4),
]


def bar(price: float) -> Bar:
    return Bar(
        symbol="A", timeframe=Timeframe.M1, start_ns=0, open=price, high=price * 1.25,
        low=price * 0.75, close=price, volume=1.0,
    )  # fmt: skip


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("seen", [2, 12])
def test_after_a_split_an_indicator_goes_on_as_if_prices_had_always_been_so(
    make: Callable[[], Sma | Ema | Rsi | Atr | Macd | Bollinger], seen: int
) -> None:
    prices = [64.0, 72.0, 60.0, 80.0, 88.0, 84.0, 96.0, 100.0, 92.0, 96.0, 104.0, 112.0]
    carried, fresh = make(), make()
    for price in prices[:seen]:
        carried.feed(bar(price))
        fresh.feed(bar(price / 4))
    carried.rescale(0.25)
    for price in (30.0, 28.0, 26.0, 31.0, 29.0):
        carried.feed(bar(price))
        fresh.feed(bar(price))
    assert carried.value == pytest.approx(fresh.value, rel=1e-12)
