"""How a rule says what it found."""

from decimal import Decimal

from shared.domain.values import ZERO
from shared.messages.decisions import Check

ONE = Decimal(1)


def at_most(code: str, value: Decimal, limit: Decimal, detail: str = "") -> Check:
    """A measured value against its limit; exactly the limit is allowed."""
    return Check(code, value <= limit, value, limit, detail)


def at_least(code: str, value: Decimal, limit: Decimal, detail: str = "") -> Check:
    """A measured value against a floor; exactly the floor is allowed."""
    return Check(code, value >= limit, value, limit, detail)


def free_of(code: str, *, found: bool, detail: str = "") -> Check:
    """A yes or no: value 1 when what the code names was found, limit 0."""
    return Check(code, not found, ONE if found else ZERO, ZERO, detail if found else "")
