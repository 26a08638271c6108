"""At what price an order fills on what the market offers."""

from decimal import Decimal

import pytest

from services.execution.config import PaperSettings
from services.execution.paper.pricing import (
    Offer,
    at_one_price,
    fill_price,
    meets_trigger,
    offer_of_bar,
    offer_of_quote,
    offer_of_trade,
)
from services.execution.paper.state import Resting
from shared.domain.values import NS_PER_S, OrderType, Side, Timeframe, TimeInForce
from shared.messages.market import Bar, QuoteTick, TradeTick
from tests.unit.services.execution.talk import MINUTE_NS, OPEN_NS

SPREAD = PaperSettings(slippage_model="spread")  # 5 basis points and nothing else
TENTH = Decimal("0.10")
CLOSE_NS = OPEN_NS + 390 * MINUTE_NS


def _order(
    side: Side,
    limit: str | None = None,
    trigger: str | None = None,
    *,
    is_triggered: bool = False,
) -> Resting:
    kinds = {
        (False, False): OrderType.MARKET,
        (True, False): OrderType.LIMIT,
        (False, True): OrderType.STOP,
        (True, True): OrderType.STOP_LIMIT,
    }
    return Resting(
        client_order_id="o",
        signal_id="s",
        symbol="AAPL",
        side=side,
        quantity=Decimal(10),
        order_type=kinds[limit is not None, trigger is not None],
        limit_price=None if limit is None else Decimal(limit),
        time_in_force=TimeInForce.DAY,
        number=1,
        since_ns=0,
        session="",
        remaining=Decimal(10),
        trigger_price=None if trigger is None else Decimal(trigger),
        is_triggered=is_triggered,
    )


def _bar(
    opened: float,
    high: float,
    low: float,
    timeframe: Timeframe = Timeframe.M1,
    start_ns: int = OPEN_NS,
    volume: float = 1_239.0,
) -> Bar:
    return Bar(
        symbol="AAPL",
        timeframe=timeframe,
        start_ns=start_ns,
        open=opened,
        high=high,
        low=low,
        close=low,
        volume=volume,
    )


def _price(
    order: Resting, offer: Offer, settings: PaperSettings = SPREAD, quantity: int = 10
) -> str | None:
    price = fill_price(order, offer, Decimal(quantity), settings)
    return None if price is None else f"{price.normalize():f}"


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, None, "100.05"),
        (Side.SELL, None, "99.95"),
        (Side.BUY, "98.50", "98.5"),  # traded through: at the limit
        (Side.BUY, "98.00", None),  # only touched
        (Side.BUY, "101.00", "100.05"),  # met at the open, which it takes as a market order does
        (Side.BUY, "100.02", "100.02"),  # and never at a price beyond the limit
        (Side.SELL, "102.50", "102.5"),
        (Side.SELL, "103.00", None),
        (Side.SELL, "99.00", "99.95"),
        (Side.BUY, "98.009", None),  # no venue takes parts of a cent: it rests at 98.00
        (Side.SELL, "102.991", None),  # at 103.00
    ],
)
def test_on_a_bar(side: Side, limit: str | None, price: str | None) -> None:
    offer = offer_of_bar(_bar(100.0, 103.0, 98.0), TENTH)
    assert _price(_order(side, limit), offer) == price


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "98.00"), (Side.SELL, "103.00")])
def test_a_touch_is_enough_where_the_settings_say_so(side: Side, limit: str) -> None:
    offer = offer_of_bar(_bar(100.0, 103.0, 98.0), TENTH)
    hopeful = PaperSettings(limit_fills="touch")
    assert fill_price(_order(side, limit), offer, Decimal(10), hopeful) == Decimal(limit)


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, None, "100.08"),  # 100.02 * 1.0005 = 100.07001, up to the cent
        (Side.SELL, None, "99.95"),
        (Side.BUY, "100.02", "100.02"),  # the ask is an offer to us
        (Side.BUY, "100.01", None),
        (Side.SELL, "100.00", "100"),
        (Side.SELL, "100.01", None),
    ],
)
def test_on_a_quote(side: Side, limit: str | None, price: str | None) -> None:
    offer = offer_of_quote(QuoteTick(OPEN_NS, 100.0, 100.02, 300.0, 200.0))
    assert _price(_order(side, limit), offer) == price


