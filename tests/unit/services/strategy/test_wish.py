from decimal import Decimal

import pytest
from msgspec.structs import replace

from services.strategy.wish import Wish, decimal_of, finite, limit_of, positive
from shared.domain.values import Intent, Side


def test_a_wish_says_itself_in_words() -> None:
    wish = Wish("A", Side.BUY, Intent.OPEN, Decimal(5), None, None, "why", None)
    assert str(wish) == "buy to open 5: why"
    assert str(replace(wish, quantity=None, reason="")) == "buy to open"


def test_a_quantity_is_taken_as_it_is_written() -> None:
    assert decimal_of(0.1) == Decimal("0.1")
    assert decimal_of("2.50") == Decimal("2.50")
    assert decimal_of(None) is None


def test_a_limit_is_a_price_that_can_be_booked() -> None:
    assert limit_of(1.00005) == Decimal("1.0000")
    assert limit_of(Decimal("1.25")) == Decimal("1.25")
    assert limit_of(None) is None
    with pytest.raises(ValueError, match="a limit price is above 0, was -1"):
        limit_of(-1)


def test_a_price_is_finite_and_above_zero() -> None:
    assert positive(1, "stop price") == 1.0
    with pytest.raises(ValueError, match="a stop price is above 0, was nan"):
        positive(float("nan"), "stop price")


def test_numbers_without_json_are_left_out() -> None:
    assert finite({"a": 1, "b": float("inf")}, None, {"c": 2.5}) == {"a": 1.0, "c": 2.5}
