"""At what price, and how much of, an order fills when the market offers something.

A bar, a print and a quote are one thing here, an `Offer`. Nothing fills on what was known when
the order was made: an offer counts only when it began at or after the order's time. A market
order pays the open (or the quote's far side) and slippage. A limit order fills at its limit or
at a better open: on trades only when the price went through the limit, since a touch may have
served the queue before us; on a quote as soon as the far side reaches it, since that is an offer
to us. Prices are booked in steps of 0.0001.
"""

from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from services.execution.paper.state import Resting
from shared.domain.positions import QUANTITY_STEP
from shared.domain.values import PRICE_STEP, ZERO, OrderType, Side, Timeframe, to_price
from shared.messages.market import Bar, QuoteTick, TradeTick

BASIS_POINT = Decimal("0.0001")


class Offer(Struct, frozen=True):
    """What the market offers at one moment: prices per share and shares, for buyers and sellers.

    `buy` is what a buyer would pay at once, `lowest` the lowest price traded (a buyer's limit must
    lie above it); `sell` and `highest` mirror them. `begins_ns` is when it could first be had.
    A quote's sides are apart; of trades there is one volume, which buyers and sellers share.
    `is_session` says that it covers a whole session.
    """

    begins_ns: int
    buy: float
    sell: float
    lowest: float
    highest: float
    buyable: Decimal
    sellable: Decimal
    is_quote: bool = False
    is_session: bool = False


def offer_of_bar(bar: Bar, participation: Decimal) -> Offer:
    """A bar: its open for whoever waited, its range for limits, a share of its volume."""
    shares = _whole_share(bar.volume, participation)
    return Offer(
        begins_ns=bar.start_ns,
        buy=bar.open,
        sell=bar.open,
        lowest=bar.low,
        highest=bar.high,
        buyable=shares,
        sellable=shares,
        is_session=bar.timeframe is Timeframe.D1,
    )


def offer_of_trade(tick: TradeTick, participation: Decimal) -> Offer:
    """A print: we get a share of what others traded."""
    shares = _whole_share(tick.size, participation)
    return Offer(tick.ts_ns, tick.price, tick.price, tick.price, tick.price, shares, shares)


def offer_of_quote(tick: QuoteTick) -> Offer:
    """A quote: buyers take the ask, sellers the bid, up to the size shown."""
    return Offer(
        begins_ns=tick.ts_ns,
        buy=tick.ask,
        sell=tick.bid,
        lowest=tick.ask,
        highest=tick.bid,
        buyable=_shares(tick.ask_size) if tick.ask > 0 else ZERO,
        sellable=_shares(tick.bid_size) if tick.bid > 0 else ZERO,
        is_quote=True,
    )


def fill_price(order: Resting, offer: Offer, slippage_bps: Decimal) -> Decimal | None:
    """Return the price per share at which the order fills on this offer; None: it does not.

    Whether there are shares to be had is the caller's question.
    """
    is_buy = order.side is Side.BUY
    price = to_price(offer.buy if is_buy else offer.sell)
    if order.order_type is OrderType.MARKET:
        slipped = price * (1 + order.side.sign * slippage_bps * BASIS_POINT)
        return max(slipped.quantize(PRICE_STEP), PRICE_STEP)
    limit = order.limit_price
    if limit is None:
        return None
    edge = to_price(offer.lowest if is_buy else offer.highest)
    room = order.side.sign * (limit - edge)
    if room < 0 or (room == 0 and not offer.is_quote):
        return None
    return min(price, limit) if is_buy else max(price, limit)


def _whole_share(volume: float, participation: Decimal) -> Decimal:
    return (_shares(volume) * participation).quantize(Decimal(1), ROUND_DOWN)


def _shares(size: float) -> Decimal:
    if not size > 0:
        return ZERO
    if size.is_integer():
        return Decimal(int(size))
    return Decimal(repr(size)).quantize(QUANTITY_STEP, ROUND_DOWN)
