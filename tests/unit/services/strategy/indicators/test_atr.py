import math

from services.strategy.indicators import Atr


def test_a_gap_counts_as_range() -> None:
    average = Atr(1)
    average.update(10.0, 9.0, 9.5)
    assert math.isnan(average.value)
    assert average.update(13.0, 12.0, 12.5) == 3.5


def test_it_smooths_by_wilders_rule() -> None:
    average = Atr(2)
    for high, low, close in ((10.0, 9.0, 10.0), (11.0, 10.0, 11.0), (14.0, 11.0, 14.0)):
        average.update(high, low, close)
    assert average.value == 2.0
    assert average.update(18.0, 14.0, 18.0) == 3.0
