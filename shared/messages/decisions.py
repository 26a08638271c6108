"""What risk decides. Every decision lists the checks it rests on, with value and limit."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from shared.domain.values import Intent, OrderType, Side, TimeInForce
from shared.messages.base import Message


class Check(Struct, frozen=True):
    """One rule's finding: the measured value beside its limit, in the unit that `code` names."""

    code: str
    passed: bool
    value: Decimal
    limit: Decimal
    detail: str = ""


class Approved(Message, frozen=True, kw_only=True, tag="approved"):
    """The one kind of message that execution acts on."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = "signal_id"

    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce
    valid_until_ns: int
    checks: tuple[Check, ...] = ()
    trigger_price: Decimal | None = None


class Denied(Message, frozen=True, kw_only=True, tag="denied"):
    """Risk says no. `reasons` holds every check that failed, not the first."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = "signal_id"

    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    quantity: Decimal
    reasons: tuple[Check, ...]


class Violation(Message, frozen=True, kw_only=True, tag="violation"):
    """A limit was crossed by what happened, not by what somebody asked for."""

    code: str
    value: Decimal
    limit: Decimal
    detail: str = ""


class Halted(Message, frozen=True, kw_only=True, tag="halted"):
    """No new exposure until `resumed`. Closing remains allowed."""

    code: str
    detail: str = ""
    operator: str = ""


class Resumed(Message, frozen=True, kw_only=True, tag="resumed"):
    """The halt is over."""

    operator: str
    detail: str = ""


class Limits(Message, frozen=True, kw_only=True, tag="limits"):
    """An operator changed a limit; `key` as in the configuration, values as text."""

    key: str
    value: str
    previous: str
    operator: str
