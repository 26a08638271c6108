"""Risk: signals in, decisions out.

Reads signals, market data, what execution says about orders, and operators' commands. Answers
each signal with `approved` (every check, with value and limit) or `denied` (every reason); halts
the desk when a session loses too much and when an operator says so. Its whole state rests on the
tape. A "no" is a message; an exception means that an invariant is broken.
"""

from collections.abc import Sequence

import msgspec

from services.risk.book import (
    end_order,
    order_key,
    reserve,
    take_account,
    take_action,
    take_fill,
)
from services.risk.commands import (
    obey_flatten,
    obey_kill,
    obey_resume,
    obey_set_limit,
)
from services.risk.config import RiskSettings, with_overrides
from services.risk.proposal import Proposal, judged_price
from services.risk.rules import RULES, RULES_OF_CLOSINGS
from services.risk.session import first_account, pass_time
from services.risk.sizing import size
from services.risk.state import Mark, RiskState, Working
from services.risk.valuation import appraise, money
from shared.core import NEVER_NS, NO_BARS, Bounds, NewestBars, Patience, Stamp
from shared.domain.commands import is_first
from shared.domain.values import ZERO, Intent, OrderType, Timeframe
from shared.messages.base import Message
from shared.messages.control import Command, Flatten, Kill, Resume, SetLimit
from shared.messages.decisions import Approved, Check, Denied
from shared.messages.market import Bar, Clock, CorporateAction, MarketStatus, Quote, Trade
from shared.messages.orders import Account, Cancelled, Expired, Filled, Rejected
from shared.messages.signals import Signal
from shared.subjects import AGGREGATED, Lane, lane, reading

PRICE_MAX = 1e9  # above any price on record; keeps infinities and typing errors out of the marks
SLACK_MIN = 1e-6  # of equity, above the alarm: less is within reach of rounding
_HIGH = PRICE_MAX / 2

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RiskState).decode


