"""What was sent to the broker and what the broker said: the one lane with side effects."""

from decimal import Decimal
from typing import ClassVar

from msgspec import field

from shared.domain.values import ZERO
from shared.messages.base import Message


class BrokerMessage(Message, frozen=True, kw_only=True):
    """Fields that every fact about one order carries."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = "signal_id"

    client_order_id: str
    signal_id: str
    symbol: str


class Sending(BrokerMessage, frozen=True, kw_only=True, tag="sending"):
    """A request is about to leave; on the tape before it does."""

    attempt: int


class Ack(BrokerMessage, frozen=True, kw_only=True, tag="ack"):
    """The broker took the order."""

    broker_order_id: str


class Report(BrokerMessage, frozen=True, kw_only=True, tag="report"):
    """The broker reports an execution or an end. `kind`: fill, cancelled, expired.

    `fee_parts` are the fees by kind (`sec`, `taf`, `cat` …), as far as the broker names them.
    """

    kind: str
    execution_id: str = ""
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    commission: Decimal = ZERO
    fees: Decimal = ZERO
    reason: str = ""
    fee_parts: dict[str, Decimal] = field(default_factory=dict)


class Refused(BrokerMessage, frozen=True, kw_only=True, tag="refused"):
    """The order did not go out or did not come in. The gate's own codes are `expired`, `killed`
    and `halted`; others are the broker's (`insufficient_funds` …).
    """

    code: str
    detail: str = ""


class Doubtful(BrokerMessage, frozen=True, kw_only=True, tag="doubtful"):
    """Whether the broker has the order cannot be settled by itself: an operator has to look."""

    detail: str


class Outage(Message, frozen=True, kw_only=True, tag="outage"):
    """The tape was out of reach for `seconds`; meanwhile the adapter asked the broker to cancel
    the orders named. Recorded when the tape is back.
    """

    seconds: float
    cancelled: tuple[str, ...]


class Charge(Message, frozen=True, kw_only=True, tag="charge"):
    """The broker takes (negative: gives) money that belongs to no execution: `kind` is `borrow`
    for shares sold short, `interest` for borrowed cash. It counts once per `charge_id`.
    """

    charge_id: str
    kind: str
    amount: Decimal
    symbol: str = ""
    detail: str = ""


class BrokerSnapshot(Message, frozen=True, kw_only=True, tag="snapshot"):
    """Cash and positions as the broker states them."""

    cash: Decimal
    currency: str
    positions: dict[str, Decimal]
