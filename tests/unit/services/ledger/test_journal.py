"""Entries of the journal sum to zero, or are not made."""

from decimal import Decimal

import pytest

from services.ledger import journal
from services.ledger.journal import CASH, COMMISSION, DIVIDENDS, FEES, OPENING, REALIZED, Line
from shared.domain.errors import InvariantError

D = Decimal


def test_a_buy_moves_cash_into_the_position_and_costs() -> None:
    entry = journal.derive_fill(
        "AAPL",
        "ema",
        quantity=D(10),
        notional=D("100.5"),
        cost=D("100.5"),
        commission=D(1),
        fees=D("0.02"),
    )
    assert entry.lines == (
        Line(CASH, D("-101.52")),
        Line("Assets:Positions:AAPL", D("100.5"), D(10)),
        Line(COMMISSION, D(1)),
        Line(FEES, D("0.02")),
    )


def test_a_closing_sale_books_its_gain_as_income() -> None:
    entry = journal.derive_fill(
        "AAPL", "ema", quantity=D(-10), notional=D(-120), cost=D(-100), commission=D(0), fees=D(0)
    )
    assert entry.lines == (
        Line(CASH, D(120)),
        Line("Assets:Positions:AAPL", D(-100), D(-10)),
        Line(REALIZED, D(-20)),
    )


def test_a_dividend_is_income_and_a_short_pays_it() -> None:
    received = journal.derive_dividend("AAPL", "ema", D("2.5"))
    paid = journal.derive_dividend("AAPL", "ema", D("-2.5"))
    assert received.lines == (Line(CASH, D("2.5")), Line(DIVIDENDS, D("-2.5")))
    assert paid.lines == (Line(CASH, D("-2.5")), Line(DIVIDENDS, D("2.5")))


def test_a_split_moves_shares_and_no_money() -> None:
    entry = journal.derive_split("AAPL", "ema", D(30))
    assert entry.lines == (Line("Assets:Positions:AAPL", D(0), D(30)),)


def test_shares_of_the_opening_are_equity_at_their_cost() -> None:
    assert journal.derive_opening(D(7)).lines == (Line(CASH, D(7)), Line(OPENING, D(-7)))
    holding = journal.derive_holding("AAPL", D(3), D(30))
    assert holding.lines == (
        Line("Assets:Positions:AAPL", D(30), D(3)),
        Line(OPENING, D(-30)),
    )
    assert sum(line.amount for line in journal.derive_valuation("AAPL", D(5)).lines) == 0


def test_an_entry_that_does_not_sum_to_zero_stops_the_process() -> None:
    with pytest.raises(InvariantError, match="INV-JOURNAL-ZERO: a fill entry of AAPL sums to 1"):
        journal._entry("fill", (Line(CASH, D(1)),), "AAPL")
