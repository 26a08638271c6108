"""What the simulated symbols are like."""

from hashlib import blake2b
from random import Random

from msgspec import Struct


class Profile(Struct, frozen=True):
    """The lasting character of a symbol.

    `volatility` is the daily one of what the market does not explain, `shares` the volume of an
    ordinary day, `spread_bps` the spread in quiet times, `dividend_yield` per year.
    """

    price: float
    beta: float
    volatility: float
    shares: float
    spread_bps: float
    dividend_yield: float


_KNOWN = {
    "AAPL": Profile(270.0, 1.10, 0.0110, 45e6, 0.6, 0.004),
    "AMZN": Profile(230.0, 1.20, 0.0135, 40e6, 0.8, 0.0),
    "MSFT": Profile(480.0, 1.00, 0.0100, 20e6, 0.7, 0.007),
    "NVDA": Profile(185.0, 1.70, 0.0175, 180e6, 0.7, 0.0003),
    "QQQ": Profile(615.0, 1.15, 0.0035, 50e6, 0.3, 0.006),
    "SPY": Profile(685.0, 1.00, 0.0010, 70e6, 0.2, 0.011),
}


def stream(*key: object) -> Random:
    """Return a generator of its own for a key: independent of order and of the hash seed."""
    text = "/".join(str(part) for part in key)
    seed = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")
    return Random(seed)  # noqa: S311 - a market, not a secret


def profile_of(seed: int, symbol: str) -> Profile:
    """Return the profile of a well-known symbol, an invented one for any other."""
    known = _KNOWN.get(symbol)
    if known is not None:
        return known
    draw = stream(seed, "profile", symbol).random
    return Profile(
        price=round(15.0 * 30.0 ** draw(), 2),
        beta=0.4 + 1.4 * draw(),
        volatility=0.008 + 0.016 * draw(),
        shares=1e6 * 40.0 ** draw(),
        spread_bps=1.0 + 6.0 * draw(),
        dividend_yield=max(0.0, 0.05 * draw() - 0.02),
    )
