"""Ratios of a series of returns, one a period, as fractions (0.01 is 1 %).

Arrays are (n,). Where a number is not defined (no loss, no variance, too few periods) the answer
is None. Formulas follow empyrical 0.7 (the reference in the tests), unless a source is named.
"""

import math
from statistics import NormalDist

import numpy as np

from console.backtest.result import Floats

PERIODS = 252.0  # trading days a year
_NORMAL = NormalDist()
_EULER = 0.5772156649015329


def total_return(returns: Floats) -> float:
    """Return the compound return of all periods."""
    return float(np.prod(1.0 + returns) - 1.0)


def annual_return(returns: Floats, periods: float = PERIODS) -> float | None:
    """Return the compound annual growth rate; None where the account was lost."""
    growth = 1.0 + total_return(returns)
    if not len(returns) or growth <= 0:
        return None
    try:
        return float(growth ** (periods / len(returns)) - 1.0)
    except OverflowError:  # a few lucky days, raised to a year
        return None


def volatility(returns: Floats, periods: float = PERIODS) -> float | None:
    """Return the annual standard deviation, with n - 1."""
    if len(returns) < 2:
        return None
    return float(np.std(returns, ddof=1) * math.sqrt(periods))


def sharpe(returns: Floats, risk_free: float = 0.0, periods: float = PERIODS) -> float | None:
    """Return the annual Sharpe ratio; `risk_free` is the return of one period.

    W. F. Sharpe, "The Sharpe Ratio", 1994.
    """
    if len(returns) < 2:
        return None
    excess = returns - risk_free
    deviation = float(np.std(excess, ddof=1))
    if deviation < 1e-15:
        return None
    return float(np.mean(excess)) / deviation * math.sqrt(periods)


def rolling_sharpe(
    returns: Floats, window: int, risk_free: float = 0.0, periods: float = PERIODS
) -> Floats:
    """Return `sharpe` of each `window` returns in a row, (n - window + 1,), the earliest first.

    NaN where a window has no variance; empty where there are fewer returns than a window.
    """
    if window < 2 or len(returns) < window:
        return np.empty(0)
    windows = np.lib.stride_tricks.sliding_window_view(returns - risk_free, window)
    deviation = windows.std(axis=1, ddof=1)
    deviation[deviation < 1e-15] = np.nan
    found: Floats = windows.mean(axis=1) / deviation * math.sqrt(periods)
    return found


def sortino(returns: Floats, required: float = 0.0, periods: float = PERIODS) -> float | None:
    """Return the annual Sortino ratio: the downside counts periods without a loss, too."""
    if len(returns) < 2:
        return None
    below = np.minimum(returns - required, 0.0)
    downside = math.sqrt(float(np.mean(np.square(below))))
    if downside < 1e-15:
        return None
    return float(np.mean(returns - required)) / downside * math.sqrt(periods)


def omega(returns: Floats, required: float = 0.0) -> float | None:
    """Return what is gained above `required` over what is lost below it (Keating, Shadwick)."""
    excess = returns - required
    lost = -float(excess[excess < 0].sum())
    return float(excess[excess > 0].sum()) / lost if lost > 0 else None


def tail_ratio(returns: Floats) -> float | None:
    """Return the 95th percentile over the absolute 5th."""
    if not len(returns):
        return None
    low = abs(float(np.percentile(returns, 5)))
    return abs(float(np.percentile(returns, 95))) / low if low > 0 else None


def value_at_risk(returns: Floats, cutoff: float = 0.05) -> float | None:
    """Return the historical VaR: the return that `cutoff` of the periods fall below."""
    return float(np.percentile(returns, 100 * cutoff)) if len(returns) else None


def conditional_value_at_risk(returns: Floats, cutoff: float = 0.05) -> float | None:
    """Return the mean of the worst `cutoff` of the periods (expected shortfall)."""
    if not len(returns):
        return None
    worst = int((len(returns) - 1) * cutoff)
    return float(np.mean(np.partition(returns, worst)[: worst + 1]))


