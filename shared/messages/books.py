"""What the ledger says about the books."""

from decimal import Decimal

from shared.messages.base import Message


class ClosedDay(Message, frozen=True, kw_only=True, tag="closed_day"):
    """The state of the books at the close of one exchange session; money in `currency`."""

    session: str
    currency: str
    cash: Decimal
    equity: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    commission: Decimal
    fills: int
    is_balanced: bool


class Mismatch(Message, frozen=True, kw_only=True, tag="mismatch"):
    """The books and the broker disagree."""

    subject: str
    booked: Decimal
    stated: Decimal
    detail: str = ""
