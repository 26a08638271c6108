"""What execution says: the life of each order, as facts.

Quantities are shares, prices per share, commission and fees money of the account's currency.
"""

from decimal import Decimal
from typing import ClassVar

from msgspec import field

from shared.domain.values import ZERO, Intent, OrderType, Side, TimeInForce
from shared.messages.base import Message


class OrderMessage(Message, frozen=True):
    """Fields that every message about one order carries, so that each can be read alone. They may
    be given by place; the others come by name.
    """

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = "signal_id"

    order_id: str
    client_order_id: str
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side


class Submitting(OrderMessage, frozen=True, kw_only=True, tag="submitting"):
    """The intent to send an order, on the tape before anything is sent."""

    intent: Intent
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce
    valid_until_ns: int
    trigger_price: Decimal | None = None


class Cancelling(OrderMessage, frozen=True, kw_only=True, tag="cancelling"):
    """The intent to cancel a working order."""

    reason: str = ""


class Accepted(OrderMessage, frozen=True, kw_only=True, tag="accepted"):
    """The broker has the order."""

    broker_order_id: str


class Filled(OrderMessage, frozen=True, kw_only=True, tag="filled"):
    """One execution. `cumulative_quantity` includes it; `is_complete` says the order is done.

    `fee_parts` are the fees by kind (`sec`, `taf`, `cat` …), as far as the broker names them.
    """

    execution_id: str
    intent: Intent
    quantity: Decimal
    price: Decimal
    commission: Decimal
    cumulative_quantity: Decimal
    order_quantity: Decimal
    is_complete: bool
    fees: Decimal = ZERO
    fee_parts: dict[str, Decimal] = field(default_factory=dict)


class Cancelled(OrderMessage, frozen=True, kw_only=True, tag="cancelled"):
    """The broker confirmed the cancel; what was filled before stays filled."""

    filled_quantity: Decimal
    reason: str = ""


class Rejected(OrderMessage, frozen=True, kw_only=True, tag="rejected"):
    """The order will not work: the broker said no, or our own gate did."""

    code: str
    detail: str = ""


class Expired(OrderMessage, frozen=True, kw_only=True, tag="expired"):
    """The order's time in force ended."""

    filled_quantity: Decimal


class Unknown(OrderMessage, frozen=True, kw_only=True, tag="unknown"):
    """The answer to a request was lost; an operator or a look-up has to settle it."""

    detail: str = ""


class Charged(Message, frozen=True, kw_only=True, tag="charged"):
    """The broker took (negative: gave) money that belongs to no execution. `kind` is `borrow` for
    shares sold short, `interest` for borrowed cash; `symbol` is "" when it belongs to none.
    """

    charge_id: str
    kind: str
    amount: Decimal
    symbol: str = ""
    detail: str = ""


class External(Message, frozen=True, kw_only=True, tag="external"):
    """Something the broker reports that this desk did not order."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)

    symbol: str
    detail: str


class Account(Message, frozen=True, kw_only=True, tag="account"):
    """The account as the broker states it; the first one opens the books."""

    cash: Decimal
    currency: str
    positions: dict[str, Decimal]