@pytest.mark.parametrize(
    ("side", "trigger", "limit", "price"),
    [
        # The bar opens at 100 and goes to 103 and to 98.
        (Side.BUY, "102", None, "102.06"),  # 102 * 1.0005 = 102.051, up to the cent
        (Side.BUY, "103", None, "103.06"),  # a touch triggers: 103.0515
        (Side.BUY, "103.01", None, None),
        (Side.BUY, "99", None, "100.05"),  # a gap: the open was already beyond it
        (Side.SELL, "99", None, "98.95"),  # 99 * 0.9995 = 98.9505, down
        (Side.SELL, "98", None, "97.95"),  # 97.951
        (Side.SELL, "97.99", None, None),
        (Side.SELL, "101", None, "99.95"),  # a gap
        (Side.BUY, "102", "102.10", "102.06"),
        (Side.BUY, "102", "102.05", None),  # triggered, but slipped beyond its limit
        (Side.SELL, "101", "99.97", "99.97"),  # gap at the open; the bar then trades through
        (Side.SELL, "101", "103", None),
        (Side.SELL, "99", "98.90", "98.95"),
    ],
)
def test_a_stop_on_a_bar(side: Side, trigger: str, limit: str | None, price: str | None) -> None:
    offer = offer_of_bar(_bar(100.0, 103.0, 98.0), TENTH)
    assert _price(_order(side, limit, trigger), offer) == price


def test_a_stop_that_was_triggered_is_what_it_became() -> None:
    offer = offer_of_bar(_bar(100.0, 103.0, 98.0), TENTH)
    assert _price(_order(Side.BUY, None, "150", is_triggered=True), offer) == "100.05"
    assert _price(_order(Side.BUY, "99", "150", is_triggered=True), offer) == "99"


def test_a_stop_looks_at_the_far_side_of_a_quote() -> None:
    offer = offer_of_quote(QuoteTick(OPEN_NS, 100.0, 102.0, 300.0, 200.0))
    assert _price(_order(Side.BUY, None, "101"), offer) == "102.06"  # 102.051
    assert _price(_order(Side.SELL, None, "101"), offer) == "99.95"
    assert not meets_trigger(_order(Side.BUY), offer)


@pytest.mark.parametrize(
    ("model", "quantity", "price"),
    [
        ("none", 100, "100"),
        ("spread", 100, "100.05"),
        ("volatility", 100, "100.55"),  # and 0.1 * (103 - 98)
        ("impact", 100, "100.3"),  # and 0.5 * 5 * sqrt(100 / 10,000) = 0.25
        ("impact", 900, "100.8"),  # 0.5 * 5 * 0.3 = 0.75
    ],
)
def test_the_models_of_slippage(model: str, quantity: int, price: str) -> None:
    offer = offer_of_bar(_bar(100.0, 103.0, 98.0, volume=10_000.0), TENTH)
    settings = PaperSettings.model_validate({"slippage_model": model})
    assert _price(_order(Side.BUY), offer, settings, quantity) == price
    mirrored = 200 - Decimal(price)
    sold = fill_price(_order(Side.SELL), offer, Decimal(quantity), settings)
    assert sold == mirrored


@pytest.mark.parametrize(
    ("opened", "tick", "bought", "sold"),
    [
        (100.001, None, "100.01", "100"),  # a cent from one dollar on
        (0.5001, None, "0.5001", "0.5001"),  # 0.0001 below
        (100.02, Decimal("0.05"), "100.05", "100"),
        (100.1234, Decimal("0.0001"), "100.1234", "100.1234"),
    ],
)
def test_prices_are_rounded_to_the_tick_against_the_trader(
    opened: float, tick: Decimal | None, bought: str, sold: str
) -> None:
    settings = PaperSettings(slippage_model="none", tick_size=tick)
    offer = offer_of_bar(_bar(opened, opened, opened), TENTH)
    found = _price(_order(Side.BUY), offer, settings), _price(_order(Side.SELL), offer, settings)
    assert found == (bought, sold)


