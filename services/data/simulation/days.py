"""The market day by day: regimes, overnight gaps, corporate actions, opens and closes.

Each day follows from the one before by a few random draws from the stream of (seed, symbol,
date), so that any day is reached in well under a second without its ticks having been made.
"""

from collections.abc import Iterator
from enum import StrEnum
from math import exp, log
from random import Random

from msgspec import Struct

from services.data.config import SimSettings
from services.data.simulation.universe import Profile, profile_of, stream
from shared.domain.sessions import NS_PER_DAY, Session, next_session, session_of_date

OVERNIGHT_SHARE, INTRADAY_SHARE = 0.5, 0.866  # of a day's volatility; the squares add to one
PULL = 0.001  # how strongly a price is drawn to its level: half of the way in three years
EARNINGS_CHANCE, EARNINGS_FACTOR = 0.015, 5.0
SPLIT_RATIO = 2.0
SPLIT_CHANCE, SPLIT_CHANCE_WHEN_HIGH, HIGH = 0.0004, 0.02, 2.5
DIVIDEND_EVERY = 63  # sessions: a quarter
PRICE_MIN = 1.0


class Regime(StrEnum):
    """The market's mood; it lasts for weeks and spreads by a Markov chain."""

    CALM = "calm"
    TRENDING = "trending"
    TURBULENT = "turbulent"


class _Mood(Struct, frozen=True):
    """Daily volatility and drift of the market, and what scales with it.

    `calmer` and `wilder`: the chance of being calm, or turbulent, tomorrow.
    """

    volatility: float
    drift: float
    unrest: float  # factor on idiosyncratic volatility and on volume
    halt_chance: float  # per symbol and day
    to: tuple[tuple[Regime, float], ...]


_MOODS = {
    Regime.CALM: _Mood(
        0.0065, 0.0003, 1.0, 0.001, ((Regime.TRENDING, 0.04), (Regime.TURBULENT, 0.01))
    ),
    Regime.TRENDING: _Mood(
        0.0085, 0.0014, 1.1, 0.002, ((Regime.CALM, 0.05), (Regime.TURBULENT, 0.02))
    ),
    Regime.TURBULENT: _Mood(
        0.0180, -0.0008, 1.45, 0.012, ((Regime.CALM, 0.07), (Regime.TRENDING, 0.05))
    ),
}


class SymbolDay(Struct, frozen=True):
    """One symbol's day: prices after corporate actions, volatilities of the open hours.

    `ratio` is not 1 on the ex-date of a split, `dividend` not 0 on that of a dividend.
    `halt_at` is where in the session (0 to 1) trading stops for a while, if it does.
    """

    profile: Profile
    previous_close: float
    open: float
    close: float
    volatility: float
    shares: float
    ratio: float
    dividend: float
    halt_at: float | None


class Day(Struct, frozen=True):
    """One session. `market_return` and `volatility` (both log) are of the open hours."""

    session: Session
    regime: Regime
    market_return: float
    volatility: float
    symbols: dict[str, SymbolDay]


class _Symbol(Struct):
    """What a symbol carries from day to day."""

    profile: Profile
    close: float
    level: float  # where its price is drawn to; a split halves it too
    log_volatility: float
    dividend_offset: int


class _Market(Struct):
    """What the market carries from day to day."""

    regime: Regime = Regime.CALM
    direction: float = 1.0
    log_volatility: float = 0.0


def days(settings: SimSettings) -> Iterator[Day]:
    """Yield every session from the start date on, until the exchange calendar ends."""
    symbols = {name: _born(settings.seed, name) for name in sorted(settings.symbols)}
    market = _Market()
    session = session_of_date(settings.start.isoformat())
    if session is None:
        midnight_ns = (settings.start.toordinal() - 719_163) * NS_PER_DAY  # 1970-01-01
        session = next_session(midnight_ns)
    index = 0
    while True:
        yield _day(settings.seed, index, session, market, symbols)
        session = next_session(session.close_ns)
        index += 1


def _born(seed: int, name: str) -> _Symbol:
    profile = profile_of(seed, name)
    offset = stream(seed, "dividends", name).randrange(DIVIDEND_EVERY)
    return _Symbol(profile, profile.price, profile.price, 0.0, offset)


def _day(
    seed: int, index: int, session: Session, market: _Market, symbols: dict[str, _Symbol]
) -> Day:
    rng = stream(seed, "market", session.date)
    _change_mood(rng, market)
    mood = _MOODS[market.regime]
    market.log_volatility = 0.9 * market.log_volatility + 0.14 * rng.gauss()
    volatility = mood.volatility * exp(market.log_volatility)
    drift = mood.drift * market.direction
    overnight = 0.3 * drift + OVERNIGHT_SHARE * volatility * rng.gauss()
    intraday = 0.7 * drift + INTRADAY_SHARE * volatility * rng.gauss()
    made = {}
    for name, symbol in symbols.items():
        own = stream(seed, name, session.date)
        is_ex = bool((index + symbol.dividend_offset) % DIVIDEND_EVERY == 0)
        made[name] = _symbol_day(own, symbol, mood, overnight, intraday, is_ex=is_ex)
    return Day(session, market.regime, intraday, INTRADAY_SHARE * volatility, made)


def _change_mood(rng: Random, market: _Market) -> None:
    draw, turn = rng.random(), rng.random()
    for regime, chance in _MOODS[market.regime].to:
        if draw < chance:
            market.regime = regime
            market.direction = -1.0 if regime is Regime.TRENDING and turn < 0.4 else 1.0
            return
        draw -= chance


def _symbol_day(
    rng: Random, symbol: _Symbol, mood: _Mood, overnight: float, intraday: float, *, is_ex: bool
) -> SymbolDay:
    profile, previous = symbol.profile, symbol.close
    symbol.log_volatility = 0.92 * symbol.log_volatility + 0.11 * rng.gauss()
    volatility = profile.volatility * mood.unrest * exp(symbol.log_volatility)
    surprise = EARNINGS_FACTOR if rng.random() < EARNINGS_CHANCE else 1.0
    gap = OVERNIGHT_SHARE * volatility * surprise * rng.gauss()
    gap += profile.beta * overnight - PULL * log(previous / symbol.level)
    move = profile.beta * intraday + INTRADAY_SHARE * volatility * rng.gauss()

    is_high = previous > HIGH * profile.price
    splits = rng.random() < (SPLIT_CHANCE_WHEN_HIGH if is_high else SPLIT_CHANCE)
    ratio = SPLIT_RATIO if splits else 1.0
    dividend = round(previous * profile.dividend_yield / 4, 2) if is_ex and not splits else 0.0
    opened = _price((previous - dividend) / ratio * exp(gap))
    symbol.level /= ratio
    symbol.close = _price(opened * exp(move))
    shares = profile.shares * ratio * mood.unrest * exp(0.25 * rng.gauss()) * surprise**0.5
    halts, place = rng.random() < mood.halt_chance, rng.random()
    return SymbolDay(
        profile=profile,
        previous_close=previous,
        open=opened,
        close=symbol.close,
        volatility=INTRADAY_SHARE * volatility,
        shares=shares,
        ratio=ratio,
        dividend=dividend,
        halt_at=0.05 + 0.8 * place if halts else None,
    )


def _price(value: float) -> float:
    return round(max(value, PRICE_MIN), 2)
