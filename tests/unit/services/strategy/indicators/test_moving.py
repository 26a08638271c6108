import math

import pytest

from services.strategy.indicators import Ema, Sma


def test_a_simple_average_is_nan_until_it_has_seen_its_period() -> None:
    average = Sma(3)
    assert [math.isnan(average.update(price)) for price in (1.0, 2.0)] == [True, True]
    assert average.update(6.0) == 3.0
    assert average.update(7.0) == 5.0


def test_a_simple_average_does_not_drift() -> None:
    average = Sma(2)
    for price in (1e16, 1.0, 1.0, 1.0):
        average.update(price)
    assert average.value == 1.0


def test_an_exponential_average_starts_from_the_simple_one() -> None:
    average = Ema(3)
    for price in (1.0, 2.0, 6.0):
        average.update(price)
    assert average.value == 3.0
    assert average.update(5.0) == 4.0


def test_a_period_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, was 0"):
        Sma(0)
    with pytest.raises(ValueError, match="at least 1, was -2"):
        Ema(-2)
