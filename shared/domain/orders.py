"""The life of an order, as one table.

An order is born `pending` when execution writes `submitting` on the tape. Everything after is a
fact the broker told us; nothing becomes terminal without such a fact. `unknown` is a state: a
request whose answer was lost, to be looked up, never guessed and never blindly sent again.
A transition that is not in the table is an error of ours (docs/invariants.md).
"""

from enum import StrEnum

from shared.domain.errors import InvariantError


class OrderStatus(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """True when nothing can happen to the order any more."""
        return not _NEXT[self]

    @property
    def is_working(self) -> bool:
        """True when the order may still fill at the broker."""
        return not self.is_terminal


_P, _A, _PF, _F = (
    OrderStatus.PENDING,
    OrderStatus.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
)
_C, _R, _E, _U = (
    OrderStatus.CANCELLED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
    OrderStatus.UNKNOWN,
)

# Brokers may report a fill before the acknowledgement, so `pending` may fill at once.
_NEXT: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    _P: (_A, _PF, _F, _C, _R, _E, _U),
    _A: (_PF, _F, _C, _R, _E, _U),
    _PF: (_PF, _F, _C, _E, _U),
    _U: (_A, _PF, _F, _C, _R, _E),
    _F: (),
    _C: (),
    _R: (),
    _E: (),
}


def can_move(before: OrderStatus, after: OrderStatus) -> bool:
    """Tell whether the table allows the transition."""
    return after in _NEXT[before]


def move(before: OrderStatus, after: OrderStatus, order_id: str) -> OrderStatus:
    """Return `after`, or stop the process when the table does not allow the transition."""
    if after not in _NEXT[before]:
        raise InvariantError("INV-ORDER-STATE", f"order {order_id}: {before} to {after}")
    return after
