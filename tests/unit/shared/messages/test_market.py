"""A quote makes a price when both of its sides are there."""

import pytest

from shared.messages.market import QuoteTick


def test_the_price_of_a_quote_lies_in_the_middle() -> None:
    assert QuoteTick(1, 99.0, 101.0, 100.0, 200.0).mid == 100.0


@pytest.mark.parametrize("bid", [(0.0, 100.0), (99.0, 0.0), (float("nan"), 100.0)])
def test_a_quote_without_one_side_makes_no_price(bid: tuple[float, float]) -> None:
    (price, size), (ask, ask_size) = bid, (101.0, 200.0)
    assert QuoteTick(1, price, ask, size, ask_size).mid is None
    assert QuoteTick(1, ask, price, ask_size, size).mid is None
