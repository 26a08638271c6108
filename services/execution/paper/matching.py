"""One offer meets the orders that rest: who is served first, how much, and who ends with it.

Within one bar nobody knows which price came first, so the worse is taken to: whoever takes the
open, then stops, then limits, then the close. Of one kind, the order that came first is served
first, and all share what the offer has.
"""

from decimal import Decimal

from services.execution.config import PaperSettings
from services.execution.paper.account import execute
from services.execution.paper.pricing import Offer, at_one_price, fill_price, meets_trigger
from services.execution.paper.state import PaperState, Resting
from shared.domain.values import ZERO, OrderType, Side, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Report


def meet(
    state: PaperState, symbol: str, offer: Offer, settings: PaperSettings
) -> tuple[Message, ...]:
    """Serve a symbol's orders from one offer; return executions and ends in their order."""
    reports: list[Message] = []
    buyable, sellable = offer.buyable, offer.sellable
    orders = state.resting[symbol]
    for order in sorted(orders, key=_turn) if len(orders) > 1 else tuple(orders):
        seen = _seen_by(order, offer)
        if seen is None:
            continue
        is_buy = order.side is Side.BUY
        report = _fill(state, order, seen, buyable if is_buy else sellable, settings)
        if report is not None:
            reports.append(report)
            if is_buy or not offer.is_quote:
                buyable -= report.quantity
            if not (is_buy and offer.is_quote):
                sellable -= report.quantity
        reports += _after(state, order, offer)
    return tuple(reports)


def end(state: PaperState, order: Resting, kind: str, reason: str = "") -> Report:
    """Take an order out of the book and report why: `kind` cancelled or expired."""
    take_out(state, order)
    return Report(
        client_order_id=order.client_order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        kind=kind,
        reason=reason,
    )


def take_out(state: PaperState, order: Resting) -> None:
    """Remove an order from the book."""
    orders = state.resting[order.symbol]
    orders.remove(order)
    state.resting_count -= 1
    if not orders:
        del state.resting[order.symbol]


def _turn(order: Resting) -> int:
    if order.time_in_force is TimeInForce.CLS:
        return 3
    if order.trigger_price is not None and not order.is_triggered:
        return 1
    is_market = order.order_type in (OrderType.MARKET, OrderType.STOP)
    return 0 if is_market or order.time_in_force is TimeInForce.OPG else 2


def _seen_by(order: Resting, offer: Offer) -> Offer | None:
    """Return the part of an offer that an order may meet, None when it is not for it."""
    force = order.time_in_force
    if offer.begins_ns < order.since_ns:
        return None
    if not offer.is_regular and force is not TimeInForce.EXT:
        return None
    if force is TimeInForce.OPG:
        return at_one_price(offer, offer.buy) if offer.is_opening else None
    if force is TimeInForce.CLS:
        return at_one_price(offer, offer.close) if offer.is_closing else None
    return offer


def _fill(
    state: PaperState, order: Resting, offer: Offer, available: Decimal, settings: PaperSettings
) -> Report | None:
    if order.symbol in state.halted:
        return None
    quantity = min(order.remaining, available)
    price = fill_price(order, offer, quantity, settings) if quantity > ZERO else None
    if not order.is_triggered and meets_trigger(order, offer):
        order.is_triggered = True  # also when others took what there was: it is at work from now on
    if price is None:
        return None
    return execute(state, order, quantity, price, offer.day, settings)


def _after(state: PaperState, order: Resting, offer: Offer) -> tuple[Message, ...]:
    """Take a filled order out; end an IOC or an auction's order after its first chance, and a DAY
    order after a bar that was the whole day.
    """
    if not order.remaining:
        take_out(state, order)
        return ()
    force = order.time_in_force
    if force is TimeInForce.IOC or force is TimeInForce.OPG:
        return (end(state, order, "cancelled", force.value),)
    if force is TimeInForce.CLS or (force is TimeInForce.DAY and offer.is_session):
        return (end(state, order, "expired"),)
    return ()
