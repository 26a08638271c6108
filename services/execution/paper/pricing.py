"""At what price, and how much of, an order fills when the market offers something.

A bar, a print and a quote are one thing here, an `Offer`. Nothing fills on what was known when
the order was made: an offer counts only when it began at or after the order's time. What takes
liquidity (a market order, a stop, a limit that is met at once) pays the open, or the quote's far
side, and slippage. A limit that waits fills at its limit: on trades only when the price went
through it, since a touch may have served the queue before us; on a quote as soon as the far side
reaches it, since that is an offer to us. A stop is triggered by a touch and fills at its trigger
price, at the open on a gap. Prices are rounded to the tick, against the trader.
"""

from datetime import date
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from math import sqrt

from msgspec import Struct
from msgspec.structs import replace

from services.execution.config import PaperSettings
from services.execution.paper.state import Resting
from shared.domain.positions import QUANTITY_STEP
from shared.domain.sessions import NS_PER_DAY, session_of_utc_day
from shared.domain.values import (
    CENT,
    NS_PER_S,
    PRICE_STEP,
    ZERO,
    OrderType,
    Side,
    Timeframe,
    to_price,
)
from shared.messages.market import Bar, QuoteTick, TradeTick

BASIS_POINT = Decimal("0.0001")
ONE = Decimal(1)
_EPOCH = date(1970, 1, 1).toordinal()


class Offer(Struct, frozen=True):
    """What the market offers at one moment: prices per share and shares, for buyers and sellers.

    `buy` is what a buyer would pay at once, `lowest` the lowest price traded (a buyer's limit must
    lie above it); `sell` and `highest` mirror them. `begins_ns` is when it could first be had,
    `day` the New York date. A quote's sides are apart; of trades there is one volume, which buyers
    and sellers share. `reach` is how far prices lie apart (the bar's range, the quote's spread)
    and `volume` what traded or was shown: what slippage is made of.

    `is_regular` says that it began within a session, `is_session` that it covers a whole one,
    `is_opening` and `is_closing` that it holds the session's first and last price (`close`).
    """

    begins_ns: int
    day: str
    buy: float
    sell: float
    lowest: float
    highest: float
    close: float
    buyable: Decimal
    sellable: Decimal
    reach: float = 0.0
    volume: float = 0.0
    is_quote: bool = False
    is_regular: bool = True
    is_session: bool = False
    is_opening: bool = False
    is_closing: bool = False


def offer_of_bar(bar: Bar, participation: Decimal) -> Offer:
    """A bar: its open for whoever waited, its range for limits, a share of its volume."""
    shares = _whole_share(bar.volume, participation)
    start_ns, is_session = bar.start_ns, bar.timeframe is Timeframe.D1
    session = session_of_utc_day(start_ns)
    is_regular = is_opening = is_closing = is_session
    if session is not None and not is_session and session.open_ns <= start_ns < session.close_ns:
        is_regular, is_opening = True, start_ns == session.open_ns
        is_closing = start_ns + bar.timeframe.seconds * NS_PER_S >= session.close_ns
    return Offer(
        begins_ns=start_ns,
        day=_utc_date(start_ns) if session is None else session.date,
        buy=bar.open,
        sell=bar.open,
        lowest=bar.low,
        highest=bar.high,
        close=bar.close,
        buyable=shares,
        sellable=shares,
        reach=bar.high - bar.low,
        volume=bar.volume,
        is_regular=is_regular,
        is_session=is_session,
        is_opening=is_opening,
        is_closing=is_closing,
    )


def offer_of_trade(tick: TradeTick, participation: Decimal) -> Offer:
    """A print: we get a share of what others traded."""
    shares = _whole_share(tick.size, participation)
    day, is_regular = _moment(tick.ts_ns)
    price = tick.price
    return Offer(
        begins_ns=tick.ts_ns,
        day=day,
        buy=price,
        sell=price,
        lowest=price,
        highest=price,
        close=price,
        buyable=shares,
        sellable=shares,
        volume=tick.size,
        is_regular=is_regular,
    )


def offer_of_quote(tick: QuoteTick) -> Offer:
    """A quote: buyers take the ask, sellers the bid, up to the size shown."""
    day, is_regular = _moment(tick.ts_ns)
    has_both = tick.bid > 0 and tick.ask > 0
    return Offer(
        begins_ns=tick.ts_ns,
        day=day,
        buy=tick.ask,
        sell=tick.bid,
        lowest=tick.ask,
        highest=tick.bid,
        close=(tick.bid + tick.ask) / 2,
        buyable=_shares(tick.ask_size) if tick.ask > 0 else ZERO,
        sellable=_shares(tick.bid_size) if tick.bid > 0 else ZERO,
        reach=max(tick.ask - tick.bid, 0.0) if has_both else 0.0,
        volume=min(tick.bid_size, tick.ask_size),
        is_quote=True,
        is_regular=is_regular,
    )


def at_one_price(offer: Offer, price: float) -> Offer:
    """Return the part of an offer that an auction is: everything at one price."""
    return replace(offer, buy=price, sell=price, lowest=price, highest=price)


