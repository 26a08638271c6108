"""A strategy's seat at the desk: the facts it may look at and the wishes it may state.

The core prepares the seat before it calls one of the author's hooks and collects what was said
after. A wish becomes a `Signal`, or a `Suppressed` that says why not.
"""

from bisect import insort
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from services.strategy.indicators import Indicator
from services.strategy.state import Code, Instance, Muted, Pending, StrategyState
from services.strategy.wish import Wish, finite, limit_of, positive
from shared.core import NEVER_NS, Patience
from shared.domain.sessions import Session, session_at
from shared.domain.values import ZERO, Intent, OrderType, Side
from shared.messages.base import Message
from shared.messages.signals import Signal, Suppressed

if TYPE_CHECKING:
    from shared.messages.market import Bar

TIMERS_MAX = 10_000  # a strategy that sets a new timer name on each bar is stopped here

type IndicatorKey = tuple[str, str, *tuple[float, ...]]  # kind, symbol, settings


class Seat:
    """One strategy's place. `said` and `notes` belong to the call in progress."""

    def __init__(self, instance: Instance, state: StrategyState) -> None:
        self.instance = instance
        self.patience = Patience()
        self.take(state)
        self.said: list[Message] = []
        self.notes: dict[str, float] = {}
        self.asked: dict[str, None] = {}
        self.moment_ns = 0
        self.bar: Bar | None = None
        self._session: Session | None = None

    def take(self, state: StrategyState) -> None:
        """Sit down in front of a state, without any indicator."""
        self.state = state
        self.indicators: dict[IndicatorKey, Indicator] = {}
        self.feeds: dict[str, list[Indicator]] = {}
        self.patience.due_ns = min(state.timers.values(), default=NEVER_NS)

    # Facts.

    @property
    def session(self) -> Session | None:
        """The session of the moment being handled."""
        known = self._session
        if known is None or not known.open_ns <= self.moment_ns < known.close_ns:
            self._session = known = session_at(self.moment_ns)
        return known

    def position(self, symbol: str) -> Decimal:
        """Shares held; negative when short."""
        return self.state.positions.get(symbol, ZERO)

    def pending(self, symbol: str) -> Pending | None:
        """Return the unfinished signal on a symbol. One that nobody may act on any more is none."""
        found = self.state.pending.get(symbol)
        if found and not found.order_id and self.state.now_ns > found.valid_until_ns:
            del self.state.pending[symbol]
            return None
        return found

    def is_open(self, symbol: str, side: Side) -> bool:
        """Tell whether a position on this side is held or under way."""
        if self.position(symbol) * side.sign > ZERO:
            return True
        return self.is_under_way(symbol, Intent.OPEN, side)

    def is_under_way(self, symbol: str, intent: Intent, side: Side | None = None) -> bool:
        """Tell whether a signal of this kind on the symbol has not come to its end."""
        pending = self.pending(symbol)
        return pending is not None and pending.intent is intent and side in (None, pending.side)

    # Indicators.

    def indicator(self, key: IndicatorKey, make: Callable[..., Indicator]) -> Indicator:
        """Return the indicator of a key, made on first use and fed from then on."""
        found = self.indicators.get(key)
        if found is None:
            _, symbol, *settings = key
            found = make(*settings)
            self.adopt(key, found)
            if self.bar is not None and self.bar.symbol == symbol:
                found.feed(self.bar)
        return found

    def adopt(self, key: IndicatorKey, indicator: Indicator) -> None:
        """Feed an indicator from the next bar on."""
        self.indicators[key] = indicator
        self.feeds.setdefault(key[1], []).append(indicator)

    # Timers.

    def set_timer(self, name: str, at_ns: int) -> None:
        """Set or replace a timer."""
        timers = self.state.timers
        if name not in timers and len(timers) >= TIMERS_MAX:
            raise ValueError(f"more than {TIMERS_MAX} timers are set")
        timers[name] = int(at_ns)
        self.patience.due_ns = min(timers.values())

    def cancel_timer(self, name: str) -> None:
        """Forget a timer."""
        if self.state.timers.pop(name, None) is not None:
            self.patience.due_ns = min(self.state.timers.values(), default=NEVER_NS)

    def pop_due(self) -> list[tuple[int, str]]:
        """Remove the timers that are due and return them, earliest first."""
        due: list[tuple[int, str]] = []
        for name, at_ns in list(self.state.timers.items()):
            if at_ns <= self.state.now_ns:
                insort(due, (at_ns, name))
                del self.state.timers[name]
        self.patience.due_ns = min(self.state.timers.values(), default=NEVER_NS)
        return due

    # Wishes.

    def ask(self, wish: Wish) -> bool:
        """Turn a wish into a signal, or into the reason why there is none."""
        if not self.state.now_ns:
            raise ValueError("nothing can be traded in on_start: there is no time and no price yet")
        self.asked[wish.symbol] = None
        objection = self._objection(wish)
        if objection is None:
            self._signal(wish)
            return True
        self._suppress(wish, *objection)
        return False

    def _objection(self, wish: Wish) -> tuple[Code, str] | None:
        state = self.state
        if not state.is_active:
            return Code.INACTIVE, str(wish)
        pending = self.pending(wish.symbol)
        if pending is not None:
            return Code.PENDING, f"{wish}; {pending.side} to {pending.intent} is under way"
        held = self.position(wish.symbol)
        if wish.intent is Intent.OPEN and held * wish.side.sign < ZERO:
            return Code.OPPOSITE, f"{wish}; the position is {held}, exit first"
        if wish.symbol not in state.prices:
            return Code.NO_PRICE, f"{wish}; no price of {wish.symbol} was seen"
        return None

    def _signal(self, wish: Wish) -> None:
        state, limit = self.state, limit_of(wish.limit)
        valid_until_ns = state.now_ns + self.instance.signal_ttl_ns
        signal = Signal(
            strategy_id=self.instance.id,
            symbol=wish.symbol,
            side=wish.side,
            intent=wish.intent,
            price=state.prices[wish.symbol],
            valid_until_ns=valid_until_ns,
            quantity=wish.quantity,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            limit_price=limit,
            stop_price=None if wish.stop is None else positive(wish.stop, "stop price"),
            reason=wish.reason,
            values=finite(self.notes, wish.values),
        )
        self.said.append(signal)
        state.pending[wish.symbol] = Pending(wish.side, wish.intent, valid_until_ns)
        state.muted.pop(wish.symbol, None)

    def _suppress(self, wish: Wish, code: Code, detail: str) -> None:
        muted = Muted(code, wish.side, wish.intent)
        if self.state.muted.get(wish.symbol) == muted:
            return
        self.state.muted[wish.symbol] = muted
        self.say_suppressed(wish.symbol, code, detail, finite(self.notes, wish.values))

    def say_suppressed(
        self, symbol: str, code: Code, detail: str, values: dict[str, float] | None = None
    ) -> None:
        """Put on record what was not said, and why."""
        self.said.append(
            Suppressed(
                strategy_id=self.instance.id,
                symbol=symbol,
                code=code.value,
                detail=detail,
                values=values or {},
            )
        )

    # The call in progress.

    def settle(self, bar_symbol: str) -> tuple[Message, ...]:
        """End a call and return what was said; a wish not repeated on a bar has lapsed."""
        if bar_symbol not in self.asked:
            self.state.muted.pop(bar_symbol, None)
        self.asked.clear()
        self.notes.clear()
        said, self.said = tuple(self.said), []
        return said

    def withdraw(self) -> None:
        """Take back whatever the call in progress said."""
        for message in self.said:
            if isinstance(message, Signal):
                del self.state.pending[message.symbol]
        for symbol in self.asked:
            self.state.muted.pop(symbol, None)
        self.said.clear()
        self.notes.clear()
        self.asked.clear()
