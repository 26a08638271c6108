"""What the console asks the audit trail, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ledger import queries
from services.ledger.adapters.engine import database
from services.ledger.migrate import migrate
from shared.domain.errors import UnavailableError
from shared.domain.orders import OrderStatus
from shared.domain.values import Side
from tests.integration.test_ledger_writer import Ledger, execute
from tests.unit.services.ledger.story import BOOK, SESSION, TAPE_ID, Story, ordinary_day

D = Decimal


def ask[T](url: str, story: Story, question: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Store a story in an empty database and ask about it."""

    async def scenario() -> T:
        await migrate(url)
        await Ledger(url).run(story.entries)
        async with database(url) as engine:
            return await question(engine)

    return asyncio.run(scenario())


def test_a_summary_counts_the_run_and_states_the_books(database_url: str) -> None:
    story = ordinary_day()
    story.bar("AAPL", 5.6, feed="bars")  # aggregated from the others: not counted
    summary = ask(database_url, story, lambda e: queries.summary(e, TAPE_ID, BOOK))
    assert (summary.bars, summary.signals, summary.approved, summary.denied) == (5, 1, 1, 1)
    assert (summary.orders, summary.fills, summary.cursor) == (3, 4, story.seq)
    assert summary.positions == {"AAPL": D(130), "MSFT": D(-50)}
    cash = story.core.state.totals.cash
    assert summary.cash == cash
    assert summary.equity == cash + 130 * D("5.6") - 50 * D(19)
    assert (summary.balanced, summary.faults) == (True, ())


def test_a_database_without_events_is_balanced_and_empty(database_url: str) -> None:
    summary = ask(database_url, Story(), lambda e: queries.summary(e, TAPE_ID, BOOK))
    assert (summary.bars, summary.orders, summary.cursor) == (0, 0, 0)
    assert (summary.cash, summary.equity, summary.positions) == (D(0), D(0), {})
    assert summary.balanced


def test_an_open_mismatch_is_a_fault_until_it_is_settled(database_url: str) -> None:
    story = ordinary_day()
    cash = story.core.state.totals.cash
    story.account(str(cash + 5), AAPL="130", MSFT="-50")
    faults = ask(database_url, story, lambda e: queries.books_faults(e, BOOK))
    assert faults == [f"the broker states {cash + 5:f} of cash, the books {cash:f}"]
    story.account(str(cash), AAPL="130", MSFT="-50")

    async def settled() -> list[str]:
        await Ledger(database_url).run(story.entries)
        async with database(database_url) as engine:
            return await queries.books_faults(engine, BOOK)

    assert asyncio.run(settled()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE positions SET quantity = 7 WHERE symbol = 'AAPL'", "shares of AAPL: 130"),
        ("UPDATE positions SET cost = 7 WHERE symbol = 'MSFT'", "cost of MSFT: -997"),
        ("UPDATE equity SET cash = 7", "total of Assets:Cash"),
        ("DELETE FROM fills WHERE symbol = 'MSFT'", "fills of MSFT: -50"),
        ("DELETE FROM journal_lines WHERE account = 'Expenses:Fees'", "does not sum to zero"),
    ],
)
def test_a_table_that_was_changed_is_a_fault(database_url: str, change: str, fault: str) -> None:
    async def ask_after_change(engine: AsyncEngine) -> list[str]:
        for table in ("fills", "journal_lines"):
            await execute(database_url, f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        await execute(database_url, change)
        return await queries.books_faults(engine, BOOK)

    faults = ask(database_url, ordinary_day(), ask_after_change)
    assert any(fault in text for text in faults), faults


def test_positions_are_listed_with_their_marks(database_url: str) -> None:
    aapl, msft = ask(database_url, ordinary_day(), lambda e: queries.list_positions(e, BOOK))
    assert (aapl.symbol, aapl.strategy_id, aapl.quantity) == ("AAPL", "ema", D(130))
    assert (aapl.mark, aapl.market_value) == (D("5.6"), D(728))
    assert (msft.symbol, msft.average_cost, msft.mark) == ("MSFT", D("19.94"), D(19))
    assert (msft.market_value, msft.unrealized_pnl) == (D(-950), D(47))


def test_flat_positions_are_listed_when_asked_for(database_url: str) -> None:
    story = Story()
    story.account("1000")
    story.trade(Side.BUY, "1", "10")
    story.trade(Side.SELL, "1", "12")

    async def both(engine: AsyncEngine) -> tuple[int, queries.PositionView]:
        shown = await queries.list_positions(engine, BOOK)
        (flat,) = await queries.list_positions(engine, BOOK, with_flat=True)
        return len(shown), flat

    shown, flat = ask(database_url, story, both)
    assert (shown, flat.quantity, flat.realized_pnl, flat.mark) == (0, D(0), D(2), None)


def test_orders_and_fills_are_listed_newest_first(database_url: str) -> None:
    story = ordinary_day()
    story.submit(Side.BUY, "1")

    async def listed(engine: AsyncEngine) -> tuple[list[str], list[str], list[Decimal]]:
        orders = await queries.list_orders(engine, BOOK)
        working = await queries.list_orders(engine, BOOK, only_working=True)
        assert orders[-1].status is OrderStatus.FILLED
        fills = await queries.list_fills(engine, BOOK, limit=3)
        return [o.order_id for o in orders], [o.order_id for o in working], [f.price for f in fills]

    orders, working, prices = ask(database_url, story, listed)
    assert (orders, working) == (["o4", "o3", "o2", "o1"], ["o4"])
    assert prices == [D("5.55"), D("19.9"), D(20)]


def test_the_equity_curve_has_one_point_a_minute_oldest_first(database_url: str) -> None:
    story = ordinary_day()
    curve = ask(database_url, story, lambda e: queries.equity_curve(e, BOOK))
    minutes = [point.minute_ns for point in curve]
    assert minutes == sorted(set(minutes))
    assert curve[-1].equity == curve[-1].cash + curve[-1].market_value
    newest = ask(database_url, story, lambda e: queries.equity_curve(e, BOOK, limit=1))
    assert newest == curve[-1:]


def test_closed_days_are_listed(database_url: str) -> None:
    (day,) = ask(database_url, ordinary_day(), lambda e: queries.list_closed_days(e, BOOK))
    assert (day.session, day.fills, day.is_balanced, day.currency) == (SESSION, 4, True, "USD")


def test_a_question_to_a_database_that_is_not_migrated_is_one_sentence(database_url: str) -> None:
    async def scenario() -> None:
        async with database(database_url) as engine:
            await queries.books_faults(engine, BOOK)

    with pytest.raises(UnavailableError, match="is not migrated"):
        asyncio.run(scenario())


def test_an_error_of_the_asker_is_not_taken_for_one_of_the_database(database_url: str) -> None:
    async def scenario() -> None:
        async with database(database_url):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(scenario())


def test_a_question_to_a_lost_connection_is_refused_and_the_next_one_answered(
    database_url: str,
) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    mine = f"{others} AND datname = current_database() AND backend_type = 'client backend'"

    async def scenario() -> None:
        await migrate(database_url)
        async with database(database_url) as engine:
            assert await queries.list_positions(engine, BOOK) == []
            await execute(database_url, mine)
            with pytest.raises(UnavailableError, match=r"^PostgreSQL at "):
                await queries.list_positions(engine, BOOK)
            assert await queries.list_positions(engine, BOOK) == []

    asyncio.run(scenario())
