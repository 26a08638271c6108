"""A disagreement between two tables becomes a sentence. `test_ledger_queries` asks PostgreSQL."""

from decimal import Decimal

from services.ledger.checks import _compare


def test_what_agrees_is_not_mentioned() -> None:
    booked = {"AAPL": Decimal("10.00"), "MSFT": Decimal(0)}
    assert _compare("shares", {"AAPL": Decimal(10)}, booked) == []


def test_what_differs_or_is_missing_is_named_with_both_values() -> None:
    journal = {"MSFT": Decimal(1), "AAPL": Decimal("-0.5")}
    assert _compare("shares", journal, {"MSFT": Decimal("1E+1")}) == [
        "shares of AAPL: -0.5 in the journal, 0 in the books",
        "shares of MSFT: 1 in the journal, 10 in the books",
    ]
