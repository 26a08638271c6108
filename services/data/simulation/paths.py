"""A session's paths: how prices, volumes and unrest run from the open to the close.

Returns are normal, times a volatility that clusters (a slowly reverting process shared by the
market and one of each symbol's own), times the U shape of the day, with a rare jump. A path is
tied to the day's close as a Brownian bridge is, in variance time. Volume follows the U shape and
the unrest.
"""

from functools import lru_cache
from math import exp, log, sqrt
from random import Random

from msgspec import Struct

from services.data.simulation.days import Day, SymbolDay

MEMORY_S = 900.0  # how long unrest lasts
MARKET_UNREST, OWN_UNREST = 0.45, 0.35  # standard deviations of log volatility
JUMP_CHANCE_PER_S, JUMP_FACTOR = 3e-5, 6.0
VOLUME_NOISE = 0.45


class Shape(Struct, frozen=True):
    """Each step's share of the session's variance and of its volume; both sum to one."""

    variance: tuple[float, ...]
    volume: tuple[float, ...]


class MarketPath(Struct, frozen=True):
    """The common part: log return and unrest (1 on average) of each step."""

    returns: list[float]
    unrest: list[float]


class SymbolPath(Struct, frozen=True):
    """One symbol: the mid price at each step's end (`mids[0]` is the open), unrest, shares."""

    mids: list[float]
    unrest: list[float]
    shares: list[float]


@lru_cache(maxsize=8)
def shape_of(steps: int) -> Shape:
    """Return the U shape of a session cut into steps."""
    places = [(i + 0.5) / steps for i in range(steps)]
    variance = [1 + 2.6 * exp(-u / 0.07) + 0.9 * exp(-(1 - u) / 0.06) for u in places]
    volume = [1 + 2.6 * exp(-u / 0.06) + 2.4 * exp(-(1 - u) / 0.05) for u in places]
    return Shape(_shares(variance), _shares(volume))


def market_path(rng: Random, day: Day, steps: int, step_s: float) -> MarketPath:
    """Draw the market's session."""
    shape = shape_of(steps)
    unrest = _unrest(rng, steps, step_s, MARKET_UNREST)
    returns = [
        day.volatility * s * sqrt(w) * rng.gauss()
        for s, w in zip(unrest, shape.variance, strict=True)
    ]
    return MarketPath(_tied(returns, day.market_return, shape), unrest)


def symbol_path(
    rng: Random, day: SymbolDay, market: MarketPath, market_return: float, step_s: float
) -> SymbolPath:
    """Draw a symbol's session within the market's."""
    steps = len(market.returns)
    shape = shape_of(steps)
    own = _unrest(rng, steps, step_s, OWN_UNREST)
    unrest = [m * o for m, o in zip(market.unrest, own, strict=True)]
    jump_chance = JUMP_CHANCE_PER_S * step_s
    returns = []
    for s, w in zip(unrest, shape.variance, strict=True):
        jump = JUMP_FACTOR if rng.random() < jump_chance else 1.0
        returns.append(day.volatility * s * sqrt(w) * jump * rng.gauss())
    beta, level = day.profile.beta, 1.0
    own_target = _log_return(day) - beta * market_return
    mids = [day.open]
    for common, alone in zip(market.returns, _tied(returns, own_target, shape), strict=True):
        level *= exp(beta * common + alone)
        mids.append(day.open * level)
    shares = [
        day.shares * v * s * exp(VOLUME_NOISE * rng.gauss())
        for v, s in zip(shape.volume, unrest, strict=True)
    ]
    return SymbolPath(mids, unrest, shares)


def _log_return(day: SymbolDay) -> float:
    return log(day.close / day.open)


def _unrest(rng: Random, steps: int, step_s: float, deviation: float) -> list[float]:
    """Return a positive process around 1 whose logarithm reverts slowly."""
    keep = exp(-step_s / MEMORY_S)
    kick = deviation * sqrt(1 - keep * keep)
    value = deviation * rng.gauss()
    made = []
    for _ in range(steps):
        made.append(exp(value - deviation * deviation))
        value = keep * value + kick * rng.gauss()
    return made


def _tied(returns: list[float], total: float, shape: Shape) -> list[float]:
    """Shift returns so that they sum to `total`, by each step's share of the variance."""
    missing = total - sum(returns)
    return [r + missing * w for r, w in zip(returns, shape.variance, strict=True)]


def _shares(weights: list[float]) -> tuple[float, ...]:
    total = sum(weights)
    return tuple(weight / total for weight in weights)