def test_what_can_be_had() -> None:
    bar = offer_of_bar(_bar(1.0, 1.0, 1.0), TENTH)
    assert (bar.begins_ns, bar.buyable, bar.sellable) == (OPEN_NS, Decimal(123), Decimal(123))
    assert (bar.day, bar.is_session) == ("2026-01-05", False)
    assert offer_of_bar(_bar(1.0, 1.0, 1.0, Timeframe.D1), TENTH).is_session
    quote = offer_of_quote(QuoteTick(OPEN_NS, 0.0, 1.0, 300.0, 200.0))
    assert (quote.buyable, quote.sellable, quote.reach) == (Decimal(200), Decimal(0), 0.0)
    assert offer_of_trade(TradeTick(OPEN_NS, 1.0, 55.0), TENTH).buyable == 5


@pytest.mark.parametrize(
    ("start_ns", "timeframe", "regular", "opening", "closing"),
    [
        (OPEN_NS - MINUTE_NS, Timeframe.M1, False, False, False),
        (OPEN_NS, Timeframe.M1, True, True, False),
        (OPEN_NS + MINUTE_NS, Timeframe.M1, True, False, False),
        (CLOSE_NS - MINUTE_NS, Timeframe.M1, True, False, True),
        (CLOSE_NS - 30 * MINUTE_NS, Timeframe.H1, True, False, True),  # cut at the close
        (CLOSE_NS, Timeframe.M1, False, False, False),
        (OPEN_NS, Timeframe.D1, True, True, True),
        # 2026-11-27, the day after Thanksgiving, closes at 13:00 New York: 18:00 UTC
        (1_795_802_340_000_000_000, Timeframe.M1, True, False, True),
        (1_795_802_400_000_000_000, Timeframe.M1, False, False, False),
    ],
)
def test_which_part_of_a_session_a_bar_is(
    start_ns: int, timeframe: Timeframe, *, regular: bool, opening: bool, closing: bool
) -> None:
    offer = offer_of_bar(_bar(1.0, 1.0, 1.0, timeframe, start_ns), TENTH)
    found = offer.is_regular, offer.is_opening, offer.is_closing
    assert found == (regular, opening, closing)


def test_ticks_know_whether_the_exchange_is_open() -> None:
    early, saturday = OPEN_NS - 1, OPEN_NS - 2 * 86_400 * NS_PER_S
    assert not offer_of_trade(TradeTick(early, 1.0, 55.0), TENTH).is_regular
    weekend = offer_of_quote(QuoteTick(saturday, 1.0, 1.1, 1.0, 1.0))
    assert (weekend.is_regular, weekend.day) == (False, "2026-01-03")


def test_where_nobody_bids_no_stop_is_met() -> None:
    offer = offer_of_quote(QuoteTick(OPEN_NS, 0.0, 102.0, 0.0, 200.0))
    assert not meets_trigger(_order(Side.SELL, None, "101"), offer)


def test_no_tick_carries_a_purchase_beyond_its_limit() -> None:
    settings = PaperSettings(tick_size=Decimal(1))
    offer = offer_of_bar(_bar(0.4, 0.6, 0.3), TENTH)
    assert _price(_order(Side.BUY, "0.5"), offer, settings) is None
    assert _price(_order(Side.BUY, "1.5"), offer, settings) == "1"


def test_an_auction_has_one_price() -> None:
    offer = at_one_price(offer_of_bar(_bar(100.0, 103.0, 98.0), TENTH), 98.0)
    assert _price(_order(Side.BUY, "98"), offer) is None
    assert _price(_order(Side.BUY, "98.01"), offer) == "98.01"
    assert _price(_order(Side.SELL), offer) == "97.95"  # 97.951


def test_a_market_sale_never_pays() -> None:
    offer = offer_of_bar(_bar(0.0001, 0.0001, 0.0001), TENTH)
    ruinous = PaperSettings(slippage_bps=Decimal(20_000))
    assert _price(_order(Side.SELL), offer, ruinous) == "0.0001"
