"""Values of the field keep their units and their exactness."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.values import PRICE_STEP, Side, Timeframe, to_cents, to_price

PRICES = st.floats(min_value=0.0001, max_value=10_000_000, allow_nan=False)


@given(st.sampled_from(Side))
def test_the_opposite_side_undoes_a_side(side: Side) -> None:
    assert side.opposite is not side
    assert side.opposite.opposite is side
    assert side.sign + side.opposite.sign == 0


def test_a_buy_adds() -> None:
    assert Side.BUY.sign == 1


def test_every_timeframe_has_a_length_and_they_grow() -> None:
    lengths = [timeframe.seconds for timeframe in Timeframe]
    assert lengths == sorted(set(lengths))
    assert Timeframe.M1.seconds == 60
    assert Timeframe.D1.seconds == 86_400


@given(PRICES)
def test_a_booked_price_is_the_market_price_to_half_a_step(price: float) -> None:
    booked = to_price(price)
    assert booked.as_tuple().exponent == PRICE_STEP.as_tuple().exponent
    assert abs(booked - Decimal(repr(price))) <= PRICE_STEP / 2


@pytest.mark.parametrize(
    ("price", "booked"),
    [(0.1, "0.1000"), (101.37, "101.3700"), (1e-4, "0.0001"), (2.00005, "2.0000"), (3, "3.0000")],
)
def test_a_price_is_booked_as_it_is_written_not_as_its_binary_is(price: float, booked: str) -> None:
    assert str(to_price(price)) == booked


def _by_its_text(price: float) -> str:
    return str(Decimal(repr(price)).quantize(PRICE_STEP, ROUND_HALF_EVEN))


@given(st.one_of(st.floats(min_value=-1e20, max_value=1e20), PRICES, st.integers(0, 10**12)))
def test_a_price_is_booked_as_its_text_is_rounded(price: float) -> None:
    assert str(to_price(price)) == _by_its_text(price)


@given(st.integers(0, 10**14), st.integers(-3, 3))
def test_a_price_halfway_between_two_steps_is_booked_as_its_text_is(half: int, ulps: int) -> None:
    price = half / 20_000
    for _ in range(abs(ulps)):
        price = nextafter(price, inf if ulps > 0 else -inf)
    assert str(to_price(price)) == _by_its_text(price)


@given(st.integers(0, 10**15), st.integers(0, 9))
def test_a_price_with_any_number_of_decimals_is_booked_as_its_text_is(
    digits: int, decimals: int
) -> None:
    price = digits / 10**decimals
    assert str(to_price(price)) == _by_its_text(price)


@pytest.mark.parametrize("price", [inf, -inf])
def test_a_price_without_end_is_none(price: float) -> None:
    with pytest.raises(InvalidOperation):
        to_price(price)


@pytest.mark.parametrize(
    ("amount", "cents"), [("0.005", "0.00"), ("0.015", "0.02"), ("-0.015", "-0.02"), ("1", "1.00")]
)
def test_money_rounds_to_cents_half_to_even(amount: str, cents: str) -> None:
    assert str(to_cents(Decimal(amount))) == cents
