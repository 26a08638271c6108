"""At what price an order fills on what the market offers."""

from decimal import Decimal

import pytest

from services.execution.paper.pricing import (
    fill_price,
    offer_of_bar,
    offer_of_quote,
    offer_of_trade,
)
from services.execution.paper.state import Resting
from shared.domain.values import OrderType, Side, Timeframe, TimeInForce
from shared.messages.market import Bar, QuoteTick, TradeTick

FIVE = Decimal(5)
TENTH = Decimal("0.10")


def _order(side: Side, limit: str | None = None) -> Resting:
    return Resting(
        client_order_id="o",
        signal_id="s",
        symbol="AAPL",
        side=side,
        quantity=Decimal(10),
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=None if limit is None else Decimal(limit),
        time_in_force=TimeInForce.DAY,
        number=1,
        since_ns=0,
        session="",
        remaining=Decimal(10),
    )


def _bar(opened: float, high: float, low: float, timeframe: Timeframe = Timeframe.M1) -> Bar:
    return Bar(
        symbol="AAPL",
        timeframe=timeframe,
        start_ns=7,
        open=opened,
        high=high,
        low=low,
        close=low,
        volume=1_239.0,
    )


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, None, "100.05"),
        (Side.SELL, None, "99.95"),
        (Side.BUY, "98.50", "98.50"),  # traded through: at the limit
        (Side.BUY, "98.00", None),  # only touched
        (Side.BUY, "101.00", "100"),  # the open was better
        (Side.SELL, "102.50", "102.50"),
        (Side.SELL, "103.00", None),
        (Side.SELL, "99.00", "100"),
    ],
)
def test_on_a_bar(side: Side, limit: str | None, price: str | None) -> None:
    offer = offer_of_bar(_bar(100.0, 103.0, 98.0), TENTH)
    expected = None if price is None else Decimal(price)
    assert fill_price(_order(side, limit), offer, FIVE) == expected


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, None, "100.0700"),
        (Side.SELL, None, "99.9500"),
        (Side.BUY, "100.02", "100.02"),  # the ask is an offer to us
        (Side.BUY, "100.01", None),
        (Side.SELL, "100.00", "100.00"),
        (Side.SELL, "100.01", None),
    ],
)
def test_on_a_quote(side: Side, limit: str | None, price: str | None) -> None:
    offer = offer_of_quote(QuoteTick(7, 100.0, 100.02, 300.0, 200.0))
    expected = None if price is None else Decimal(price)
    assert fill_price(_order(side, limit), offer, FIVE) == expected


def test_what_can_be_had() -> None:
    bar = offer_of_bar(_bar(1.0, 1.0, 1.0), TENTH)
    assert (bar.begins_ns, bar.buyable, bar.sellable) == (7, Decimal(123), Decimal(123))
    assert not bar.is_session
    assert offer_of_bar(_bar(1.0, 1.0, 1.0, Timeframe.D1), TENTH).is_session
    quote = offer_of_quote(QuoteTick(7, 0.0, 1.0, 300.0, 200.0))
    assert (quote.buyable, quote.sellable) == (Decimal(200), Decimal(0))
    assert offer_of_trade(TradeTick(7, 1.0, 55.0), TENTH).buyable == 5


def test_a_market_sale_never_pays() -> None:
    offer = offer_of_bar(_bar(0.0001, 0.0001, 0.0001), TENTH)
    assert fill_price(_order(Side.SELL), offer, Decimal(20_000)) == Decimal("0.0001")