class RiskCore:
    """The actor `risk.<book>`."""

    def __init__(self, settings: RiskSettings, book: str) -> None:
        self._configured = settings
        self._limits = settings
        self._lane = lane("risk", book)
        self._reads = (
            reading("strategy", "*", "signal", ">"),
            *(reading("data", "*", kind, ">") for kind in _MARKET),
            reading("data", "*", "clock"),
            *(reading("execution", book, event, ">") for event in _ORDERS),
            reading("execution", book, "account"),
            *(reading("control", "*", command) for command in _COMMANDS),
        )
        self._state = RiskState()
        self._marks = self._state.marks
        self._patience = Patience(NO_BARS, wakes=self._wakes)

    @property
    def lane(self) -> Lane:
        """The lane of this book's risk."""
        return self._lane

    @property
    def reads(self) -> Sequence[str]:
        """Signals, prices, the book's orders and the operators."""
        return self._reads

    @property
    def patience(self) -> Patience:
        """Bars only bring the newest price, clocks are only watched for the session's loss."""
        return self._patience

    def _wakes(self, newest: NewestBars) -> bool:
        """Tell whether equity at these prices may have reached the alarm; as `equity_value`."""
        state, marks, patience = self._state, self._marks, self._patience
        patience.bounds = None
        total, held = state.cash_value, []
        try:
            for symbol, holding in state.holdings.items():
                net = holding.net
                if net:
                    mark = marks[symbol]
                    stamp, bar = newest[symbol]
                    price = bar.close if stamp.ts_ns > mark.ts_ns else mark.price
                    if price >= PRICE_MAX:
                        return True
                    total += net * price
                    held.append((symbol, net, price))
        except KeyError:  # held, and not yet priced
            return True
        slack = total - state.session.alarm
        if slack <= 0.0:
            return True
        if not held:
            patience.due_ns = NEVER_NS
        elif slack > SLACK_MIN * total:
            patience.bounds = _bounds_of(held, slack)
        return False

    def _look_up(self) -> None:
        """Be given every clock again: what was known of the alarm may hold no longer."""
        self._patience.due_ns, self._patience.bounds = 0, None

    @property
    def state(self) -> RiskState:
        """What the core knows; for inspection only."""
        return self._state

    @property
    def limits(self) -> RiskSettings:
        """The limits in force."""
        return self._limits

    def snapshot(self) -> bytes:
        """Return the state as JSON; dictionaries in insertion order, which is part of it."""
        return _encode(self._state)

    def restore(self, state: bytes, /) -> None:
        """Take over a snapshot; MsgspecError when it is not one."""
        self._state = _decode(state)
        self._marks = self._state.marks
        self._look_up()
        self._limits = with_overrides(self._configured, self._state.overrides)

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message; first those that a backtest is made of."""
        if type(message) is Bar:
            if stamp.lane != AGGREGATED:  # a longer bar tells an old price late: it is no fresher
                self._price(message.symbol, message.close, stamp.ts_ns, message.timeframe)
            return ()
        if type(message) is Clock:
            return self._pass_time(stamp, message)
        if type(message) is Signal:
            return self._decide(stamp, message)
        if type(message) is Filled:
            self._look_up()
            take_fill(self._state, message)
            return ()
        match message:
            case Quote():
                mid = message.ticks[-1].mid
                if mid is not None:
                    self._price(message.symbol, mid, stamp.ts_ns, None)
            case Trade():
                self._price(message.symbol, message.ticks[-1].price, stamp.ts_ns, None)
            case Command():
                self._look_up()
                return self._obey(stamp, message)
            case _:
                self._look_up()
                self._take(message)
        return ()

    def _pass_time(self, stamp: Stamp, clock: Clock) -> tuple[Message, ...]:
        state, session = self._state, self._state.session
        if clock.ts_ns > state.now_ns:  # noqa: PLR1730 - max() costs a call
            state.now_ns = clock.ts_ns
        said = pass_time(state, clock, self._limits, stamp.seq)
        if said or state.session is not session:
            self._look_up()
        return said

    def _price(self, symbol: str, price: float, ts_ns: int, timeframe: Timeframe | None) -> None:
        """Keep the newest price of a symbol: what every message of a backtest passes through."""
        state = self._state
        if ts_ns > state.now_ns:  # noqa: PLR1730 - max() costs a call, a million times
            state.now_ns = ts_ns
        if not 0.0 < price < PRICE_MAX:
            return
        mark = self._marks.get(symbol)
        if mark is None:
            self._marks[symbol] = Mark(price, ts_ns, timeframe)
        elif ts_ns >= mark.ts_ns:
            mark.price = price
            mark.ts_ns = ts_ns
            if timeframe is not mark.timeframe:
                mark.expect(timeframe)

    def _take(self, message: Message) -> None:
        state = self._state
        match message:
            case Cancelled() | Rejected() | Expired():
                end_order(state, message)
            case Account():
                take_account(state, message)
                first_account(state, self._limits)
            case CorporateAction():
                take_action(state, message)
            case MarketStatus(halted=True):
                state.halted_symbols[message.symbol] = message.reason
            case MarketStatus():
                state.halted_symbols.pop(message.symbol, None)
            case _:
                pass

    def _obey(self, stamp: Stamp, command: Command) -> tuple[Message, ...]:
        state = self._state
        if not is_first(state.commands, stamp.id):
            return ()
        match command:
            case Kill():
                return obey_kill(state, stamp, command)
            case Resume():
                return obey_resume(state, stamp, command, self._limits)
            case Flatten():
                return obey_flatten(state, stamp, command)
            case SetLimit():
                self._limits, said = obey_set_limit(state, stamp, command, self._limits)
                return said
            case _:
                return ()

    def _decide(self, stamp: Stamp, signal: Signal) -> tuple[Message, ...]:
        state, limits = self._state, self._limits
        price, speaker = judged_price(signal, state), stamp.lane.actor.partition("~")[0]
        is_opening = signal.intent is Intent.OPEN  # a close is not measured, see `Proposal`
        equity, gross = appraise(state) if is_opening else (None, 0.0)
        quantity, problem = size(signal, state, limits, price, equity)
        notional = None
        if is_opening and price is not None:
            notional = money(float(quantity) * float(price))
        order = Proposal(signal, speaker, quantity, price, notional, equity, gross)
        rules = RULES if is_opening else RULES_OF_CLOSINGS
        checks = [found for rule in rules if (found := rule(order, state, limits)) is not None]
        if problem is not None:
            checks.insert(0, problem)
        reasons = [check for check in checks if not check.passed]
        if reasons:
            return (_denied(stamp, order, tuple(reasons)),)
        approved = _approved(stamp, order, tuple(checks))
        key = order_key(approved.signal_id, approved.strategy_id, approved.symbol)
        reserve(state, key, _working(order))
        return (approved,)


_MARKET = ("bar", "quote", "trade", "status", "action")
_ORDERS = ("filled", "cancelled", "rejected", "expired")
_COMMANDS = ("kill", "resume", "flatten", "set_limit")
_LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)


def _bounds_of(held: Sequence[tuple[str, float, float]], slack: float) -> Bounds:
    """Share out what may be lost among the positions (symbol, shares, price): while each price
    stays within its part, equity stays above the alarm. The tenth left over covers rounding.
    """
    part, bounds = 0.9 * slack / len(held), {}
    for symbol, net, price in held:
        edge = price - part / net
        bounds[symbol] = (edge, _HIGH) if net > 0.0 else (0.0, min(_HIGH, edge))
    return bounds


def _working(order: Proposal) -> Working:
    signal = order.signal
    price = order.price if order.price is not None else ZERO
    return Working(
        signal.strategy_id, signal.symbol, signal.side, signal.intent, order.quantity, price
    )


def _denied(stamp: Stamp, order: Proposal, reasons: tuple[Check, ...]) -> Denied:
    signal = order.signal
    return Denied(
        signal_id=stamp.id,
        strategy_id=signal.strategy_id,
        symbol=signal.symbol,
        side=signal.side,
        intent=signal.intent,
        quantity=order.quantity,
        reasons=reasons,
    )


def _approved(stamp: Stamp, order: Proposal, checks: tuple[Check, ...]) -> Approved:
    signal = order.signal
    limit_price = signal.limit_price
    if limit_price is not None and signal.order_type not in _LIMITED:
        limit_price = None
    return Approved(
        signal_id=stamp.id,
        strategy_id=signal.strategy_id,
        symbol=signal.symbol,
        side=signal.side,
        intent=signal.intent,
        quantity=order.quantity,
        order_type=signal.order_type,
        limit_price=limit_price,
        time_in_force=signal.time_in_force,
        valid_until_ns=signal.valid_until_ns,
        checks=checks,
        trigger_price=signal.trigger_price,
    )
