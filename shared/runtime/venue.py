"""What an adapter of a real broker implements; `gate` does everything else.

An adapter speaks its broker's protocol and decides nothing: it does not retry, does not remember
and does not know the tape. One call is one request.
"""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, field

from shared.domain.errors import TapedeckError
from shared.domain.values import ZERO, OrderType, Side, TimeInForce


class VenueRefusedError(TapedeckError):
    """The broker said no, and the order does not exist there. `code` is one word."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"the broker refused it ({code}): {detail}")
        self.code = code
        self.detail = detail


class RepeatedIdError(TapedeckError):
    """The broker knows an order of this client order id already; this request made none."""


class NoAnswerError(TapedeckError):
    """The request may or may not have arrived: time-out, lost connection, any 5xx."""


class VenueOrder(Struct, frozen=True, kw_only=True):
    """An order on its way to a broker. Quantity in shares, prices per share."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    trigger_price: Decimal | None
    time_in_force: TimeInForce


class Execution(Struct, frozen=True, kw_only=True):
    """One fill as the broker states it; `execution_id` is the broker's and unique there."""

    client_order_id: str
    symbol: str
    execution_id: str
    quantity: Decimal
    price: Decimal
    commission: Decimal = ZERO
    fees: Decimal = ZERO
    fee_parts: Mapping[str, Decimal] = field(default_factory=dict)


class OrderStatement(Struct, frozen=True, kw_only=True):
    """Where one order stands at the broker.

    `ended` is "" while it works, else `filled`, `cancelled`, `expired` or `rejected`; `filled` is
    the quantity executed so far, `reason` what the broker says about an end.
    """

    client_order_id: str
    broker_order_id: str
    symbol: str
    filled: Decimal = ZERO
    ended: str = ""
    reason: str = ""


type VenueEvent = OrderStatement | Execution


class VenueSnapshot(Struct, frozen=True, kw_only=True):
    """Everything at one moment. `orders` holds at least those that work and those that ended
    within the last day, `executions` those of the same orders.
    """

    cash: Decimal
    currency: str
    positions: Mapping[str, Decimal]
    orders: tuple[OrderStatement, ...]
    executions: tuple[Execution, ...]


class Venue(Protocol):
    """One account at one broker. Every request may raise NoAnswerError."""

    @property
    def rejects_repeated_ids(self) -> bool:
        """True when the broker is certain to refuse a client order id that it has seen."""
        ...

    @property
    def timeout_s(self) -> float:
        """After this long a request has been given up, and the broker cannot begin on it."""
        ...

    async def submit(self, order: VenueOrder) -> OrderStatement:
        """Send an order, once. Raises VenueRefusedError, RepeatedIdError, NoAnswerError."""
        ...

    async def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel. It is over when an event or a snapshot says so, not before.

        An order that has ended or is not known is no error. May be repeated.
        """
        ...

    async def find(self, client_order_id: str) -> OrderStatement | None:
        """Look an order up; None only when the broker states that it has none."""
        ...

    async def snapshot(self) -> VenueSnapshot:
        """Return orders, executions, positions and cash."""
        ...

    def events(self) -> AsyncIterator[VenueEvent]:
        """Yield what happens, in any order and any number of times.

        Raises NoAnswerError when the stream is lost; whoever reads it calls again.
        """
        ...
