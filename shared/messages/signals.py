"""What strategies say."""

from decimal import Decimal
from typing import ClassVar

from msgspec import field

from shared.domain.values import Intent, OrderType, Side, TimeInForce
from shared.messages.base import Message


class Signal(Message, frozen=True, kw_only=True, tag="signal"):
    """A strategy wants to open or close a position; risk decides whether and how much.

    `quantity` None lets risk size it. `price` is the price the strategy looked at, `stop_price`
    its protective stop, if any, both per share; `trigger_price` is that of an order which
    is a stop itself. `values` are the numbers it looked at, for `why`.
    """

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)
    STORY: ClassVar[str | None] = ""

    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    price: float
    valid_until_ns: int
    quantity: Decimal | None = None
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: float | None = None
    reason: str = ""
    values: dict[str, float] = field(default_factory=dict)
    trigger_price: Decimal | None = None


class Suppressed(Message, frozen=True, kw_only=True, tag="suppressed"):
    """A strategy would have spoken, and why it did not: inactive, historical, error …"""

    SUBJECT: ClassVar[tuple[str, ...]] = ("symbol",)

    strategy_id: str
    symbol: str
    code: str
    detail: str = ""
    values: dict[str, float] = field(default_factory=dict)
