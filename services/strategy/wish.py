"""What an author asks for, before anybody has judged it."""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import override

from msgspec import Struct

from shared.domain.values import ZERO, Intent, Side, to_price


class Wish(Struct, frozen=True):
    """One call of `buy`, `sell` or `exit`; quantity in shares, prices per share."""

    symbol: str
    side: Side
    intent: Intent
    quantity: Decimal | None
    limit: Decimal | float | None
    stop: float | None
    reason: str
    values: Mapping[str, float] | None

    @override
    def __str__(self) -> str:
        """Say the wish in words, for `why-not`."""
        amount = "" if self.quantity is None else f" {self.quantity}"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.side} to {self.intent}{amount}{reason}"


def decimal_of(quantity: Decimal | float | str | None) -> Decimal | None:
    """Return a quantity as the author meant it; ValueError unless it is a positive number."""
    if quantity is None:
        return None
    try:
        exact = Decimal(str(quantity))
    except InvalidOperation:
        raise ValueError(f"a quantity is a number, was {quantity!r}") from None
    if not exact.is_finite() or exact <= ZERO:
        raise ValueError(f"a quantity is above 0, was {quantity}")
    return exact


def limit_of(limit: Decimal | float | None) -> Decimal | None:
    """Return a limit price in steps that can be booked; ValueError unless above 0."""
    if limit is None:
        return None
    price = positive(float(limit), "limit price")
    return limit if isinstance(limit, Decimal) else to_price(price)


def positive(number: float, what: str) -> float:
    """Return a finite number above 0, or raise ValueError naming `what`."""
    if not math.isfinite(number) or number <= 0:
        raise ValueError(f"a {what} is above 0, was {number}")
    return float(number)


def finite(*sources: Mapping[str, float] | None) -> dict[str, float]:
    """Merge numbers to explain a decision with; what is not finite has no JSON and is left out."""
    return {
        name: float(number)
        for source in sources
        if source
        for name, number in source.items()
        if math.isfinite(number)
    }
