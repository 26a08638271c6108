import math

import pytest

from services.strategy.indicators import Macd


def test_it_is_flat_when_prices_are() -> None:
    macd = Macd.of(2, 3, 2)
    for _ in range(4):
        macd.update(10.0)
    assert (macd.value, macd.signal, macd.histogram) == (0.0, 0.0, 0.0)


def test_its_signal_waits_for_its_own_period() -> None:
    macd = Macd.of(2, 3, 2)
    for _ in range(3):
        macd.update(10.0)
    assert macd.value == 0.0
    assert math.isnan(macd.signal)


def test_a_fast_period_that_is_not_below_the_slow_one_is_refused() -> None:
    with pytest.raises(ValueError, match="was 5 and 5"):
        Macd.of(5, 5)
