"""Which orders the paper broker takes, and why it refuses the others."""

from decimal import Decimal

from services.execution.config import PaperSettings
from services.execution.paper.account import lacking, shortage
from services.execution.paper.state import PaperState, Resting
from shared.core import Stamp
from shared.domain.commands import is_first, lateness, newness
from shared.domain.values import NS_PER_S, ZERO, OrderType, Side, TimeInForce
from shared.messages.control import Kill, Resume
from shared.messages.orders import Submitting

NS_PER_MS = 1_000_000
_LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_TRIGGERED = (OrderType.STOP, OrderType.STOP_LIMIT)
_AUCTIONS = (TimeInForce.OPG, TimeInForce.CLS)

type Refusal = tuple[str, str]  # code and detail; two empty texts say that there is none

_TAKEN: Refusal = ("", "")


def resting_of(message: Submitting, state: PaperState, settings: PaperSettings) -> Resting:
    """Return the order as it would rest, from the moment at which it reaches the venue."""
    return Resting(
        client_order_id=message.client_order_id,
        signal_id=message.signal_id,
        symbol=message.symbol,
        side=message.side,
        quantity=message.quantity,
        order_type=message.order_type,
        limit_price=message.limit_price if message.order_type in _LIMITED else None,
        time_in_force=message.time_in_force,
        number=state.orders + 1,
        since_ns=state.now_ns + round(settings.latency_ms * NS_PER_MS),
        session=state.session if state.is_open else "",
        remaining=message.quantity,
        trigger_price=message.trigger_price if message.order_type in _TRIGGERED else None,
    )


def refusal(
    message: Submitting, order: Resting, state: PaperState, settings: PaperSettings
) -> Refusal:
    """Say why an order does not come in."""
    if state.killed_seq:
        return "killed", f"at sequence {state.killed_seq}"
    if state.now_ns > message.valid_until_ns:
        return "expired", f"{(state.now_ns - message.valid_until_ns) / NS_PER_S:.3f} s ago"
    found = _malformed(message) or _out_of_place(message, state)
    if found:
        return found
    if state.resting_count >= settings.max_resting_orders:
        return "too_many_orders", f"{state.resting_count} are resting"
    return _beyond_means(order, state, settings)


def obey_kill(state: PaperState, stamp: Stamp, command: Kill | Resume) -> None:
    """Take no order, or take orders again.

    The broker reads the command itself: execution may be minutes behind and still submit what
    was approved before the kill. By the same rule as execution and risk, from the same commands.
    """
    if not is_first(state.commands, stamp.id):
        return
    if isinstance(command, Kill):
        state.killed_seq = stamp.seq
    elif not (
        lateness(command.valid_until_ns, stamp.recorded_ns)
        or newness(command.expected_seq, state.killed_seq)
    ):
        state.killed_seq = 0


def _beyond_means(order: Resting, state: PaperState, settings: PaperSettings) -> Refusal:
    held = state.positions.get(order.symbol, ZERO)
    if not (settings.fractional_shares or _is_whole(order.quantity) or _closes(order, held)):
        return "fractional_shares", f"was {order.quantity}"
    code = shortage(state, order, settings)
    if code:
        return code, f"{held:f} shares of {order.symbol} are held"
    missing = lacking(state, order, settings)
    if missing:
        return "insufficient_funds", f"{missing:.2f} {settings.currency} are missing"
    return _TAKEN


def _malformed(message: Submitting) -> Refusal | None:
    if message.quantity <= ZERO:
        return "zero_quantity", f"was {message.quantity}"
    kind, limit, trigger = message.order_type, message.limit_price, message.trigger_price
    if kind in _LIMITED and (limit is None or limit <= 0):
        return "limit_price", f"was {limit}"
    if kind in _TRIGGERED and (trigger is None or trigger <= 0):
        return "trigger_price", f"was {trigger}"
    return None


def _out_of_place(message: Submitting, state: PaperState) -> Refusal | None:
    """Refuse what its time in force does not allow now or here, as brokers do."""
    force, kind = message.time_in_force, message.order_type
    if force is TimeInForce.EXT and kind is not OrderType.LIMIT:
        return "extended_hours", "only limit orders trade outside the session"
    if force not in _AUCTIONS:
        return None
    if kind in _TRIGGERED:
        return "auction", "a stop cannot be for an auction"
    if message.symbol in state.ticking:
        return "auction", f"no bars of {message.symbol}: its quotes and trades show no auction"
    if force is TimeInForce.OPG and state.is_open:
        return "auction", "the market is open"
    return None


def _is_whole(quantity: Decimal) -> bool:
    return quantity == quantity.to_integral_value()


def _closes(order: Resting, held: Decimal) -> bool:
    return order.quantity == abs(held) and (held > 0) == (order.side is Side.SELL)
