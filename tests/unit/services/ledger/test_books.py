"""The fold: every economic event changes totals, lots and journal alike."""

from decimal import Decimal

from services.ledger import books
from services.ledger.journal import BORROW, CASH, INTEREST, OPENING, REALIZED
from services.ledger.rows import EntryRow
from services.ledger.state import Lot
from shared.domain.positions import Position
from shared.domain.values import Side
from shared.messages.market import CorporateAction
from shared.messages.orders import Charged
from tests.unit.services.ledger.story import Story

D = Decimal


def test_the_first_account_opens_the_books() -> None:
    story = Story()
    story.account("10000")
    state = story.core.state
    assert state.totals.cash == D(10000)
    assert state.balances == {CASH: D(10000), OPENING: D(-10000)}


def test_shares_that_were_there_before_come_in_at_the_last_price() -> None:
    story = Story()
    story.bar("AAPL", 12.5)
    story.clock()
    story.account("0", AAPL="4", TSLA="0")
    assert story.core.state.lots == {"AAPL": {"": Lot(Position(D(4), D("50.0000")))}}
    assert books.is_balanced(story.core.state)


def test_without_a_price_they_wait_for_the_first_one() -> None:
    story = Story()
    story.account("100", AAPL="-4")
    assert story.core.state.unvalued == ["AAPL"]
    story.bar("AAPL", 12.5)
    lot = story.core.state.lots["AAPL"][""]
    assert (lot.position, story.core.state.unvalued) == (Position(D(-4), D("-50.0000")), [])
    assert story.core.state.balances[OPENING] == D(-50)
    assert books.is_balanced(story.core.state)


def test_a_fill_is_a_first_price_too() -> None:
    story = Story()
    story.account("0", AAPL="10")
    story.trade(Side.SELL, "4", "11", strategy_id="")
    state = story.core.state
    assert state.totals.realized_pnl == 0
    assert state.lots["AAPL"][""].position == Position(D(6), D(66))
    assert books.is_balanced(state)


def test_a_round_trip_realises_the_difference_and_pays_its_costs() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10", commission="1")
    story.trade(Side.SELL, "10", "12.5", commission="1")
    totals = story.core.state.totals
    assert (totals.cash, totals.realized_pnl, totals.commission) == (D(1023), D(25), D(2))
    assert (totals.fills, story.core.state.held) == (2, 0)
    assert story.core.state.balances[REALIZED] == D(-25)


def test_a_short_gains_when_the_price_falls() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.SELL, "10", "10")
    assert story.core.state.lots["AAPL"]["ema"].position == Position(D(-10), D(-100))
    story.trade(Side.BUY, "10", "7")
    assert story.core.state.totals.realized_pnl == D(30)
    assert books.is_balanced(story.core.state)


def test_a_sale_through_zero_closes_first_and_opens_the_rest_the_other_way() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10")
    story.trade(Side.SELL, "15", "12")
    assert story.core.state.totals.realized_pnl == D(20)
    assert story.core.state.lots["AAPL"]["ema"].position == Position(D(-5), D(-60))


def test_no_digit_is_lost_when_a_cost_does_not_divide() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "3", "10.0001")
    story.trade(Side.BUY, "4", "9.9999")
    for _ in range(7):
        story.trade(Side.SELL, "1", "10")
    totals = story.core.state.totals
    assert totals.cash == D(1000) + totals.realized_pnl == D("1000.0001")
    assert books.is_balanced(story.core.state)


def test_strategies_keep_their_own_lots_and_the_desk_has_their_sum() -> None:
    story = Story()
    story.account("1000")
    story.bar("AAPL", 11.0)
    story.clock()
    story.trade(Side.BUY, "10", "10", strategy_id="a")
    story.trade(Side.SELL, "10", "12", strategy_id="b")
    state = story.core.state
    assert books.holdings(state) == {"AAPL": D(0)}
    assert books.value(state) == books.Valuation(D(0), D(-20), {})
    assert state.totals.cash == D(1020)
    assert books.is_balanced(state)


def test_a_split_changes_shares_but_neither_cost_nor_worth() -> None:
    story = Story()
    story.account("1000")
    story.bar("AAPL", 12.0)
    story.clock()
    story.trade(Side.BUY, "10", "12")
    story.split("AAPL", 4.0)
    state = story.core.state
    assert state.lots["AAPL"]["ema"].position == Position(D(40), D(120))
    assert books.value(state).market_value == D(120)


def test_a_corporate_action_that_two_feeds_report_counts_once() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "12")
    story.dividend("AAPL", 0.5)
    story.dividend("AAPL", 0.5)
    assert story.core.state.totals.dividends == D(5)
    story.dividend("AAPL", 0.5, ex_date="2025-08-09")
    assert story.core.state.totals.dividends == D(10)


def test_lots_share_a_dividend_to_the_cent_that_the_broker_pays() -> None:
    story = Story()
    story.account("1000")
    for strategy_id, quantity in (("a", "3"), ("b", "5"), ("c", "-2"), ("d", "7")):
        side = Side.SELL if quantity.startswith("-") else Side.BUY
        story.trade(side, quantity.removeprefix("-"), "10", strategy_id=strategy_id)
    story.dividend("AAPL", 0.123)
    assert story.core.state.totals.dividends == D("1.60")  # 13 x 0.123 = 1.599
    assert books.is_balanced(story.core.state)


def test_an_unknown_kind_of_action_changes_nothing() -> None:
    story = Story()
    story.account("1000")
    before = story.core.state.totals.cash
    story.say("data.file", CorporateAction(symbol="AAPL", kind="spinoff", ex_date="2025-05-09"))
    assert story.core.state.totals.cash == before


def test_a_total_that_drifts_from_the_journal_is_noticed() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10")
    assert books.is_balanced(story.core.state)
    story.core.state.totals.cash += D("0.0001")
    assert not books.is_balanced(story.core.state)


def test_what_was_borrowed_overnight_is_an_expense_and_the_books_balance() -> None:
    story = Story()
    story.account("1000")
    entries = []
    for kind, amount in (("borrow", "0.32"), ("interest", "10.00")):
        charge = Charged(charge_id=kind, kind=kind, amount=D(amount), symbol="AAPL")
        entries += books.apply_charge(story.core.state, charge)
    state = story.core.state
    assert (state.totals.cash, state.totals.borrow, state.totals.interest) == (
        D("989.68"),
        D("0.32"),
        D("10.00"),
    )
    assert (state.balances[BORROW], state.balances[INTEREST]) == (D("0.32"), D("10.00"))
    assert [entry.kind for entry in entries] == ["charge", "charge"]
    assert books.is_balanced(state)


def test_lots_share_the_fee_of_what_they_are_short() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.SELL, "20", "10", strategy_id="a")
    story.trade(Side.SELL, "10", "10", strategy_id="b")
    charge = Charged(charge_id="c1", kind="borrow", amount=D("0.32"), symbol="AAPL")
    story.say("execution.main", charge)
    rows = [row for row in story.core.take_rows(2**62) if isinstance(row, EntryRow)]
    assert [row.strategy_id for row in rows if row.kind == "charge"] == ["a", "b"]
    state = story.core.state
    assert state.balances[BORROW] == state.totals.borrow == D("0.32")  # 0.21 and 0.11
    assert books.is_balanced(state)
