"""Market data: what a venue, a file or the simulated market said.

Times are nanoseconds since the epoch, UTC. A bar's `start_ns` marks the START of its interval;
the bar's own time on the tape (`Stamp.ts_ns`) is its end, when it became known. Prices are per
share in the quote currency, sizes and volumes in shares.
"""

from typing import ClassVar

from msgspec import Struct, field

from shared.domain.values import Timeframe
from shared.messages.base import Message


class Bar(Message, frozen=True, tag="bar"):
    """Open, high, low, close and volume of one interval.

    The one message whose fields may be given by place: files are made of it, by the million.
    """

    SUBJECT: ClassVar[tuple[str, ...]] = ("timeframe", "symbol")
    STORY: ClassVar[str | None] = ""

    symbol: str
    timeframe: Timeframe
    start_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float | None = None
    trades: int | None = None


class QuoteTick(Struct, frozen=True):
    """Best bid and offer at one moment. A size of 0 says that the side is empty."""

    ts_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mid(self) -> float | None:
        """Halfway from bid to offer, what every book takes for the price; None: a side is empty."""
        has_bid = self.bid > 0 and self.bid_size > 0
        has_offer = self.ask > 0 and self.ask_size > 0
        return (self.bid + self.ask) / 2 if has_bid and has_offer else None


class Quote(Message, frozen=True, kw_only=True, tag="quote"):
    """The quotes of one symbol in one flush interval, oldest first; never empty."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = ""

    symbol: str
    ticks: tuple[QuoteTick, ...]


class TradeTick(Struct, frozen=True):
    """One execution that the venue printed."""

    ts_ns: int
    price: float
    size: float


class Trade(Message, frozen=True, kw_only=True, tag="trade"):
    """The trades of one symbol in one flush interval, oldest first; never empty."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = ""

    symbol: str
    ticks: tuple[TradeTick, ...]


class MarketStatus(Message, frozen=True, kw_only=True, tag="status"):
    """A halt or the end of one."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = ""

    symbol: str
    halted: bool
    reason: str = ""


class CorporateAction(Message, frozen=True, kw_only=True, tag="action"):
    """A split (`ratio` new shares for one old) or a cash dividend per share, on its ex-date."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = ""

    symbol: str
    kind: str
    ex_date: str
    ratio: float = 1.0
    cash_per_share: float = 0.0


class Clock(Message, frozen=True, kw_only=True, tag="clock"):
    """Time passes: each second live, with every time slice of a file.

    `session` is the New York date of the exchange session the moment belongs to, "" when closed.
    """

    STORY: ClassVar[str | None] = ""

    ts_ns: int = field(name="now_ns")  # in JSON the head has a `ts_ns` of its own
    session: str = ""
    is_open: bool = False
