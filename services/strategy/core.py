"""The strategy actor: hosts one instance of an author's class.

In: bars (quotes, trades where the class asks for them), the exchange clock, what became of its
own signals, and the commands that concern it. Out: `Signal`, and `Suppressed` for what it would
have said but did not.

While inactive the strategy builds its state and stays silent. What becomes of a call of the
author's code that raises, or hangs, is for `containment`.
"""

from collections.abc import Sequence
from typing import override

from services.strategy.author import Strategy
from services.strategy.containment import Containment
from services.strategy.state import NO_SYMBOL, Code, Instance
from shared import subjects
from shared.core import Patience, Run, Stamp
from shared.domain.commands import is_first, lateness, newness
from shared.domain.errors import ConfigurationError
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


class StrategyCore(Containment):
    """Decides when to say what the author's strategy wants."""

    def __init__(self, instance: Instance, strategy: Strategy) -> None:
        super().__init__(instance, strategy)
        strategy._seat = self._seat  # noqa: SLF001 - the core alone gives a strategy its seat
        strategy.timeframe = _timeframe(instance, strategy)
        self._start()
        self._set_checkpoint()

    @property
    @override
    def lane(self) -> subjects.Lane:
        """The lane of this instance."""
        return subjects.lane("strategy", self._instance.actor or self._instance.id)

    @property
    def reads(self) -> Sequence[str]:
        """Market data of its symbols, the clock, its book's orders and its own commands."""
        instance, read = self._instance, subjects.reading
        kinds = [("bar", str(self._strategy.timeframe)), ("action",)]
        kinds += [(kind,) for kind in ("quote", "trade") if f"on_{kind}" in self._hooks]
        orders = ("submitting", "filled", "cancelled", "rejected", "expired")
        commands = ("activate", "deactivate", "quarantine")
        names = dict.fromkeys((instance.id, self.lane.actor))  # of all its shards, or of this one
        return [
            *(read("data", "*", *kind, symbol) for kind in kinds for symbol in instance.symbols),
            read("data", "*", "clock"),
            read("risk", instance.book, "denied", "*"),
            *(read("execution", instance.book, event, "*") for event in orders),
            *(read("control", "*", command, name) for command in commands for name in names),
        ]

    @property
    def patience(self) -> Patience:
        """Every bar is for the author; of clocks, those at which a timer is due."""
        return self._seat.patience

    @override
    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message and return what it causes. Bars first: a backtest is made of them."""
        if type(message) is Bar:
            return self._on_bar(stamp, message)
        if type(message) is Clock and not self._is_due(stamp, message):
            return ()
        return self._take(stamp, message)

    @override
    def _dispatch(self, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        # What every order brings first: `match` costs a microsecond for each class it is not.
        if type(message) is Clock:
            return self._on_clock(stamp, message)
        if type(message) is Submitting or type(message) is Filled:
            return self._on_outcome(message)
        match message:
            case Quote() | Trade() | CorporateAction():
                return self._on_market(stamp, message)
            case Command():
                if isinstance(message, Quarantine):
                    self._undo_from(stamp, message)
                return self._obey(stamp, message)
            case Denied() | OrderMessage():
                return self._on_outcome(message)
            case _:
                return ()

    # Market data.

    def _on_bar(self, stamp: Stamp, bar: Bar) -> tuple[Message, ...]:
        journal = self._journal
        if len(journal) >= self._journal_full:
            self._look_about(stamp.seq)
        self._seq = stamp.seq
        state, seat, symbol = self._state, self._seat, bar.symbol
        if stamp.ts_ns > state.now_ns:  # noqa: PLR1730 - max() costs a call, a million times
            state.now_ns = stamp.ts_ns
        state.prices[symbol] = bar.close
        for indicator in seat.feeds.get(symbol, ()):
            indicator.feed(bar)
        if state.is_quarantined:
            return ()
        journal.append(stamp)
        journal.append(bar)
        seat.moment_ns = bar.start_ns
        seat.bar = bar
        try:
            self._strategy.on_bar(bar)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - authors may raise anything
            return self._take_bar_back(error, stamp, bar)
        finally:
            seat.bar = None
        if state.errors:
            state.errors = 0
        if seat.asked or seat.notes or state.muted:
            return seat.settle(symbol)
        return ()

    def handle_run(self, run: Run, /) -> tuple[int, tuple[Message, ...]]:
        """Take bars up to one at which the author asks for something, or a timer is due."""
        state = self._state
        if len(self._journal) >= self._journal_full:
            self._look_about(run.stamp(0).seq)
        room = (self._journal_full - len(self._journal)) // 2
        if room <= 0 or state.is_quarantined or state.errors or state.muted:
            return 0, ()
        taken, said, error = self._call_on_bars(run.bars[:room], run.times_ns)
        self._rollback.note_run(run, taken)
        stamp = run.stamp(taken - 1)
        self._seq = stamp.seq
        if error is not None:
            said = self._take_bar_back(error, stamp, run.bars[taken - 1])
        return taken, said

    def _call_on_bars(
        self, bars: Sequence[Bar], times_ns: Sequence[int]
    ) -> tuple[int, tuple[Message, ...], BaseException | None]:
        """Do what `_on_bar` does for one, with what is the same for all of them done once."""
        state, seat, on_bar = self._state, self._seat, self._strategy.on_bar
        feeds, prices, patience, taken = seat.feeds, state.prices, seat.patience, 0
        try:
            for bar, now_ns in zip(bars, times_ns, strict=False):
                taken += 1
                symbol = bar.symbol
                state.now_ns = now_ns
                prices[symbol] = bar.close
                for indicator in feeds.get(symbol, ()):
                    indicator.feed(bar)
                seat.moment_ns = bar.start_ns
                seat.bar = bar
                on_bar(bar)
                if (seat.asked or seat.notes) and (said := seat.settle(symbol)):
                    return taken, said, None
                if patience.due_ns <= now_ns:
                    break
        except (Exception, SystemExit) as error:  # noqa: BLE001 - authors may raise anything
            return taken, (), error
        finally:
            seat.bar = None
        return taken, (), None

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

    def _is_due(self, stamp: Stamp, clock: Clock) -> bool:
        """Take the time; tell whether anything is to be done at it."""
        if stamp.seq >= self._blind_from:
            self._look_ahead(stamp.seq)
        state = self._state
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        if state.is_quarantined:
            self._seq = stamp.seq
            return False
        if state.now_ns >= self._seat.patience.due_ns or clock.is_open != state.is_market_open:
            return True
        self._seq = stamp.seq
        self._rollback.time_passed(state.now_ns)
        return False

    def _on_clock(self, stamp: Stamp, clock: Clock) -> tuple[Message, ...]:
        state, seat = self._state, self._seat
        state.now_ns = max(state.now_ns, stamp.ts_ns)
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
        if message.strategy_id != self._instance.id:
            return ()
        if type(message) is Filled:
            return self._on_filled(message)
        if type(message) is Submitting:
            self._adopt_order(message)
            return ()
        match message:
            case Denied():
                pending = self._state.pending
                waiting = pending.get(message.symbol)
                if waiting is not None and waiting.waits_for(message.side, message.intent):
                    del pending[message.symbol]
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

    # The author's code.

    def _start(self) -> None:
        try:
            self._strategy.on_start()
        except Exception as error:
            what = self._say(error)
            raise ConfigurationError(f"strategy {self._instance.id!r}: {what}") from error
        self._seat.notes.clear()


def _timeframe(instance: Instance, strategy: Strategy) -> Timeframe:
    wanted = instance.timeframe or strategy.timeframe
    try:
        return Timeframe(wanted)
    except ValueError:
        known = ", ".join(Timeframe)
        raise ConfigurationError(
            f"strategy {instance.id!r}: unknown timeframe {wanted!r}: one of {known}"
        ) from None
