"""Every message in one line, for people. What has no line of its own shows its fields."""

import time
from decimal import Decimal
from functools import singledispatch

import msgspec

from shared.domain.values import NS_PER_S, OrderType
from shared.messages.base import Message
from shared.messages.books import ClosedDay, Mismatch
from shared.messages.broker import (
    Ack,
    BrokerSnapshot,
    Charge,
    Doubtful,
    Outage,
    Refused,
    Report,
)
from shared.messages.control import Command
from shared.messages.decisions import Approved, Check, Denied, Halted, Resumed, Violation
from shared.messages.lane import State
from shared.messages.market import Bar, Clock, MarketStatus, Quote, Trade
from shared.messages.orders import Account, Charged, Filled, OrderMessage, Rejected, Submitting
from shared.messages.signals import Signal, Suppressed

DIGEST_SHOWN = 8


def moment(ts_ns: int) -> str:
    """Return a time as people write it: UTC, to the second; "-" for none."""
    if ts_ns <= 0:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ts_ns // NS_PER_S))


def clock_time(ts_ns: int) -> str:
    """Return the time of day in UTC."""
    return moment(ts_ns)[-8:]


def money(amount: Decimal) -> str:
    """Return money in whole cents with thousands apart."""
    return f"{amount:,.2f}"


def shares(quantity: Decimal) -> str:
    """Return shares without trailing zeros."""
    text = f"{quantity:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@singledispatch
def describe(message: Message) -> str:
    """Return the content of a message in one line."""
    fields = msgspec.to_builtins(message)
    return " ".join(f"{k}={v}" for k, v in fields.items() if k != "type" and v not in ("", None))


@describe.register
def _(bar: Bar) -> str:
    return (
        f"{bar.symbol} {bar.timeframe} {clock_time(bar.start_ns)} open {bar.open:g}"
        f" high {bar.high:g} low {bar.low:g} close {bar.close:g} volume {bar.volume:g}"
    )


@describe.register
def _(quote: Quote) -> str:
    last = quote.ticks[-1]
    return f"{quote.symbol} {len(quote.ticks)} quotes, last {last.bid:g} / {last.ask:g}"


@describe.register
def _(trade: Trade) -> str:
    last = trade.ticks[-1]
    return f"{trade.symbol} {len(trade.ticks)} trades, last {last.size:g} at {last.price:g}"


@describe.register
def _(status: MarketStatus) -> str:
    return (
        f"{status.symbol} {'halted' if status.halted else 'trades again'} {status.reason}".strip()
    )


@describe.register
def _(clock: Clock) -> str:
    state = "open" if clock.is_open else "closed"
    return f"{moment(clock.ts_ns)} {clock.session or 'no session'} {state}"


@describe.register
def _(signal: Signal) -> str:
    size = "" if signal.quantity is None else f" {shares(signal.quantity)}"
    why = f": {signal.reason}" if signal.reason else ""
    return f"{signal.intent} {signal.side}{size} {signal.symbol} at {signal.price:g}{why}"


@describe.register
def _(suppressed: Suppressed) -> str:
    detail = f": {suppressed.detail}" if suppressed.detail else ""
    return f"{suppressed.symbol} {suppressed.code}{detail}"


@describe.register
def _(approved: Approved) -> str:
    return f"{approved.side} {shares(approved.quantity)} {approved.symbol}, {_price(approved)}"


@describe.register
def _(denied: Denied) -> str:
    reasons = "; ".join(_reason(check) for check in denied.reasons)
    return f"{denied.side} {denied.symbol}: {reasons}"


@describe.register
def _(violation: Violation) -> str:
    return (
        f"{violation.code}: {violation.value} beyond {violation.limit} {violation.detail}".strip()
    )


@describe.register
def _(halted: Halted) -> str:
    return f"{halted.code}: {halted.detail or 'no detail'}"


@describe.register
def _(resumed: Resumed) -> str:
    return f"by {resumed.operator} {resumed.detail}".strip()


@describe.register
def _(order: Submitting) -> str:
    return f"{order.side} {shares(order.quantity)} {order.symbol}, {_price(order)}"


@describe.register
def _(fill: Filled) -> str:
    done = "" if fill.is_complete else (
        f" ({shares(fill.cumulative_quantity)} of {shares(fill.order_quantity)})"
    )  # fmt: skip
    cost = money(fill.commission + fill.fees)
    return (
        f"{fill.side} {shares(fill.quantity)} {fill.symbol} at {fill.price:f}, costs {cost}{done}"
    )


@describe.register
def _(order: Rejected) -> str:
    return f"{order.side} {order.symbol}: {order.code} {order.detail}".strip()


@describe.register
def _(order: OrderMessage) -> str:
    reason = getattr(order, "reason", "") or getattr(order, "detail", "")
    return f"{order.side} {order.symbol}" + (f": {reason}" if reason else "")


@describe.register
def _(account: Account) -> str:
    return f"cash {money(account.cash)} {account.currency}, {_held(account.positions)}"


@describe.register
def _(snapshot: BrokerSnapshot) -> str:
    return f"cash {money(snapshot.cash)} {snapshot.currency}, {_held(snapshot.positions)}"


@describe.register
def _(ack: Ack) -> str:
    return f"{ack.symbol} as {ack.broker_order_id}"


@describe.register
def _(report: Report) -> str:
    if report.kind == "fill":
        return f"{report.symbol} fill {shares(report.quantity)} at {report.price:f}"
    return f"{report.symbol} {report.kind} {report.reason}".strip()


@describe.register
def _(charge: Charge | Charged) -> str:
    return f"{charge.symbol} {charge.kind} {money(charge.amount)}, {charge.detail}".strip()


@describe.register
def _(refused: Refused) -> str:
    return f"{refused.symbol} {refused.code} {refused.detail}".strip()


@describe.register
def _(doubtful: Doubtful) -> str:
    return f"{doubtful.symbol} {doubtful.detail}"


@describe.register
def _(outage: Outage) -> str:
    cancelled = ", ".join(outage.cancelled) or "nothing"
    return f"the tape was away for {outage.seconds:.1f} s; to be cancelled: {cancelled}"


@describe.register
def _(day: ClosedDay) -> str:
    balanced = "balanced" if day.is_balanced else "NOT balanced"
    return f"{day.session} equity {money(day.equity)}, {day.fills} fills, {balanced}"


@describe.register
def _(mismatch: Mismatch) -> str:
    return f"{mismatch.subject}: booked {mismatch.booked}, stated {mismatch.stated}"


@describe.register
def _(state: State) -> str:
    return f"code {state.code_digest[:DIGEST_SHOWN]}, answers from {state.from_seq}"


@describe.register
def _(command: Command) -> str:
    fields = msgspec.to_builtins(command)
    hidden = ("type", "reason", "expected_seq", "valid_until_ns")
    shown = " ".join(str(value) for name, value in fields.items() if name not in hidden)
    return ": ".join(filter(None, (shown, command.reason))) or "no reason given"


def _price(order: Approved | Submitting) -> str:
    at = f" at {order.trigger_price:f}" if order.trigger_price is not None else ""
    if order.limit_price is not None and order.order_type is not OrderType.MARKET:
        return f"{order.order_type}{at} {order.limit_price:f} {order.time_in_force}"
    return f"{order.order_type}{at} {order.time_in_force}"


def _reason(check: Check) -> str:
    return f"{check.code} ({check.value:f} against {check.limit:f})"


def _held(positions: dict[str, Decimal]) -> str:
    held = [f"{shares(positions[symbol])} {symbol}" for symbol in sorted(positions)]
    return ", ".join(held) or "no positions"
