"""Peaks, troughs and the time between."""

import numpy as np
import pytest

from console.backtest.statistics.drawdown import deepest, underwater

DAY_NS = 86_400_000_000_000


def times(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(1, count + 1, dtype=np.int64) * DAY_NS


def test_the_deepest_fall_has_a_peak_a_trough_and_a_recovery() -> None:
    equity = np.array([100.0, 120.0, 90.0, 96.0, 121.0, 110.0])

    found = deepest(times(6), equity, 100.0)

    assert found is not None
    assert found.depth == pytest.approx(-0.25)
    assert (found.peak_ns, found.trough_ns, found.recovery_ns) == (
        2 * DAY_NS,
        3 * DAY_NS,
        5 * DAY_NS,
    )
    assert found.longest_s == 3 * 86_400


def test_a_fall_that_has_not_ended_has_no_recovery() -> None:
    found = deepest(times(3), np.array([100.0, 80.0, 90.0]), 100.0)

    assert found is not None
    assert found.recovery_ns is None
    assert found.longest_s == 2 * 86_400


def test_the_starting_cash_is_a_peak_too() -> None:
    found = deepest(times(2), np.array([90.0, 95.0]), 100.0)

    assert found is not None
    assert found.depth == pytest.approx(-0.1)
    assert underwater(np.array([90.0, 110.0]), 100.0).tolist() == pytest.approx([-0.1, 0.0])


def test_an_account_that_never_fell_has_none() -> None:
    assert deepest(times(2), np.array([100.0, 101.0]), 100.0) is None
    assert deepest(times(0), np.array([]), 100.0) is None
