"""Closes over a split: at each moment those of the shares of that moment."""

import numpy as np

from console.backtest.result import Prices

PRICES = Prices(
    times_ns=np.array([10, 20, 40], np.int64),
    close=np.array([100.0, 104.0, 27.0]),
    splits=[(30, 4.0)],
)


def test_the_newest_close_is_divided_from_the_split_to_the_next_bar() -> None:
    times_ns = np.array([5, 10, 29, 30, 39, 40, 99], np.int64)
    assert PRICES.at(times_ns).tolist() == [0.0, 100.0, 104.0, 26.0, 26.0, 27.0, 27.0]


def test_adjusted_closes_are_of_the_shares_at_the_end() -> None:
    assert PRICES.adjusted.tolist() == [25.0, 26.0, 27.0]
    assert Prices(times_ns=PRICES.times_ns, close=PRICES.close).adjusted is PRICES.close
