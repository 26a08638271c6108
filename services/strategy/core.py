"""The strategy actor: hosts one instance of an author's class.

In: bars (quotes, trades where the class asks for them), the exchange clock, what became of its
own signals, and the commands that concern it. Out: `Signal`, and `Suppressed` for what it would
have said but did not.

While inactive the strategy builds its state and stays silent. An exception in the author's code
takes back what that call said; after `errors_max` in a row the strategy is quarantined and is not
called again until it is activated. Only what the call said is taken back: attributes that it had
already changed stay changed.
"""

import sys
from collections.abc import Callable, Sequence

from services.strategy import snapshot
from services.strategy.author import Strategy
from services.strategy.blame import explain
from services.strategy.seat import Seat
from services.strategy.state import NO_SYMBOL, Code, Instance, StrategyState
from shared import subjects
from shared.core import Patience, Stamp
from shared.domain.commands import is_first, lateness, newness
from shared.domain.errors import ConfigurationError, InvariantError
from shared.domain.positions import SPLIT, is_news, split_quantity
from shared.domain.values import ZERO, Timeframe
from shared.messages.base import Message
from shared.messages.control import Activate, Command, Deactivate, Quarantine
from shared.messages.decisions import Denied
from shared.messages.market import Bar, Clock, CorporateAction, Quote, Trade
from shared.messages.orders import (
    Cancelled,
    Expired,
    Filled,
    OrderMessage,
    Rejected,
    Submitting,
)


