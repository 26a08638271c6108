"""An order's row follows what execution states about it."""

from decimal import Decimal

from services.ledger.rows import OrderRow
from shared.domain.orders import OrderStatus
from shared.domain.values import Side
from shared.messages.orders import Cancelled, Cancelling, Expired, Rejected, Unknown
from tests.unit.services.ledger.story import Story


def last_row(story: Story) -> OrderRow:
    return story.rows(OrderRow)[-1]


def test_an_order_is_pending_then_accepted_then_filled() -> None:
    story = Story()
    order = story.submit(Side.BUY, "10")
    assert last_row(story).status is OrderStatus.PENDING
    story.accept(order)
    accepted = last_row(story)
    assert (accepted.status, accepted.broker_order_id) == (OrderStatus.ACCEPTED, "b1")
    story.fill(order, "4", "10", commission="1", is_complete=False)
    story.fill(order, "6", "11", commission="2", fees="0.5")
    row = last_row(story)
    assert row.status is OrderStatus.FILLED
    assert (row.filled_quantity, row.filled_notional) == (Decimal(10), Decimal(106))
    assert (row.commission, row.fees) == (Decimal(3), Decimal("0.5"))
    assert (row.opened_seq, row.updated_seq) == (1, 4)


def test_an_acknowledgement_after_a_fill_leaves_the_order_partially_filled() -> None:
    story = Story()
    order = story.submit(Side.BUY, "10")
    story.fill(order, "4", "10", is_complete=False)
    story.accept(order)
    assert last_row(story).status is OrderStatus.PARTIALLY_FILLED


def test_every_end_has_its_status_and_reason() -> None:
    story = Story()
    ends = (
        (Cancelled, {"filled_quantity": Decimal(0), "reason": "kill"}, "cancelled", "kill"),
        (Rejected, {"code": "funds", "detail": "too little"}, "rejected", "funds: too little"),
        (Rejected, {"code": "funds"}, "rejected", "funds"),
        (Expired, {"filled_quantity": Decimal(0)}, "expired", ""),
        (Unknown, {"detail": "timeout"}, "unknown", "timeout"),
        (Cancelling, {"reason": "operator"}, "pending", "operator"),
    )
    for kind, content, status, reason in ends:
        story.tell(kind, story.submit(Side.BUY, "1"), **content)
        row = last_row(story)
        assert (row.status, row.reason) == (status, reason)


def test_a_fact_about_an_order_that_is_over_changes_no_row() -> None:
    story = Story()
    order = story.submit(Side.BUY, "1")
    story.tell(Expired, order, filled_quantity=Decimal(0))
    story.rows(OrderRow)
    story.accept(order)
    assert story.rows(OrderRow) == []
