"""Opening range breakout: trade the first escape from the range of the session's first minutes.

Source of the idea: Crabel, "Day Trading with Short Term Price Patterns and Opening Range
Breakout" (1990). The rules as this desk trades them:

- The range is the high and low of the bars of the first `range_minutes` of the regular session.
  It counts only when it is complete: a day whose first bar was not seen is not traded.
- A bar after the range that reaches `buffer` beyond it, with a body of at least `body_min` of
  its length, opens a position on that side; if it reaches beyond both, on the side that moved
  further from its open. One attempt per symbol and day, none in the last `entry_end_minutes`
  before the close: also when risk denies it.
- Out at the opposite side of the range (stop), at `take_profit` ranges from the average fill
  (0: never), and `exit_minutes` before the close, on half days too. When a bar touches both stop
  and target, the stop is assumed to have come first.
- A position that was carried over from an earlier session is closed with the first bar.
"""

import math
from decimal import Decimal
from typing import Annotated, Literal, override

from msgspec import Struct

from services.strategy.author import Bounds, Strategy
from shared.domain.sessions import Session
from shared.domain.values import NS_PER_S, ZERO, Intent, Timeframe
from shared.messages.market import Bar
from shared.messages.orders import Filled

NS_PER_MINUTE = 60 * NS_PER_S
TICK_FRACTION = 1e-9  # below any price step: 100.13 + 0.01 is not quite 100.14 in binary


class Day(Struct):
    """One symbol in one session; prices per share, NaN while unknown."""

    date: str
    range_start_ns: int
    range_end_ns: int
    entry_end_ns: int
    exit_ns: int
    high: float = math.nan
    low: float = math.nan
    is_attempted: bool = False
    stop: float = math.nan
    target: float = math.nan
    entry_cost: Decimal = ZERO
    entry_quantity: Decimal = ZERO

    @property
    def width(self) -> float:
        """High minus low of the range."""
        return self.high - self.low


class OpeningRangeBreakout(Strategy):
    """Both directions, one trade per symbol and day."""

    timeframe = "5m"

    range_minutes: Annotated[int, Bounds(ge=1, le=180)] = 5
    entry_end_minutes: Annotated[int, Bounds(ge=0)] = 60
    exit_minutes: Annotated[int, Bounds(ge=1)] = 5
    buffer: Annotated[float, Bounds(ge=0)] = 0.01
    body_min: Annotated[float, Bounds(ge=0, le=1)] = 0.5
    take_profit: Annotated[float, Bounds(ge=0)] = 2.0
    mode: Literal["wick", "body"] = "wick"
    allow_short: bool = True

    days: dict[str, Day]

    @override
    def on_start(self) -> None:
        """Refuse a range that the bars cannot tile."""
        if self.range_minutes * 60 % Timeframe(self.timeframe).seconds:
            raise ValueError(
                f"range_minutes must be a whole number of {self.timeframe} bars,"
                f" was {self.range_minutes}"
            )
        self.days = {}

    @override
    def on_bar(self, bar: Bar) -> None:
        """Build the range, then look for the way in, then for the way out."""
        session = self.session
        if session is None:
            return
        day = self.days.get(bar.symbol)
        if day is None or day.date != session.date:
            day = self.days[bar.symbol] = self._day_of(session)
        if self.position(bar.symbol):
            self._look_for_exit(day, bar)
        elif bar.start_ns < day.range_end_ns:
            _widen(day, bar)
        elif self.now_ns < day.entry_end_ns and not day.is_attempted and day.width > 0:
            self._look_for_entry(day, bar)

    @override
    def on_fill(self, fill: Filled) -> None:
        """Set the target from the average price of the entry."""
        day = self.days.get(fill.symbol)
        if day is None or fill.intent is not Intent.OPEN or not self.take_profit:
            return
        day.entry_cost += fill.price * fill.quantity
        day.entry_quantity += fill.quantity
        average = float(day.entry_cost / day.entry_quantity)
        day.target = average + fill.side.sign * self.take_profit * day.width

    @override
    def on_timer(self, name: str, due_ns: int) -> None:
        """Close at the end of the day, also when no bar comes; the timer is named by its symbol."""
        self.exit(name, reason="end of day")

    def _day_of(self, session: Session) -> Day:
        return Day(
            date=session.date,
            range_start_ns=session.open_ns,
            range_end_ns=session.open_ns + self.range_minutes * NS_PER_MINUTE,
            entry_end_ns=session.close_ns - self.entry_end_minutes * NS_PER_MINUTE,
            exit_ns=session.close_ns - self.exit_minutes * NS_PER_MINUTE,
        )

    def _look_for_entry(self, day: Day, bar: Bar) -> None:
        top, bottom = (
            (bar.high, bar.low)
            if self.mode == "wick"
            else (max(bar.open, bar.close), min(bar.open, bar.close))
        )
        reach = self.buffer - TICK_FRACTION
        is_above, is_below = top - day.high >= reach, day.low - bottom >= reach
        body = abs(bar.close - bar.open) / (bar.high - bar.low) if bar.high > bar.low else 0.0
        if not (is_above or is_below) or body < self.body_min:
            return
        if is_above and is_below:
            is_above = bar.high - bar.open >= bar.open - bar.low
        if not is_above and not self.allow_short:
            return
        day.is_attempted = True
        day.stop = day.low if is_above else day.high
        self.set_timer(bar.symbol, day.exit_ns)
        self.note(range_high=day.high, range_low=day.low, body=body)
        if is_above:
            self.buy(bar.symbol, stop=day.stop, reason="broke out above the opening range")
        else:
            self.sell(bar.symbol, stop=day.stop, reason="broke out below the opening range")

    def _look_for_exit(self, day: Day, bar: Bar) -> None:
        reason = self._exit_reason(day, bar)
        if reason:
            self.note(stop=day.stop, target=day.target)
            self.exit(bar.symbol, reason=reason)

    def _exit_reason(self, day: Day, bar: Bar) -> str:
        if not day.is_attempted:
            return "carried over from an earlier session"
        if self.now_ns >= day.exit_ns:
            return "end of day"
        is_long = self.position(bar.symbol) > ZERO
        if bar.low <= day.stop if is_long else bar.high >= day.stop:
            return "stop at the opposite side of the range"
        if bar.high >= day.target if is_long else bar.low <= day.target:
            return "target reached"
        return ""


def _widen(day: Day, bar: Bar) -> None:
    """Take a bar into the range, the first one only where the range starts."""
    if bar.start_ns == day.range_start_ns:
        day.high, day.low = bar.high, bar.low
    elif not math.isnan(day.high):
        day.high, day.low = max(day.high, bar.high), min(day.low, bar.low)
