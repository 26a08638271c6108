"""The market from day to day, over ten years."""

from functools import cache
from itertools import islice, pairwise
from math import log
from statistics import fmean, pstdev

import pytest

from services.data.config import SimSettings
from services.data.simulation.days import Day, Regime, days
from shared.domain.sessions import next_session

SETTINGS = SimSettings()


@cache
def decade() -> list[Day]:
    return list(islice(days(SETTINGS), 2_520))


def returns(symbol: str) -> list[float]:
    """Total log returns from close to close, corporate actions undone."""
    made = []
    for before, day in pairwise(decade()):
        today = day.symbols[symbol]
        worth = today.close * today.ratio + today.dividend
        made.append(log(worth / before.symbols[symbol].close))
    return made


def test_days_are_the_sessions_of_the_exchange() -> None:
    for before, day in pairwise(decade()):
        assert day.session == next_session(before.session.close_ns)


@pytest.mark.parametrize("symbol", SETTINGS.symbols)
def test_daily_volatility_is_that_of_large_stocks(symbol: str) -> None:
    assert 0.007 < pstdev(returns(symbol)) < 0.035


@pytest.mark.parametrize("symbol", SETTINGS.symbols)
def test_daily_returns_have_fat_tails_and_clustered_sizes(symbol: str) -> None:
    values = returns(symbol)
    mean, deviation = fmean(values), pstdev(values)
    assert fmean(((v - mean) / deviation) ** 4 for v in values) > 3.5
    sizes = [abs(v) for v in values]
    middle = fmean(sizes)
    lagged = fmean((a - middle) * (b - middle) for a, b in pairwise(sizes))
    assert lagged / pstdev(sizes) ** 2 > 0.05


def test_every_regime_lasts_for_days_and_comes_back() -> None:
    regimes = [day.regime for day in decade()]
    assert set(regimes) == set(Regime)
    changes = sum(a != b for a, b in pairwise(regimes))
    assert 50 < changes < 250


def test_a_split_divides_the_price_and_a_dividend_lowers_it() -> None:
    splits = dividends = 0
    for before, day in pairwise(decade()):
        for symbol, today in day.symbols.items():
            assert today.previous_close == before.symbols[symbol].close
            if today.ratio != 1.0:
                splits += 1
                assert 0.35 < today.open / today.previous_close < 0.65
                assert today.dividend == 0.0
            elif today.dividend:
                dividends += 1
                assert today.dividend < 0.01 * today.previous_close
    assert 2 <= splits <= 30
    assert dividends > 100


def test_prices_stay_in_cents_and_away_from_zero() -> None:
    for day in decade():
        for today in day.symbols.values():
            assert today.open == round(today.open, 2) >= 1.0
            assert today.close == round(today.close, 2) >= 1.0


def test_the_first_day_is_the_first_session_on_or_after_the_start() -> None:
    first = next(days(SimSettings.model_validate({"start": "2026-01-03"})))
    assert first.session.date == "2026-01-05"


def test_another_seed_is_another_market() -> None:
    assert next(days(SimSettings(seed=8))) != next(days(SETTINGS))


def test_a_symbol_does_not_depend_on_its_company() -> None:
    alone = next(days(SimSettings(symbols=("SPY",))))
    assert alone.symbols["SPY"] == next(days(SETTINGS)).symbols["SPY"]