class StrategyCore:
    """Decides when to say what the author's strategy wants."""

    def __init__(self, instance: Instance, strategy: Strategy) -> None:
        self._instance = instance
        self._strategy = strategy
        self._seq = 0
        self._state = StrategyState()
        self._seat = Seat(instance, self._state)
        strategy._seat = self._seat  # noqa: SLF001 - the core alone gives a strategy its seat
        strategy.timeframe = _timeframe(instance, strategy)
        self._hooks = _hooks_of(strategy)
        self._start()

    @property
    def lane(self) -> subjects.Lane:
        """The lane of this instance."""
        return subjects.lane("strategy", self._instance.id)

    @property
    def reads(self) -> Sequence[str]:
        """Market data of its symbols, the clock, its book's orders and its own commands."""
        instance, read = self._instance, subjects.reading
        kinds = [("bar", str(self._strategy.timeframe)), ("action",)]
        kinds += [(kind,) for kind in ("quote", "trade") if f"on_{kind}" in self._hooks]
        orders = ("submitting", "filled", "cancelled", "rejected", "expired")
        commands = ("activate", "deactivate", "quarantine")
        return [
            *(read("data", "*", *kind, symbol) for kind in kinds for symbol in instance.symbols),
            read("data", "*", "clock"),
            read("risk", instance.book, "denied", "*"),
            *(read("execution", instance.book, event, "*") for event in orders),
            *(read("control", "*", command, instance.id) for command in commands),
        ]

    @property
    def patience(self) -> Patience:
        """Every bar is for the author; of clocks, those at which a timer is due."""
        return self._seat.patience

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message and return what it causes. Bars first: a backtest is made of them."""
        self._seq = stamp.seq
        if type(message) is Bar:
            return self._on_bar(stamp, message)
        match message:
            case Clock():
                return self._on_clock(stamp, message)
            case Quote() | Trade() | CorporateAction():
                return self._on_market(stamp, message)
            case Command():
                return self._obey(stamp, message)
            case Denied() | OrderMessage() if message.strategy_id == self._instance.id:
                return self._on_outcome(message)
            case _:
                return ()

    # Market data.

    def _on_bar(self, stamp: Stamp, bar: Bar) -> tuple[Message, ...]:
        state, seat, symbol = self._state, self._seat, bar.symbol
        if stamp.ts_ns > state.now_ns:  # noqa: PLR1730 - max() costs a call, a million times
            state.now_ns = stamp.ts_ns
        state.prices[symbol] = bar.close
        for indicator in seat.feeds.get(symbol, ()):
            indicator.feed(bar)
        if state.is_quarantined:
            return ()
        seat.moment_ns = bar.start_ns
        seat.bar = bar
        try:
            self._strategy.on_bar(bar)
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            return self._contain(error, symbol)
        finally:
            seat.bar = None
        if state.errors:
            state.errors = 0
        if seat.asked or seat.notes or state.muted:
            return seat.settle(symbol)
        return ()

    def _on_market(
        self, stamp: Stamp, message: Quote | Trade | CorporateAction
    ) -> tuple[Message, ...]:
        state, strategy, symbol = self._state, self._strategy, message.symbol
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        self._seat.moment_ns = stamp.ts_ns
        match message:
            case Quote():
                mid = message.ticks[-1].mid
                if mid is not None:
                    state.prices[symbol] = mid
                return self._call("on_quote", symbol, lambda: strategy.on_quote(message))
            case Trade():
                state.prices[symbol] = message.ticks[-1].price
                return self._call("on_trade", symbol, lambda: strategy.on_trade(message))
            case CorporateAction():
                return self._on_action(message)

    def _on_clock(self, stamp: Stamp, clock: Clock) -> tuple[Message, ...]:
        state, seat = self._state, self._seat
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        is_due = state.now_ns >= seat.patience.due_ns or clock.is_open != state.is_market_open
        if not is_due or state.is_quarantined:
            return ()
        seat.moment_ns = state.now_ns
        said: list[Message] = []
        if clock.is_open:
            said += self._turn_session(clock)
        for due_ns, name in seat.pop_due():
            said += self._on_timer(name, due_ns)
        if not clock.is_open:
            said += self._turn_session(clock)
        return tuple(said)

    def _on_timer(self, name: str, due_ns: int) -> tuple[Message, ...]:
        return self._call("on_timer", NO_SYMBOL, lambda: self._strategy.on_timer(name, due_ns))

    def _on_action(self, action: CorporateAction) -> tuple[Message, ...]:
        """Carry position, last price and indicators over a split, once for all feeds."""
        state, symbol = self._state, action.symbol
        is_new = is_news(state.actions, symbol, action.kind, action.ex_date)
        if action.kind != SPLIT or not is_new:
            return ()
        if symbol in state.positions:
            state.positions[symbol] = split_quantity(state.positions[symbol], action.ratio)
        if symbol in state.prices:
            state.prices[symbol] /= action.ratio
        for indicator in self._seat.feeds.get(symbol, ()):
            indicator.rescale(1.0 / action.ratio)
        return self._call("on_split", symbol, lambda: self._strategy.on_split(symbol, action.ratio))

    def _turn_session(self, clock: Clock) -> tuple[Message, ...]:
        """Open or close the market when the clock says so."""
        state = self._state
        if clock.is_open == state.is_market_open:
            return ()
        state.is_market_open = clock.is_open
        strategy, date = self._strategy, clock.session if clock.is_open else state.session_date
        state.session_date = date
        if clock.is_open:
            return self._call("on_session_open", NO_SYMBOL, lambda: strategy.on_session_open(date))
        return self._call("on_session_close", NO_SYMBOL, lambda: strategy.on_session_close(date))

    # What became of our own signals.

    def _on_outcome(self, message: Denied | OrderMessage) -> tuple[Message, ...]:
        pending = self._state.pending
        match message:
            case Submitting():
                self._adopt_order(message)
            case Denied():
                waiting = pending.get(message.symbol)
                if waiting is not None and waiting.waits_for(message.side, message.intent):
                    del pending[message.symbol]
            case Filled():
                return self._on_filled(message)
            case Cancelled() | Rejected() | Expired():
                self._end_order(message)
            case _:
                pass
        return ()

    def _adopt_order(self, order: Submitting) -> None:
        """Learn which order our signal became: from here on only its end ends the wait."""
        waiting = self._state.pending.get(order.symbol)
        if waiting is not None and waiting.waits_for(order.side, order.intent):
            waiting.order_id = order.order_id

    def _end_order(self, order: OrderMessage) -> None:
        waiting = self._state.pending.get(order.symbol)
        if waiting is not None and waiting.order_id in ("", order.order_id):
            del self._state.pending[order.symbol]

    def _on_filled(self, fill: Filled) -> tuple[Message, ...]:
        positions = self._state.positions
        held = positions.get(fill.symbol, ZERO) + fill.side.sign * fill.quantity
        if held:
            positions[fill.symbol] = held
        else:
            positions.pop(fill.symbol, None)
        if fill.is_complete:
            self._end_order(fill)
        self._seat.moment_ns = self._state.now_ns
        return self._call("on_fill", fill.symbol, lambda: self._strategy.on_fill(fill))

    # Commands.

    def _obey(self, stamp: Stamp, command: Command) -> tuple[Message, ...]:
        """Stopping is the safe direction: it is obeyed whatever it expects."""
        if not is_first(self._state.obeyed, stamp.id):
            return ()
        match command:
            case Activate():
                return self._activate(stamp, command)
            case Deactivate():
                self._stop(is_quarantine=False)
            case Quarantine():
                self._stop(is_quarantine=True)
            case _:
                pass
        return ()

    def _activate(self, stamp: Stamp, command: Activate) -> tuple[Message, ...]:
        state = self._state
        late = lateness(command.valid_until_ns, stamp.recorded_ns)
        refusal = late or newness(command.expected_seq, state.changed_seq)
        if refusal:
            self._seat.say_suppressed(NO_SYMBOL, Code.COMMAND_REFUSED, f"activate: {refusal}")
            return self._seat.settle(NO_SYMBOL)
        state.is_active, state.is_quarantined, state.errors = True, False, 0
        state.changed_seq = stamp.seq
        return ()

    def _stop(self, *, is_quarantine: bool) -> None:
        state = self._state
        state.is_active = False
        state.is_quarantined = state.is_quarantined or is_quarantine
        state.changed_seq = self._seq

    # The author's code.

    def _start(self) -> None:
        try:
            self._strategy.on_start()
        except Exception as error:
            what = self._say(error)
            raise ConfigurationError(f"strategy {self._instance.id!r}: {what}") from error
        self._seat.notes.clear()

    def _call(self, name: str, symbol: str, hook: Callable[[], None]) -> tuple[Message, ...]:
        """Call a hook, if the author wrote it, and return what it said."""
        if self._state.is_quarantined or name not in self._hooks:
            return ()
        try:
            hook()
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            return self._contain(error, symbol)
        self._state.errors = 0
        return self._seat.settle(NO_SYMBOL)

    def _contain(self, error: Exception, symbol: str) -> tuple[Message, ...]:
        """Put an author's error on record; take the strategy out of service if it goes on."""
        if isinstance(error, InvariantError | MemoryError):
            raise error
        state, seat = self._state, self._seat
        seat.withdraw()
        state.errors += 1
        seat.say_suppressed(symbol, Code.ERROR, self._say(error))
        if state.errors >= self._instance.errors_max:
            self._stop(is_quarantine=True)
            seat.say_suppressed(
                symbol, Code.QUARANTINED, f"{state.errors} errors in a row; activate to go on"
            )
        return seat.settle(NO_SYMBOL)

    def _say(self, error: Exception) -> str:
        return explain(error, sys.modules[type(self._strategy).__module__].__file__ or "")

    # State.

    def snapshot(self) -> bytes:
        """Return the whole state; SnapshotError when the author holds what cannot be stored."""
        return snapshot.save(self._strategy, self._seat)

    def restore(self, state: bytes, /) -> None:
        """Take over a state that `snapshot` of the same release made; ValueError if unusable."""
        self._state = snapshot.load(state, self._strategy, self._seat)


def _hooks_of(strategy: Strategy) -> frozenset[str]:
    """Return the names of the hooks that the author wrote."""
    names = [name for name in vars(Strategy) if name.startswith("on_")]
    cls = type(strategy)
    return frozenset(n for n in names if getattr(cls, n) is not getattr(Strategy, n))


def _timeframe(instance: Instance, strategy: Strategy) -> Timeframe:
    wanted = instance.timeframe or strategy.timeframe
    try:
        return Timeframe(wanted)
    except ValueError:
        known = ", ".join(Timeframe)
        raise ConfigurationError(
            f"strategy {instance.id!r}: unknown timeframe {wanted!r}: one of {known}"
        ) from None
