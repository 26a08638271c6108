"""The life of an order is a table, and nothing leaves it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvariantError
from shared.domain.orders import OrderStatus, can_move, move

TERMINAL = {
    OrderStatus.FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
}
STATUSES = st.sampled_from(OrderStatus)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_is_either_working_or_at_its_end(status: OrderStatus) -> None:
    assert status.is_terminal is (status in TERMINAL)
    assert status.is_working is not status.is_terminal


@given(STATUSES, STATUSES)
def test_nothing_leaves_an_end_and_nothing_returns_to_pending(
    before: OrderStatus, after: OrderStatus
) -> None:
    if before.is_terminal or after is OrderStatus.PENDING:
        assert not can_move(before, after)


@given(STATUSES, STATUSES)
def test_a_move_that_the_table_does_not_hold_stops_the_process(
    before: OrderStatus, after: OrderStatus
) -> None:
    if can_move(before, after):
        assert move(before, after, "o-1") is after
    else:
        with pytest.raises(InvariantError, match=r"INV-ORDER-STATE.*o-1"):
            move(before, after, "o-1")


def test_a_fill_may_arrive_before_the_acknowledgement() -> None:
    assert can_move(OrderStatus.PENDING, OrderStatus.FILLED)


def test_what_is_partly_filled_can_no_longer_be_rejected() -> None:
    assert not can_move(OrderStatus.PARTIALLY_FILLED, OrderStatus.REJECTED)


def test_an_unknown_order_is_settled_by_any_fact_but_not_by_asking_again() -> None:
    settled = set(OrderStatus) - {OrderStatus.PENDING, OrderStatus.UNKNOWN}
    assert {after for after in OrderStatus if can_move(OrderStatus.UNKNOWN, after)} == settled


@pytest.mark.parametrize("status", [status for status in OrderStatus if status.is_working])
def test_every_working_order_can_reach_an_end(status: OrderStatus) -> None:
    assert any(can_move(status, end) for end in TERMINAL)
