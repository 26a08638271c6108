"""Which rows the core derives, and when."""

from decimal import Decimal

import msgspec

from services.ledger.rows import (
    ClosedDayRow,
    DecisionRow,
    EntryRow,
    EquityRow,
    FillRow,
    LineRow,
    MismatchRow,
    PositionRow,
)
from shared.domain.values import Side
from tests.unit.services.ledger.story import BOOK, MINUTE_NS, OPEN_NS, Story, ordinary_day

D = Decimal


def test_market_data_alone_makes_no_row() -> None:
    story = Story()
    story.account("1000")
    story.core.take_rows(story.seq)
    for price in (10.0, 11.0, 12.0):
        story.bar("AAPL", price)
        story.clock()
    assert story.core.take_rows(story.seq) == []


def test_rows_are_taken_once_and_only_up_to_a_sequence() -> None:
    story = Story()
    story.approve()
    story.deny()
    assert [row.seq for row in story.core.take_rows(1) if isinstance(row, DecisionRow)] == [1]
    assert [row.seq for row in story.core.take_rows(9) if isinstance(row, DecisionRow)] == [2]
    assert story.core.take_rows(9) == []


def test_a_decision_keeps_every_check() -> None:
    story = Story()
    story.approve()
    story.deny()
    approved, denied = story.rows(DecisionRow)
    assert (approved.is_approved, denied.is_approved) == (True, False)
    assert msgspec.json.decode(denied.checks) == [
        {"code": "halted", "passed": False, "value": "1", "limit": "0", "detail": ""}
    ]


def test_a_fill_makes_its_row_its_entry_and_a_position() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10", commission="1")
    rows = story.core.take_rows(story.seq)
    (fill,) = (row for row in rows if isinstance(row, FillRow))
    assert (fill.quantity, fill.price, fill.realized_pnl, fill.seq) == (D(10), D(10), D(0), 4)
    entries = [row for row in rows if isinstance(row, EntryRow)]
    assert [(e.kind, e.seq, e.entry) for e in entries] == [("opening", 1, 0), ("fill", 4, 0)]
    lines = [row for row in rows if isinstance(row, LineRow)]
    assert [line.line for line in lines if line.seq == 4] == [0, 1, 2]
    (position,) = (row for row in rows if isinstance(row, PositionRow))
    assert position == PositionRow(
        book=BOOK,
        strategy_id="ema",
        symbol="AAPL",
        quantity=D(10),
        cost=D(100),
        realized_pnl=D(0),
        seq=4,
        ts_ns=OPEN_NS,
    )


def test_equity_is_recorded_at_every_clock_while_something_is_held() -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "10", "10")
    story.bar("AAPL", 10.5)
    story.rows(EquityRow)
    story.clock()
    (point,) = story.rows(EquityRow)
    assert (point.cash, point.market_value, point.equity) == (D(900), D(105), D(1005))
    assert (point.unrealized_pnl, point.marks) == (D(5), '{"AAPL":"10.5000"}')
    assert point.minute_ns == (OPEN_NS + MINUTE_NS) // MINUTE_NS * MINUTE_NS


def test_a_closed_day_and_a_mismatch_become_rows() -> None:
    story = ordinary_day()
    story.account("1")
    rows = story.core.take_rows(story.seq)
    (day,) = (row for row in rows if isinstance(row, ClosedDayRow))
    assert (day.fills, day.is_balanced) == (4, True)
    opened = [row for row in rows if isinstance(row, MismatchRow)]
    assert [row.subject for row in opened] == ["cash", "AAPL", "MSFT"]
    cash = story.core.state.totals.cash
    story.account(str(cash), AAPL="130", MSFT="-50")
    settled = story.rows(MismatchRow)
    assert {row.settled_seq for row in settled} == {story.seq}
    assert [row.opened_seq for row in settled] == [row.opened_seq for row in opened]
