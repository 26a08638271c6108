"""Ratios against empyrical 0.7.1 on a real backtest's returns, and by hand where that is easy."""

import math

import numpy as np
import pytest
from pyarrow import csv

from console.backtest.result import Floats
from console.backtest.statistics import returns as ratios
from tests.real_data import real

# empyrical-reloaded 0.7.1 (the moments: scipy) on reference/risk_pyfolio/test_returns.csv.gz.
EMPYRICAL = {
    "total_return": 0.6540425002394212,
    "annual_return": 0.08754829097608186,
    "volatility": 0.26207589023902617,
    "sharpe": 0.45112136682362247,
    "sortino": 0.6587882350931493,
    "omega": 1.0851858315987708,
    "tail_ratio": 0.9922067201362812,
    "value_at_risk": -0.0249511174692,
    "conditional_value_at_risk": -0.037601309948011835,
    "skew": 0.14383404806307382,
    "kurtosis": 5.913576549007027,
}
REFERENCE_ALPHA_BETA = (-0.06559898674892106, 0.9882060321644279)
REFERENCE_ERROR = 0.15891199523106417


def column(name: str, place: int) -> Floats:
    names = csv.ReadOptions(autogenerate_column_names=True)
    found: Floats = csv.read_csv(real(name), read_options=names).column(place).to_numpy()
    return found


def of_a_backtest() -> Floats:
    return column("reference/risk_pyfolio/test_returns.csv.gz", 1)


@pytest.mark.parametrize("name", EMPYRICAL)
def test_a_ratio_is_what_the_reference_makes_of_a_real_backtest(name: str) -> None:
    found = getattr(ratios, name)(of_a_backtest())

    assert found == pytest.approx(EMPYRICAL[name], rel=1e-9)


def test_a_free_rate_is_taken_off_each_period() -> None:
    assert ratios.sharpe(of_a_backtest(), 0.0001) == pytest.approx(0.3549660128266695, rel=1e-9)


def test_a_rolling_ratio_is_the_ratio_of_each_window() -> None:
    returns = of_a_backtest()
    found = ratios.rolling_sharpe(returns, 63, 0.0001)
    assert len(found) == len(returns) - 62
    for place in (0, 700, len(found) - 1):
        window = returns[place : place + 63]
        assert found[place] == pytest.approx(ratios.sharpe(window, 0.0001), rel=1e-9)


def test_a_rolling_ratio_is_undefined_without_variance_and_absent_without_a_window() -> None:
    assert np.isnan(ratios.rolling_sharpe(np.zeros(5), 3)).tolist() == [True, True, True]
    assert len(ratios.rolling_sharpe(np.array([0.1, 0.2]), 3)) == 0


def test_alpha_and_beta_are_what_the_reference_makes_of_two_series() -> None:
    returns = column("reference/risk_pyfolio/returns.csv", 1) / 100
    with_header = csv.read_csv(real("reference/risk_pyfolio/factor_returns.csv"))
    market = with_header.column("materials").to_numpy() / 100

    alpha, beta = ratios.alpha_beta(returns, market)

    assert (alpha, beta) == pytest.approx(REFERENCE_ALPHA_BETA, rel=1e-9)
    assert ratios.tracking_error(returns, market) == pytest.approx(REFERENCE_ERROR, rel=1e-9)


def test_what_is_not_defined_is_none() -> None:
    nothing, one, flat = np.array([]), np.array([0.1]), np.zeros(5)

    for series in (nothing, one, flat):
        assert ratios.sharpe(series) is None
        assert ratios.sortino(series) is None
        assert ratios.skew(series) is None
        assert ratios.modified_value_at_risk(series) is None
        assert ratios.probabilistic_sharpe(series) is None
    assert ratios.annual_return(np.array([-1.0, 0.5])) is None
    assert ratios.omega(np.array([0.1, 0.2])) is None
    assert ratios.alpha_beta(np.ones(5), flat) == (None, None)
    assert ratios.volatility(flat) == 0.0


def test_a_normal_series_has_the_same_two_values_at_risk() -> None:
    normal = np.random.default_rng(1).normal(0.001, 0.02, 200_000)

    assert ratios.modified_value_at_risk(normal) == pytest.approx(
        ratios.value_at_risk(normal), rel=0.01
    )


def test_the_probabilistic_sharpe_is_the_papers_example() -> None:
    """Bailey and López de Prado, 2012, section 5: monthly SR 0.458, skew -2.448, kurtosis 10.164,
    24 months: the probability of a Sharpe above zero is 0.913; of a normal one 0.982."""

    def paper(skew: float, kurtosis: float) -> float:
        ratio, count = 0.458, 24
        variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
        return ratios._NORMAL.cdf(ratio * math.sqrt(count - 1) / math.sqrt(variance))

    assert paper(-2.448, 10.164) == pytest.approx(0.913, abs=0.005)
    assert paper(0.0, 3.0) == pytest.approx(0.982, abs=0.005)
    returns = of_a_backtest()
    skewed, peaked = ratios.skew(returns), ratios.kurtosis(returns)
    ratio = ratios.sharpe(returns, periods=1.0)
    assert skewed is not None
    assert peaked is not None
    assert ratio is not None
    variance = 1 - skewed * ratio + (peaked + 3 - 1) / 4 * ratio**2
    expected = ratios._NORMAL.cdf(ratio * math.sqrt(len(returns) - 1) / math.sqrt(variance))
    assert ratios.probabilistic_sharpe(returns) == pytest.approx(expected)


def test_luck_alone_looks_better_the_more_is_tried() -> None:
    draw = np.random.default_rng(3)
    series = draw.normal(0.0, 0.01, (1_000, 250))
    sharpes = np.array([ratios.sharpe(one, periods=1.0) for one in series])
    best = series[int(sharpes.argmax())]

    assert ratios.expected_best(sharpes) == pytest.approx(float(sharpes.max()), rel=0.15)
    plain, deflated = ratios.probabilistic_sharpe(best), ratios.deflated_sharpe(best, sharpes)
    assert plain is not None
    assert deflated is not None
    assert plain > 0.99
    assert deflated < 0.75
    assert ratios.expected_best(np.array([0.3])) == 0.0