def modified_value_at_risk(returns: Floats, cutoff: float = 0.05) -> float | None:
    """Return the Cornish-Fisher VaR: a normal one, mended for skew and excess kurtosis.

    L. Favre, J.-A. Galeano, "Mean-Modified Value-at-Risk Optimization with Hedge Funds", 2002.
    """
    skewed, peaked = skew(returns), kurtosis(returns)
    if skewed is None or peaked is None:
        return None
    z = _NORMAL.inv_cdf(cutoff)
    mended = (
        z
        + (z**2 - 1) * skewed / 6
        + (z**3 - 3 * z) * peaked / 24
        - (2 * z**3 - 5 * z) * skewed**2 / 36
    )
    return float(np.mean(returns) + mended * np.std(returns, ddof=1))


def skew(returns: Floats) -> float | None:
    """Return the skewness of the sample (third standardised moment)."""
    return _moment(returns, 3)


def kurtosis(returns: Floats) -> float | None:
    """Return the excess kurtosis of the sample: 0 for a normal distribution."""
    found = _moment(returns, 4)
    return None if found is None else found - 3.0


def _moment(returns: Floats, order: int) -> float | None:
    if len(returns) < 3:
        return None
    deviation = float(np.std(returns))
    if deviation < 1e-15:
        return None
    return float(np.mean((returns - np.mean(returns)) ** order)) / deviation**order


def alpha_beta(
    returns: Floats, benchmark: Floats, risk_free: float = 0.0, periods: float = PERIODS
) -> tuple[float | None, float | None]:
    """Return Jensen's alpha, annual and compound, and beta against a benchmark, (n,) each."""
    if len(returns) < 3 or float(np.var(benchmark)) < 1e-18:
        return None, None
    excess, market = returns - risk_free, benchmark - risk_free
    beta = float(np.cov(excess, market, ddof=1)[0, 1] / np.var(market, ddof=1))
    mean = float(np.mean(excess - beta * market))
    return (1.0 + mean) ** periods - 1.0, beta


def tracking_error(returns: Floats, benchmark: Floats, periods: float = PERIODS) -> float | None:
    """Return the annual standard deviation of the difference to a benchmark."""
    return volatility(returns - benchmark, periods)


def probabilistic_sharpe(returns: Floats, target: float = 0.0) -> float | None:
    """Return how likely the true Sharpe ratio is above `target` (both of ONE period, not annual).

    D. H. Bailey, M. López de Prado, "The Sharpe Ratio Efficient Frontier", 2012, eq. 11.
    """
    ratio, skewed, peaked = sharpe(returns, periods=1.0), skew(returns), kurtosis(returns)
    if ratio is None or skewed is None or peaked is None:
        return None
    variance = 1.0 - skewed * ratio + (peaked + 2.0) / 4.0 * ratio**2
    if variance <= 0:
        return None
    return _NORMAL.cdf((ratio - target) * math.sqrt(len(returns) - 1) / math.sqrt(variance))


def deflated_sharpe(returns: Floats, trials: Floats) -> float | None:
    """Return how likely the best of many trials is better than luck.

    `trials` (m,) are the Sharpe ratios of ONE period of all trials; `returns` those of the best.
    D. H. Bailey, M. López de Prado, "The Deflated Sharpe Ratio", 2014, eq. 1 and 2: the target is
    what the best of m trials without any skill would reach.
    """
    return probabilistic_sharpe(returns, expected_best(trials))


def expected_best(trials: Floats) -> float:
    """Return the Sharpe ratio that the luckiest of these trials would have without skill."""
    count = len(trials)
    if count < 2:
        return 0.0
    deviation = float(np.std(trials, ddof=1))
    first, second = _NORMAL.inv_cdf(1 - 1 / count), _NORMAL.inv_cdf(1 - 1 / (count * math.e))
    return deviation * ((1 - _EULER) * first + _EULER * second)
