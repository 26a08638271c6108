"""How a rule says what it found."""

from decimal import Decimal

from services.risk.rules.finding import at_least, at_most, free_of


def test_exactly_the_limit_is_allowed() -> None:
    assert at_most("x", Decimal(5), Decimal(5)).passed
    assert not at_most("x", Decimal("5.01"), Decimal(5)).passed
    assert at_least("x", Decimal(5), Decimal(5)).passed
    assert not at_least("x", Decimal("4.99"), Decimal(5)).passed


def test_a_detail_is_told_only_when_something_was_found() -> None:
    assert free_of("x", found=False, detail="why").detail == ""
    assert free_of("x", found=True, detail="why").detail == "why"
