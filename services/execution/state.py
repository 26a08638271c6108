"""What execution knows: plain data, written by the core alone, JSON in a snapshot."""

from decimal import Decimal
from typing import TypedDict

from msgspec import Struct, field

from shared.domain.orders import OrderStatus
from shared.domain.values import ZERO, Intent, Side


class Names(TypedDict):
    """The fields that every message about one order carries."""

    order_id: str
    client_order_id: str
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side


class Order(Struct):
    """An order that is not over."""

    order_id: str
    client_order_id: str
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    quantity: Decimal
    filled: Decimal = ZERO
    status: OrderStatus = OrderStatus.PENDING
    is_cancelling: bool = False

    @property
    def names(self) -> Names:
        """What every message about this order says."""
        return {
            "order_id": self.order_id,
            "client_order_id": self.client_order_id,
            "signal_id": self.signal_id,
            "strategy_id": self.strategy_id,
            "symbol": self.symbol,
            "side": self.side,
        }


class ExecutionState(Struct):
    """Everything. `finished` and `executions` remember the last few thousand of their kind, so
    that a fact which the broker repeats is known; orders are keyed by client order id.

    `killed_seq` is the sequence of the kill in force, `closing_only_seq` that of the flatten
    after which only closing orders pass; 0: none.
    """

    now_ns: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    finished: dict[str, OrderStatus] = field(default_factory=dict)
    executions: dict[str, None] = field(default_factory=dict)
    positions: dict[str, Decimal] = field(default_factory=dict)
    has_account: bool = False
    killed_seq: int = 0
    closing_only_seq: int = 0
    commands: dict[str, None] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
