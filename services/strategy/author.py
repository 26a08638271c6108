"""The strategy author's interface. The guide is docs/writing-a-strategy.md.

    from services.strategy import Strategy

    class MyCrossover(Strategy):
        fast: int = 10
        slow: int = 20

        def on_bar(self, bar):
            fast, slow = self.ema(bar.symbol, self.fast), self.ema(bar.symbol, self.slow)
            if fast > slow:
                self.buy(bar.symbol, reason="fast average above slow")
            elif fast < slow:
                self.exit(bar.symbol, reason="fast average below slow")

A strategy decides from what its hooks are given and what it has stored on `self`; it does no
I/O, reads no clock and draws no random numbers, so that a replay decides the same. What is
stored on `self` survives a restart: numbers, text, Decimal, lists, tuples, dicts, dataclasses,
structs and indicators.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast, override

from msgspec import Meta as Bounds

from services.strategy.indicators import Atr, Bollinger, Ema, Macd, Rsi, Sma
from services.strategy.parameters import bind, parameters_of
from services.strategy.seat import Seat
from services.strategy.wish import Wish, decimal_of
from shared.domain.errors import ConfigurationError
from shared.domain.sessions import Session
from shared.domain.values import ZERO, Intent, Side
from shared.messages.market import Bar, Quote, Trade
from shared.messages.orders import Filled

__all__ = ["Bounds", "Strategy"]


class Strategy:
    """Base of every strategy.

    Class attributes with an annotation and a default are its parameters. `timeframe` is the
    length of the bars it reads; an instance's configuration may say otherwise.
    """

    __slots__ = ("__dict__", "_seat")

    _seat: Seat  # the core's; a slot, so that snapshots of the author's attributes pass it by

    timeframe: str = "1m"

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _refuse_pitfalls(cls)

    def __init__(self, **parameters: object) -> None:
        vars(self).update(bind(type(self), Strategy, parameters))

    # Hooks: what the author overrides.

    def on_start(self) -> None:
        """Prepare the strategy's own state; ValueError when the parameters do not fit together.

        Called once, before anything is known: no price, no time, no position.
        """

    def on_bar(self, bar: Bar) -> None:
        """Take a finished bar of one of the instance's symbols."""

    def on_quote(self, quote: Quote) -> None:
        """Take the quotes of one symbol, oldest first. Quotes are read only if this is written."""

    def on_trade(self, trade: Trade) -> None:
        """Take the trades of one symbol, oldest first. Trades are read only if this is written."""

    def on_fill(self, fill: Filled) -> None:
        """Take an execution of this strategy's own; `position` includes it already."""

    def on_split(self, symbol: str, ratio: float) -> None:
        """Take a split: `ratio` new shares for one old. `position`, `price` and the indicators are
        carried over already; prices that the strategy stored itself are to be divided by it.
        """

    def on_timer(self, name: str, due_ns: int) -> None:
        """Take a timer that `set_timer` set, at the first moment known to be at or past due."""

    def on_session_open(self, date: str) -> None:
        """Take the opening of the exchange; `date` is the session's, in New York."""

    def on_session_close(self, date: str) -> None:
        """Take the close of the exchange; `date` is the session's, in New York."""

    # Actions. Each states a wish; True says that it went out as a signal.

    def buy(
        self,
        symbol: str,
        quantity: Decimal | float | str | None = None,
        *,
        limit: Decimal | float | None = None,
        stop: float | None = None,
        reason: str = "",
        values: Mapping[str, float] | None = None,
        add: bool = False,
    ) -> bool:
        """Open a long position; do nothing when there is one or it is under way, unless `add`.

        `quantity` in shares; None lets risk size it, by the distance to the protective price
        `stop` where one is given. `limit` is the worst price to pay; None takes the market's.
        `values` are the numbers to explain the decision with.
        """
        if not add and self._seat.is_open(symbol, Side.BUY):
            return False
        return self._seat.ask(
            Wish(
                symbol=symbol, side=Side.BUY, intent=Intent.OPEN, quantity=decimal_of(quantity),
                limit=limit, stop=stop, reason=reason, values=values,
            )
        )  # fmt: skip

    def sell(
        self,
        symbol: str,
        quantity: Decimal | float | str | None = None,
        *,
        limit: Decimal | float | None = None,
        stop: float | None = None,
        reason: str = "",
        values: Mapping[str, float] | None = None,
        add: bool = False,
    ) -> bool:
        """Open a short position; the mirror of `buy`. To close a long one, use `exit`."""
        if not add and self._seat.is_open(symbol, Side.SELL):
            return False
        return self._seat.ask(
            Wish(
                symbol=symbol, side=Side.SELL, intent=Intent.OPEN, quantity=decimal_of(quantity),
                limit=limit, stop=stop, reason=reason, values=values,
            )
        )  # fmt: skip

    def exit(
        self,
        symbol: str,
        quantity: Decimal | float | str | None = None,
        *,
        limit: Decimal | float | None = None,
        reason: str = "",
        values: Mapping[str, float] | None = None,
    ) -> bool:
        """Close the position, or `quantity` shares of it; do nothing when there is none
        or it is being closed.
        """
        held = self._seat.position(symbol)
        if not held or self._seat.is_under_way(symbol, Intent.CLOSE):
            return False
        return self._seat.ask(
            Wish(
                symbol=symbol, side=Side.SELL if held > ZERO else Side.BUY, intent=Intent.CLOSE,
                quantity=decimal_of(quantity), limit=limit, stop=None, reason=reason,
                values=values,
            )
        )  # fmt: skip

    def set_timer(self, name: str, at_ns: int) -> None:
        """Have `on_timer` called at or past `at_ns`. A timer of the same name is replaced."""
        self._seat.set_timer(name, at_ns)

    def cancel_timer(self, name: str) -> None:
        """Forget a timer; do nothing when it is not set."""
        self._seat.cancel_timer(name)

    def note(self, **numbers: float) -> None:
        """Keep numbers that this call looked at: they go with whatever it says."""
        self._seat.notes.update(numbers)

    # Facts.

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters by name, as they are now."""
        return {name: getattr(self, name) for name in parameters_of(type(self), Strategy)}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instance's symbols as configured; ("*",) for all."""
        return self._seat.instance.symbols

    @property
    def now_ns(self) -> int:
        """The newest market time seen."""
        return self._seat.state.now_ns

    @property
    def session(self) -> Session | None:
        """The exchange session of what is being handled, None outside regular hours.

        For a bar it is the session in which its interval starts.
        """
        return self._seat.session

    def position(self, symbol: str) -> Decimal:
        """Shares held by this strategy's own fills; negative when short."""
        return self._seat.state.positions.get(symbol, ZERO)

    def is_pending(self, symbol: str) -> bool:
        """Tell whether a signal of this strategy on the symbol has not come to an end."""
        return self._seat.pending(symbol) is not None

    def price(self, symbol: str) -> float | None:
        """The last price seen, None before the first."""
        return self._seat.state.prices.get(symbol)

    # Indicators over the bars of a symbol, fed before `on_bar`. Each begins with the call that
    # first asks for it and is NaN until it has seen enough; NaN compares false with everything.

    def sma(self, symbol: str, period: int) -> float:
        """Simple moving average of the closes."""
        return self._seat.indicator(("sma", symbol, period), Sma).value

    def ema(self, symbol: str, period: int) -> float:
        """Exponential moving average of the closes."""
        return self._seat.indicator(("ema", symbol, period), Ema).value

    def rsi(self, symbol: str, period: int = 14) -> float:
        """Relative strength index of the closes, 0 to 100."""
        return self._seat.indicator(("rsi", symbol, period), Rsi).value

    def atr(self, symbol: str, period: int = 14) -> float:
        """Average true range, in price units."""
        return self._seat.indicator(("atr", symbol, period), Atr).value

    def macd(self, symbol: str, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
        """Moving average convergence divergence: `value`, `signal`, `histogram`."""
        found = self._seat.indicator(("macd", symbol, fast, slow, signal), Macd.of)
        return cast("Macd", found)  # the kind in the key names the type

    def bollinger(self, symbol: str, period: int = 20, width: float = 2.0) -> Bollinger:
        """Bollinger bands: `value` (the middle), `upper`, `lower`."""
        found = self._seat.indicator(("bollinger", symbol, period, width), Bollinger)
        return cast("Bollinger", found)


def _refuse_pitfalls(cls: type[Strategy]) -> None:
    """Refuse at import what would make a snapshot lose state, which nobody would notice."""
    own = vars(cls)
    if "__init__" in own:
        raise ConfigurationError(f"{cls.__name__}: write on_start instead of __init__")
    if own.get("__slots__"):
        raise ConfigurationError(f"{cls.__name__}: __slots__ hides state from snapshots")
