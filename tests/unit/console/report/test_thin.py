"""Fewer points, and nothing lost that an eye would look for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.report.thin import extremes


def test_few_points_stay_as_they_are() -> None:
    assert extremes(np.array([3.0, 1.0, 2.0]), 10).tolist() == [0, 1, 2]
    assert extremes(np.array([]), 10).tolist() == []


@pytest.mark.parametrize("place", [0, 1, 499_999, 777_777, 999_998, 999_999])
def test_one_crash_in_a_million_is_seen(place: int) -> None:
    values = np.full(1_000_000, 100.0)
    values[place] = 1.0
    found = extremes(values, 1_000)
    assert place in found
    assert len(found) <= 1_000


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(4, 60))
def test_lowest_highest_first_and_last_stay(values: list[float], points_max: int) -> None:
    column = np.array(values)
    found = extremes(column, points_max)
    assert len(found) <= max(points_max, 4)
    assert found.tolist() == sorted(set(found.tolist()))
    assert {0, len(values) - 1} <= set(found.tolist())
    assert (column[found].min(), column[found].max()) == (column.min(), column.max())
