"""The paths of a session."""

from itertools import islice
from math import isclose, log

import pytest

from services.data.config import SimSettings
from services.data.simulation.days import days
from services.data.simulation.paths import market_path, shape_of, symbol_path
from services.data.simulation.universe import stream

STEPS, STEP_S = 390, 60.0


@pytest.mark.parametrize("steps", [1, 12, 390, 1_170])
def test_the_shares_of_a_session_sum_to_one(steps: int) -> None:
    shape = shape_of(steps)
    assert isclose(sum(shape.variance), 1.0)
    assert isclose(sum(shape.volume), 1.0)


def test_volume_and_variance_are_u_shaped() -> None:
    shape = shape_of(STEPS)
    for weights in (shape.variance, shape.volume):
        noon = weights[STEPS // 2]
        assert weights[0] > 2 * noon
        assert weights[-1] > 1.3 * noon


def test_paths_end_where_the_day_does() -> None:
    for day in islice(days(SimSettings()), 20):
        date = day.session.date
        market = market_path(stream("market", date), day, STEPS, STEP_S)
        assert isclose(sum(market.returns), day.market_return, abs_tol=1e-12)
        for symbol, today in day.symbols.items():
            path = symbol_path(stream(symbol, date), today, market, day.market_return, STEP_S)
            assert len(path.mids) == STEPS + 1
            assert path.mids[0] == today.open
            assert isclose(path.mids[-1], today.close, rel_tol=1e-9)
            assert min(path.shares) > 0
            assert abs(log(max(path.mids) / min(path.mids))) < 0.5
