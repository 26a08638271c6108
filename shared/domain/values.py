"""Value types of the field, with their units in the name.

Market data is `float`; whatever is booked (quantities, prices of fills, money) is `Decimal`.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

NS_PER_S = 1_000_000_000

ZERO = Decimal(0)
PRICE_STEP = Decimal("0.0001")  # finest step in which US venues report an execution price
CENT = Decimal("0.01")

_STEPS = 10_000.0  # price steps in one unit
_SURE_BELOW = 1e9  # up to here a float times `_STEPS` is off by less than 0.003
_SURE_WITHIN = 0.49


class Side(StrEnum):
    """Direction of an order or a fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that closes what this side opened."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Intent(StrEnum):
    """What a signal wants to do to the strategy's own position."""

    OPEN = "open"
    CLOSE = "close"


class OrderType(StrEnum):
    """How an order is priced; a stop waits for its trigger price, then it is one of the others."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    """How long an order rests. OPG and CLS are for the opening and the closing price only; EXT is
    for a day and its hours before the open and after the close.
    """

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    OPG = "opg"
    CLS = "cls"
    EXT = "ext"


class Timeframe(StrEnum):
    """Length of a bar."""

    S1 = "1s"
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    D1 = "1d"

    @property
    def seconds(self) -> int:
        """Nominal length; a daily bar lasts one exchange session, whatever that is."""
        return _SECONDS[self]


_SECONDS = {
    Timeframe.S1: 1,
    Timeframe.M1: 60,
    Timeframe.M5: 300,
    Timeframe.M15: 900,
    Timeframe.H1: 3_600,
    Timeframe.D1: 86_400,
}


def to_price(value: float) -> Decimal:
    """Turn a market-data price into one that can be booked: exact decimal text, 0.0001 steps.

    What is not close to halfway between two steps needs no text to be rounded as its text is.
    """
    if 0.0 < value < _SURE_BELOW:
        steps = value * _STEPS
        nearest = int(steps + 0.5)
        if -_SURE_WITHIN < steps - nearest < _SURE_WITHIN:
            return PRICE_STEP * nearest
    return Decimal(repr(value)).quantize(PRICE_STEP, ROUND_HALF_EVEN)


def to_cents(amount: Decimal) -> Decimal:
    """Round money to whole cents, half to even as the books do."""
    return amount.quantize(CENT, ROUND_HALF_EVEN)
