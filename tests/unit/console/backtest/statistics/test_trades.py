"""Round trips, worked out by hand."""

from decimal import Decimal

import pytest

from console.backtest.result import Fill
from console.backtest.statistics.trades import Trade, round_trips
from shared.domain.values import Intent, Side


def fill(
    at: int, side: Side, quantity: int, price: float, fees: float = 0.0, of: str = "s"
) -> Fill:
    return Fill(
        seq=at, ts_ns=at, strategy_id=of, order_id=f"o{at}", symbol="AAA", side=side,
        intent=Intent.OPEN, quantity=Decimal(quantity), price=Decimal(str(price)),
        fees=Decimal(str(fees)),
    )  # fmt: skip


def trips(*fills: Fill, last: float = 0.0) -> list[Trade]:
    return round_trips(fills, {"AAA": last}, 99)


def test_partial_fills_and_additions_are_one_round_trip() -> None:
    (trade,) = trips(
        fill(1, Side.BUY, 10, 100.0, 1.0),
        fill(2, Side.BUY, 30, 102.0, 1.0),
        fill(3, Side.SELL, 15, 105.0, 0.5),
        fill(4, Side.SELL, 25, 101.0, 0.5),
    )

    assert (trade.entry_ns, trade.exit_ns, trade.quantity) == (1, 4, 40.0)
    assert trade.entry_price == pytest.approx(101.5)
    assert trade.exit_price == pytest.approx(102.5)
    assert trade.profit == pytest.approx(40 * 1.0 - 3.0)
    assert trade.is_long


def test_a_fill_that_turns_the_position_ends_one_and_begins_the_next() -> None:
    first, second = trips(
        fill(1, Side.BUY, 10, 100.0),
        fill(2, Side.SELL, 15, 110.0, 3.0),
        fill(3, Side.BUY, 5, 100.0),
    )

    assert (first.profit, first.fees) == pytest.approx((98.0, 2.0))
    assert (second.profit, second.fees, second.is_long) == pytest.approx((49.0, 1.0, False))


def test_an_open_position_is_counted_at_the_last_price() -> None:
    (trade,) = trips(fill(1, Side.SELL, 10, 100.0, 1.0), fill(2, Side.BUY, 4, 90.0, 1.0), last=95.0)

    assert trade.is_open
    assert trade.profit == pytest.approx(4 * 10 + 6 * 5 - 2)


def test_strategies_in_one_symbol_have_trips_of_their_own() -> None:
    first, second = trips(
        fill(1, Side.BUY, 10, 100.0, of="a"),
        fill(2, Side.SELL, 10, 101.0, of="b"),
        fill(3, Side.SELL, 10, 102.0, of="a"),
        fill(4, Side.BUY, 10, 100.0, of="b"),
    )

    assert (first.strategy_id, second.strategy_id) == ("a", "b")
    assert (first.profit, second.profit) == pytest.approx((20.0, 10.0))


def test_what_was_bought_before_a_split_is_counted_in_new_shares() -> None:
    bought, sold = fill(1, Side.BUY, 10, 100.0), fill(5, Side.SELL, 40, 26.0, 2.0)
    (trade,) = round_trips([bought, sold], {"AAA": 26.0}, 99, {"AAA": [(3, 4.0)]})
    assert (trade.quantity, trade.entry_price, trade.exit_price) == (40.0, 25.0, 26.0)
    assert trade.profit == pytest.approx(38.0)
    (still,) = round_trips([bought], {"AAA": 26.0}, 99, {"AAA": [(3, 4.0)], "BBB": [(3, 2.0)]})
    assert still.is_open
    assert (still.quantity, still.profit) == pytest.approx((40.0, 40.0))
