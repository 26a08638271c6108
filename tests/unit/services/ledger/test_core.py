"""The ledger's core: days close, statements are compared, snapshots carry everything."""

from decimal import Decimal

import pytest

from services.ledger.core import LedgerCore
from shared.domain.values import Side
from shared.messages.books import ClosedDay, Mismatch
from shared.messages.market import Quote, QuoteTick, Trade, TradeTick
from shared.subjects import AGGREGATED
from tests.unit.services.ledger.story import SESSION, Story, ordinary_day

D = Decimal


def test_it_reads_everything_but_its_own_lane() -> None:
    core = Story().core
    assert str(core.lane) == "ledger.main"
    assert not any(pattern.startswith("ledger") for pattern in core.reads)
    assert "data.>" in core.reads


def test_the_close_of_a_session_is_published_once() -> None:
    story = Story()
    story.account("1000")
    story.clock()
    story.trade(Side.BUY, "10", "10", commission="1")
    story.bar("AAPL", 11.0)
    (day,) = story.clock("")
    assert day == ClosedDay(
        session=SESSION,
        currency="USD",
        cash=D(899),
        equity=D(1009),
        realized_pnl=D(0),
        unrealized_pnl=D(10),
        commission=D(1),
        fills=1,
        is_balanced=True,
    )
    assert story.clock("") == ()


def test_prices_of_the_next_session_do_not_value_the_last_one() -> None:
    story = Story()
    story.account("1000")
    story.clock()
    story.trade(Side.BUY, "10", "10")
    story.bar("AAPL", 11.0)
    story.clock()
    story.bar("AAPL", 99.0)
    (day,) = story.clock("2025-05-12", minutes=4_000)
    assert isinstance(day, ClosedDay)
    assert (day.session, day.equity) == (SESSION, D(1010))
    (next_day,) = story.clock("")
    assert isinstance(next_day, ClosedDay)
    assert (next_day.session, next_day.equity) == ("2025-05-12", D(1890))


def test_a_session_without_books_is_not_closed() -> None:
    story = Story()
    story.clock()
    assert story.clock("") == ()


def test_a_statement_that_agrees_says_nothing() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10")
    assert story.account("900.004", AAPL="10", MSFT="0") == ()


def test_a_difference_is_reported_once_and_again_when_it_changes() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10")
    found = story.account("905", AAPL="9", MSFT="3")
    assert [(m.subject, m.booked, m.stated) for m in found if isinstance(m, Mismatch)] == [
        ("cash", D(900), D(905)),
        ("AAPL", D(10), D(9)),
        ("MSFT", D(0), D(3)),
    ]
    assert story.account("905", AAPL="9", MSFT="3") == ()
    story.trade(Side.BUY, "1", "10")
    assert story.account("895", AAPL="10", MSFT="3") == ()  # the same differences, further on
    (again,) = story.account("895", AAPL="8", MSFT="3")
    assert isinstance(again, Mismatch)
    assert (again.subject, again.detail) == ("AAPL", "the broker states -3 against the books")


def test_a_day_with_an_open_difference_is_not_balanced() -> None:
    story = Story()
    story.account("1000")
    story.clock()
    story.account("999")
    (day,) = story.clock("")
    assert isinstance(day, ClosedDay)
    assert not day.is_balanced
    story.account("1000")
    story.clock()
    (day,) = story.clock("")
    assert isinstance(day, ClosedDay)
    assert day.is_balanced


def test_trades_and_quotes_mark_positions_too() -> None:
    story = Story()
    trade = Trade(symbol="AAPL", ticks=(TradeTick(1, 10.0, 5.0), TradeTick(2, 10.5, 5.0)))
    story.say("data.sim", trade)
    assert story.core.state.fresh == {"AAPL": 10.5}
    story.say("data.sim", Quote(symbol="AAPL", ticks=(QuoteTick(3, 10.0, 12.0, 1.0, 1.0),)))
    assert story.core.state.fresh == {"AAPL": 11.0}
    story.say("data.sim", Quote(symbol="AAPL", ticks=(QuoteTick(4, 0.0, 12.0, 0.0, 1.0),)))
    assert story.core.state.fresh == {"AAPL": 11.0}  # one side is empty: no price


def test_aggregated_bars_mark_nothing() -> None:
    story = Story()
    story.bar("AAPL", 10.0, feed=AGGREGATED.actor)
    assert story.core.state.fresh == {}


def test_another_books_orders_are_not_booked() -> None:
    story = Story()
    story.account("1000")
    order = story.submit(Side.BUY, "10")
    before = story.core.state.totals.cash
    story.say("execution.other", order)
    assert (story.core.state.totals.cash, len(story.core.state.orders)) == (before, 1)


def test_a_core_restored_half_way_ends_in_the_same_bytes() -> None:
    whole = ordinary_day()
    half = Story(keeps_rows=False)
    for entry in whole.entries:
        half.core.handle(*entry.open())
        state = half.core.snapshot()
        half.core = Story(keeps_rows=False).core
        half.core.restore(state)
    assert half.core.snapshot() == whole.core.snapshot()


def test_a_lot_order_that_a_snapshot_changes_does_not_change_who_gets_the_cent() -> None:
    story = Story(keeps_rows=False)
    story.account("1000")
    for strategy_id in ("z", "a"):
        story.trade(Side.BUY, "1", "10", strategy_id=strategy_id)
    twin = Story(keeps_rows=False)
    twin.core.restore(story.core.snapshot())
    for told in (story, twin):
        told.dividend("AAPL", 0.005)
    assert twin.core.snapshot() != b""
    assert twin.core.state.totals == story.core.state.totals
    assert twin.core.state.lots == story.core.state.lots


def test_unusable_snapshots_are_refused() -> None:
    core: LedgerCore = Story().core
    with pytest.raises(ValueError, match="not books of this release"):
        core.restore(b'{"totals": 3}')


def test_a_host_without_a_database_gets_no_rows_and_the_same_outputs() -> None:
    with_rows = ordinary_day()
    without = Story(keeps_rows=False)
    said = [out for e in with_rows.entries for out in without.core.handle(*e.open())]
    assert said == with_rows.said
    assert without.core.take_rows(10**9) == []
    assert without.core.snapshot() == with_rows.core.snapshot()
