"""Positions: what fills and corporate actions make of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvariantError
from shared.domain.positions import (
    FLAT,
    Position,
    apply_fill,
    dividend,
    is_news,
    split_quantity,
)

QUANTITIES = st.decimals(-10_000, 10_000, places=3).filter(bool)
PRICES = st.decimals("0.0001", 100_000, places=4)


def _position(quantity: str, cost: str) -> Position:
    return Position(Decimal(quantity), Decimal(cost))


@pytest.mark.parametrize(
    ("before", "quantity", "price", "after", "realized"),
    [
        (("0", "0"), "10", "5", ("10", "50"), "0"),  # opens
        (("10", "50"), "10", "7", ("20", "120"), "0"),  # adds
        (("20", "120"), "-5", "8", ("15", "90"), "10"),  # reduces
        (("15", "90"), "-15", "4", ("0", "0"), "-30"),  # closes
        (("10", "50"), "-15", "6", ("-5", "-30"), "10"),  # flips
        (("-10", "-50"), "4", "3", ("-6", "-30"), "8"),  # covers
        (("-10", "-50"), "12", "6", ("2", "12"), "-10"),  # flips back
    ],
)
def test_a_fill(
    before: tuple[str, str], quantity: str, price: str, after: tuple[str, str], realized: str
) -> None:
    position, gained = apply_fill(_position(*before), Decimal(quantity), Decimal(price))
    assert position == _position(*after)
    assert gained == Decimal(realized)


@given(st.lists(st.tuples(QUANTITIES, PRICES), max_size=30))
def test_no_fill_makes_or_loses_money_by_rounding(fills: list[tuple[Decimal, Decimal]]) -> None:
    position, cash, realized = FLAT, Decimal(0), Decimal(0)
    for quantity, price in fills:
        before = position
        position, gained = apply_fill(before, quantity, price)
        cash -= quantity * price
        realized += gained
        assert -quantity * price == gained - (position.cost - before.cost)
        assert position.quantity * position.cost >= 0
        assert position.quantity or not position.cost
    assert cash + position.cost == realized


def test_a_fill_of_nothing_is_an_error_of_ours() -> None:
    with pytest.raises(InvariantError, match="INV-POSITION"):
        apply_fill(FLAT, Decimal(0), Decimal(1))


def test_averages_and_unrealized_profit() -> None:
    position = _position("-10", "-50")
    assert position.average_cost == 5
    assert position.unrealized_pnl(Decimal(4)) == 10
    assert FLAT.average_cost == 0


@pytest.mark.parametrize(
    ("quantity", "ratio", "after"),
    [
        ("100", 4.0, "400"),
        ("-100", 1.5, "-150"),
        ("300", 1 / 3, "100"),
        ("100", 0.1, "10"),
        ("7", 1 / 7, "1"),
        ("100", 1 / 3, "33.333333333"),
        ("0", 2.0, "0"),
    ],
)
def test_a_split_multiplies_the_shares(quantity: str, ratio: float, after: str) -> None:
    assert str(split_quantity(Decimal(quantity), ratio)) == after


@pytest.mark.parametrize("ratio", [0.0, -1.0])
def test_a_split_into_nothing_is_an_error(ratio: float) -> None:
    with pytest.raises(InvariantError, match="INV-ACTION"):
        split_quantity(Decimal(1), ratio)


def test_a_dividend_is_paid_in_cents_and_by_shorts() -> None:
    assert dividend(Decimal(3), 0.125) == Decimal("0.38")
    assert dividend(Decimal(-100), 0.24) == Decimal("-24.00")


def test_an_action_is_news_once() -> None:
    seen: dict[str, str] = {}
    assert is_news(seen, "AAPL", "split", "2026-01-06")
    assert not is_news(seen, "AAPL", "split", "2026-01-06")
    assert not is_news(seen, "AAPL", "split", "2025-01-06")
    assert is_news(seen, "AAPL", "dividend", "2026-01-06")
    assert is_news(seen, "AAPL", "split", "2026-02-06")
