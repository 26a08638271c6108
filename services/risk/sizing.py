"""How many shares a signal gets.

Closing: the strategy's own position less what it is closing already; an explicit quantity is cut
to that. Opening: the explicit quantity, or a fixed fraction of equity, `floor(equity * f / p)`;
with a protective stop no more than loses `risk_per_trade` of equity at the stop,
`floor(equity * r / |p - stop|)` (reference specification F.2). The entry price p is the price
the order is judged at, not the one the strategy looked at, which may be old.
"""

from decimal import ROUND_DOWN, Decimal
from math import isfinite

from services.risk.config import RiskSettings
from services.risk.state import RiskState
from shared.domain.positions import FLAT, Position
from shared.domain.values import ZERO, Intent, Side, to_price
from shared.messages.decisions import Check
from shared.messages.signals import Signal

FRACTION_STEP = Decimal("0.000001")  # fractional orders: a millionth of a share, cut
WHOLE = Decimal(1)


type Sized = tuple[Decimal, Check | None]
"""A quantity; 0 when the check says why there is none."""


def size(
    signal: Signal,
    state: RiskState,
    limits: RiskSettings,
    price: Decimal | None,
    equity: Decimal | None,
) -> Sized:
    """Return the shares this signal may trade, before the limits look at them."""
    wanted = signal.quantity
    if wanted is not None and not (wanted.is_finite() and wanted > 0):
        return _none("quantity_invalid", detail=f"the signal asks for {wanted} shares")
    if signal.intent is Intent.CLOSE:
        return _closing(signal, state)
    opposite = _opposite(signal, state)
    if opposite:
        return _none("opposite_position", opposite, "close first, then open the other way")
    return _opening(signal, limits, price, equity)


def own_position(state: RiskState, strategy_id: str, symbol: str) -> Position:
    """Return a strategy's position in its virtual sub-account."""
    return state.accounts.get(strategy_id, {}).get(symbol, FLAT)


def closable(state: RiskState, strategy_id: str, symbol: str, side: Side) -> Decimal:
    """Return the shares that an order of `side` can still close of a strategy's position."""
    held = own_position(state, strategy_id, symbol).quantity
    if side is Side.BUY:
        held = -held
    for order in state.working.values():
        if order.strategy_id == strategy_id and order.symbol == symbol and order.side is side:
            held -= order.remaining
    return max(held, ZERO)


def _closing(signal: Signal, state: RiskState) -> Sized:
    most = closable(state, signal.strategy_id, signal.symbol, signal.side)
    if not most:
        held = own_position(state, signal.strategy_id, signal.symbol).quantity
        return _none("nothing_to_close", held, f"nothing that a {signal.side} would still close")
    return most if signal.quantity is None else min(signal.quantity, most), None


def _opening(
    signal: Signal, limits: RiskSettings, price: Decimal | None, equity: Decimal | None
) -> Sized:
    wanted = signal.quantity
    if wanted is None:
        if price is None or equity is None:
            return _none("size_zero", detail="no price or no equity to size with")
        wanted = max(equity * limits.position_fraction / price, ZERO)
        if signal.stop_price is not None:
            at_stop = _by_risk(signal, equity, price, limits)
            if at_stop is None:
                return _none("stop_price", price, f"stop {signal.stop_price} is not beyond entry")
            wanted = min(wanted, at_stop)
    quantity = wanted.quantize(FRACTION_STEP if limits.allow_fractional else WHOLE, ROUND_DOWN)
    if quantity <= ZERO:
        return _none("size_zero", wanted.quantize(FRACTION_STEP, ROUND_DOWN), "under one share")
    return quantity, None


def _opposite(signal: Signal, state: RiskState) -> Decimal:
    """Return the strategy's shares, held or being opened, against the signal's direction."""
    held = own_position(state, signal.strategy_id, signal.symbol).quantity
    against = max(held if signal.side is Side.SELL else -held, ZERO)
    for order in state.working.values():
        if (
            order.symbol == signal.symbol
            and order.strategy_id == signal.strategy_id
            and order.intent is Intent.OPEN
            and order.side is not signal.side
        ):
            against += order.remaining
    return against


def _by_risk(
    signal: Signal, equity: Decimal, price: Decimal, limits: RiskSettings
) -> Decimal | None:
    stop = signal.stop_price
    if stop is None or not isfinite(stop) or stop <= 0:
        return None
    distance = signal.side.sign * (price - to_price(stop))
    if distance <= 0:
        return None
    return max(equity * limits.risk_per_trade / distance, ZERO)


def _none(code: str, value: Decimal = ZERO, detail: str = "") -> Sized:
    return ZERO, Check(code, passed=False, value=value, limit=ZERO, detail=detail)