def fill_price(
    order: Resting, offer: Offer, quantity: Decimal, settings: PaperSettings
) -> Decimal | None:
    """Return the price per share at which `quantity` fills on this offer; None: it does not.

    Whether there are shares to be had, and noting that a trigger was met, is the caller's.
    """
    kind = order.order_type
    if order.trigger_price is not None and not order.is_triggered:
        return _stop_price(order, offer, quantity, settings)
    at_once = to_price(offer.buy if order.side is Side.BUY else offer.sell)
    if kind is OrderType.MARKET or kind is OrderType.STOP:
        return _slipped(at_once, order.side, offer, quantity, settings)
    return _limit_price(order, at_once, offer, quantity, settings)


def meets_trigger(order: Resting, offer: Offer) -> bool:
    """Tell whether a price of the offer touches a stop's trigger price."""
    trigger = order.trigger_price
    if trigger is None:
        return False
    if order.side is Side.BUY:
        return to_price(offer.buy if offer.is_quote else offer.highest) >= trigger
    lowest = offer.sell if offer.is_quote else offer.lowest
    return 0 < to_price(lowest) <= trigger  # 0: nobody bids


def _stop_price(
    order: Resting, offer: Offer, quantity: Decimal, settings: PaperSettings
) -> Decimal | None:
    trigger = order.trigger_price
    if trigger is None or not meets_trigger(order, offer):
        return None
    sign = order.side.sign
    at_once = to_price(offer.buy if sign > 0 else offer.sell)
    is_gap = sign * (at_once - trigger) >= 0
    price = _slipped(at_once if is_gap else trigger, order.side, offer, quantity, settings)
    limit = order.limit_price
    if order.order_type is OrderType.STOP or limit is None:
        return price
    if sign * (limit - price) >= 0:
        return price
    # Triggered at the open the whole bar follows, so what it trades through counts; triggered
    # within it, nobody knows which prices came after.
    return _limit_price(order, at_once, offer, quantity, settings) if is_gap else None


def _limit_price(
    order: Resting, at_once: Decimal, offer: Offer, quantity: Decimal, settings: PaperSettings
) -> Decimal | None:
    if order.limit_price is None:
        return None
    is_buy = order.side is Side.BUY
    limit = _to_tick(order.limit_price, settings, ROUND_FLOOR if is_buy else ROUND_CEILING)
    edge = to_price(offer.lowest if is_buy else offer.highest)
    room = order.side.sign * (limit - edge)
    is_touch = room == 0 and not offer.is_quote and settings.limit_fills == "through"
    if room < 0 or is_touch:
        return None
    price = _slipped(at_once, order.side, offer, quantity, settings)
    return min(price, limit) if is_buy else max(price, limit)


def _slipped(
    price: Decimal, side: Side, offer: Offer, quantity: Decimal, settings: PaperSettings
) -> Decimal:
    """Return what whoever takes liquidity gets instead of `price`, on the tick.

    The impact of size is the square-root law, as in Almgren, Thum, Hauptmann, Li: "Direct
    Estimation of Equity Market Impact" (2005) and Toth et al. (2011), with the bar's range for
    volatility and the bar's volume for the market's.
    """
    model, is_buy = settings.slippage_model, side is Side.BUY
    if model != "none":
        spread = settings.slippage_bps * BASIS_POINT
        price *= ONE + spread if is_buy else ONE - spread
        away = 0.0
        if model == "volatility":
            away = settings.slippage_range * offer.reach
        elif model == "impact" and offer.volume > 0:
            away = settings.slippage_impact * offer.reach * sqrt(float(quantity) / offer.volume)
        if away > 0:
            price = price + to_price(away) if is_buy else price - to_price(away)
    on_tick = _to_tick(price, settings, ROUND_CEILING if is_buy else ROUND_FLOOR)
    return max(on_tick, settings.tick_size or PRICE_STEP)


def _to_tick(price: Decimal, settings: PaperSettings, rounding: str) -> Decimal:
    tick = settings.tick_size
    if tick is None:
        return price.quantize(CENT if price >= ONE else PRICE_STEP, rounding)
    return (price / tick).to_integral_value(rounding) * tick


def _moment(ts_ns: int) -> tuple[str, bool]:
    """Return the New York date of a tick, and whether it lies within a session."""
    session = session_of_utc_day(ts_ns)
    if session is None:
        return _utc_date(ts_ns), False
    return session.date, session.holds(ts_ns)


def _utc_date(ts_ns: int) -> str:
    return date.fromordinal(_EPOCH + ts_ns // NS_PER_DAY).isoformat()


def _whole_share(volume: float, participation: Decimal) -> Decimal:
    return _shares(volume) * participation // ONE


def _shares(size: float) -> Decimal:
    if not size > 0:
        return ZERO
    if size.is_integer():
        return Decimal(int(size))
    return Decimal(repr(size)).quantize(QUANTITY_STEP, ROUND_DOWN)
