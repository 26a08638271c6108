"""The sink on a real PostgreSQL: exactly once, whatever is killed, and nothing foreign accepted."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from console.embedded.postgres import EmbeddedPostgres
from services.ledger.adapters.engine import database
from services.ledger.adapters.postgres import PostgresSink
from services.ledger.adapters.records import genesis, link
from services.ledger.adapters.writer import Writer
from services.ledger.config import WriterSettings
from services.ledger.core import LedgerCore
from services.ledger.migrate import migrate
from services.ledger.queries import books_faults
from shared.config.desk import PostgresSettings
from shared.domain.errors import ConfigurationError, InvariantError, UnavailableError
from shared.tape.entry import Entry
from tests.unit.services.ledger.story import BOOK, TAPE_ID, Story, ending_at, ordinary_day

QUICK = WriterSettings(batch_events_max=7, flush_ms=5, trail_ms=0, retry_ms=5, retry_max_ms=50)


@dataclass
class Ledger:
    """The writing half of a ledger service on some database."""

    url: str
    tape_id: str = TAPE_ID
    book: str = BOOK
    settings: WriterSettings = QUICK
    core: LedgerCore = field(default_factory=lambda: Story().core)
    standby_after_s: float = 0.0

    def __post_init__(self) -> None:
        postgres = PostgresSettings(url=SecretStr(self.url), connect_timeout_s=5)
        log = structlog.get_logger()
        self.writer = Writer(postgres, self.settings, log, tape_id=self.tape_id, book=self.book)
        self.sink = PostgresSink(
            self.writer, self.settings, self.core.take_rows, self.standby_after_s
        )

    async def read(self, entries: list[Entry]) -> None:
        """Handle entries as the runner does."""
        for entry in entries:
            stamp, message = entry.open()
            self.core.handle(stamp, message)
            await self.sink.handled(stamp, message, entry.payload)

    async def run(self, entries: list[Entry], tape_end: int = 10**6) -> None:
        """A life of the service, from start to an orderly end."""
        await self.sink.open(ending_at(tape_end))
        await self.read(entries)
        await self.sink.flush()


async def fetch(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def assert_stored_exactly_once(url: str, story: Story) -> None:
    """The whole tape, byte for byte, chained; and books that balance."""
    events = await fetch(url, "SELECT seq, payload::text, hash FROM tape_events ORDER BY seq")
    assert [event[:2] for event in events] == [(e.seq, e.payload.decode()) for e in story.entries]
    digest = genesis(TAPE_ID)
    for entry, event in zip(story.entries, events, strict=True):
        digest = link(digest, entry.seq, entry.recorded_ns, entry.subject, entry.payload)
        assert event[2] == digest
    assert await fetch(url, "SELECT seq, hash FROM ledger_cursor") == [(story.seq, digest)]
    async with database(url) as engine:
        assert await books_faults(engine, BOOK) == []
    fills = story.core.state.totals.fills
    assert await fetch(url, "SELECT count(*), count(DISTINCT seq) FROM fills") == [(fills, fills)]
    equity = "SELECT cash FROM equity ORDER BY minute_ns DESC LIMIT 1"
    assert await fetch(url, equity) == [(story.core.state.totals.cash,)]


def long_story(days: int = 12) -> Story:
    story = ordinary_day()
    for _ in range(days):
        more = ordinary_day()
        for entry in more.entries[1:]:
            stamp, message = entry.open()
            story.say(str(stamp.lane), message)
    return story


@pytest.fixture
def migrated_url(database_url: str) -> str:
    asyncio.run(migrate(database_url))
    return database_url


def renumbered(story: Story) -> Story:
    """Give every execution its own id again: `long_story` repeats a day."""
    for place, entry in enumerate(story.entries):
        payload = entry.payload.replace(b'"execution_id":"x', b'"execution_id":"y%d-' % place)
        story.entries[place] = Entry(entry.seq, entry.subject, payload, entry.recorded_ns)
    return story


def test_a_day_is_stored_with_everything_derived_from_it(migrated_url: str) -> None:
    async def scenario() -> None:
        story = ordinary_day()
        await Ledger(migrated_url).run(story.entries)
        await assert_stored_exactly_once(migrated_url, story)
        orders = await fetch(migrated_url, "SELECT status, filled_quantity FROM orders")
        assert sorted(orders) == sorted(
            [("filled", Decimal(100)), ("filled", Decimal(50)), ("filled", Decimal(70))]
        )
        verdicts = "SELECT is_approved, checks->0->>'code' FROM decisions ORDER BY seq"
        assert await fetch(migrated_url, verdicts) == [(True, "notional_max"), (False, "halted")]
        assert len(await fetch(migrated_url, "SELECT * FROM closed_days")) == 1

    asyncio.run(scenario())


def test_the_chain_can_be_checked_by_the_documented_query(migrated_url: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "audit-trail.md").read_text(encoding="utf-8")
    query = text.split("<!-- chain -->")[1].split("```sql")[1].split("```")[0]

    async def scenario() -> None:
        await Ledger(migrated_url).run(ordinary_day().entries)
        assert await fetch(migrated_url, query) == []
        await execute(
            migrated_url,
            "ALTER TABLE tape_events DISABLE TRIGGER append_only",
            """UPDATE tape_events SET payload = replace(payload::text, '10.0123', '9.0123')::json
            WHERE event = 'filled' AND payload->>'price' = '10.0123'""",
        )
        broken = await fetch(migrated_url, query)
        assert [row[0] for row in broken] == [9]

    asyncio.run(scenario())


def test_a_restart_stores_only_what_is_missing(migrated_url: str) -> None:
    async def scenario() -> None:
        story = ordinary_day()
        for length in (3, 3, 11, 12, story.seq):
            await Ledger(migrated_url).run(story.entries[:length])
        await assert_stored_exactly_once(migrated_url, story)

    asyncio.run(scenario())


def test_connections_killed_at_any_instant_lose_and_repeat_nothing(migrated_url: str) -> None:
    kill = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'tapedeck-ledger' AND datname = current_database()"""

    async def scenario() -> None:
        story = renumbered(long_story())
        ledger = Ledger(migrated_url)
        await ledger.sink.open(ending_at(story.seq))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(ledger.sink.run())
            reading = group.create_task(ledger.read(story.entries))
            killer = await asyncpg.connect(migrated_url)
            for pause in range(60):
                await asyncio.sleep(0.0007 * (pause % 9))
                await killer.fetch(kill)
            await killer.close()
            await reading
            running.cancel()
        await ledger.sink.flush()
        await assert_stored_exactly_once(migrated_url, story)

    asyncio.run(scenario())


def test_a_service_killed_at_any_instant_continues_where_the_database_stands(
    migrated_url: str,
) -> None:
    async def one_life(entries: list[Entry], life_s: float) -> None:
        ledger = Ledger(migrated_url)
        await ledger.sink.open(ending_at(len(entries)))
        try:
            async with asyncio.timeout(life_s), asyncio.TaskGroup() as group:
                group.create_task(ledger.sink.run())
                group.create_task(ledger.read(entries))
                await asyncio.sleep(60)
        except TimeoutError:
            await ledger.writer.close()

    async def scenario() -> None:
        story = renumbered(long_story())
        for life in range(12):
            await one_life(story.entries, 0.011 + 0.003 * life)
        await Ledger(migrated_url).run(story.entries)
        await assert_stored_exactly_once(migrated_url, story)

    asyncio.run(scenario())


def test_a_server_killed_and_started_again_has_everything(tmp_path: Path) -> None:
    story = renumbered(long_story())
    with EmbeddedPostgres(tmp_path) as server:
        asyncio.run(migrate(server.url))

        async def scenario() -> None:
            ledger = Ledger(server.url)
            await ledger.sink.open(ending_at(story.seq))
            async with asyncio.TaskGroup() as group:
                running = group.create_task(ledger.sink.run())
                reading = group.create_task(ledger.read(story.entries))
                while not await ledger.sink.position():
                    await asyncio.sleep(0.001)
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                server.stop()
                await asyncio.sleep(0.1)
                server.start()
                await reading
                while await ledger.sink.position() < story.seq:
                    await asyncio.sleep(0.01)
                running.cancel()
            await ledger.sink.flush()

        with capture_logs() as logs:
            asyncio.run(scenario())
        assert [entry["event"] for entry in logs] == ["database out of reach", "database back"]
        asyncio.run(assert_stored_exactly_once(server.url, story))


async def stored_up_to(url: str, seq: int) -> None:
    async with asyncio.timeout(10):
        while await fetch(url, "SELECT seq FROM ledger_cursor") < [(seq,)]:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def storing(ledger: Ledger) -> AsyncIterator[asyncio.Task[None]]:
    async with asyncio.TaskGroup() as group:
        work = group.create_task(ledger.sink.run())
        yield work
        work.cancel()


def test_a_second_ledger_waits_and_goes_on_where_the_first_ends(migrated_url: str) -> None:
    story = renumbered(long_story())
    half = len(story.entries) // 2

    async def scenario() -> None:
        first, second = Ledger(migrated_url), Ledger(migrated_url, standby_after_s=0.1)
        for ledger in (first, second):
            await ledger.sink.open(ending_at(story.seq))
        async with storing(second):
            async with storing(first):
                async with asyncio.TaskGroup() as group:
                    for ledger in (first, second):
                        group.create_task(ledger.read(story.entries[:half]))
                await stored_up_to(migrated_url, story.entries[half - 1].seq)
            await second.read(story.entries[half:])  # the first is dead
            await stored_up_to(migrated_url, story.seq)
            await second.sink.flush()
        assert await second.sink.position() == story.seq
        await first.writer.close()
        await second.writer.close()

    asyncio.run(scenario())
    asyncio.run(assert_stored_exactly_once(migrated_url, story))


def test_a_ledger_that_hung_in_its_transaction_is_replaced_and_stands_by(
    migrated_url: str,
) -> None:
    story = renumbered(long_story())

    async def scenario() -> None:
        first, second = Ledger(migrated_url), Ledger(migrated_url, standby_after_s=0.1)
        for ledger in (first, second):
            await ledger.sink.open(ending_at(story.seq))
        connection = await first.writer._connected()
        await connection.execute("BEGIN; UPDATE ledger_cursor SET seq = seq")
        async with storing(second):
            await second.read(story.entries[:20])
            await stored_up_to(migrated_url, story.entries[19].seq)
            async with storing(first):
                await first.read(story.entries)
                await second.read(story.entries[20:])
                await stored_up_to(migrated_url, story.seq)
        await first.writer.close()
        await second.writer.close()

    asyncio.run(scenario())
    asyncio.run(assert_stored_exactly_once(migrated_url, story))


@pytest.mark.parametrize(
    ("before", "ledger", "tape_end", "kind", "text"),
    [
        ("", {"tape_id": "ff" * 8}, 99, ConfigurationError, "holds the audit trail of tape 0011"),
        ("", {"book": "other"}, 99, ConfigurationError, "tape 0011.*, book main, but this desk"),
        ("", {}, 5, ConfigurationError, "up to .* but the tape ends at 5"),
        ("UPDATE ledger_cursor SET seq = 7", {}, 99, ConfigurationError, "changed by somebody"),
        ("UPDATE alembic_version SET version_num = '0'", {}, 99, UnavailableError, "migration 0,"),
        ("DROP TABLE alembic_version", {}, 99, UnavailableError, "is not migrated"),
    ],
)
def test_a_database_that_does_not_belong_here_is_refused(
    migrated_url: str,
    before: str,
    ledger: dict[str, str],
    tape_end: int,
    kind: type[Exception],
    text: str,
) -> None:
    async def scenario() -> None:
        await Ledger(migrated_url).run(ordinary_day().entries)
        await execute(migrated_url, before or "SELECT 1")
        other = Ledger(migrated_url, **ledger)  # type: ignore[arg-type]
        with pytest.raises(kind, match=text):
            await other.sink.open(ending_at(tape_end))
        await other.writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda url: url.replace("://tapedeck:", "://tapedeck:not"), "refuses the password"),
        (lambda url: f"{url}_not_there", "has no such database"),
    ],
)
def test_a_wrong_address_is_one_sentence(
    migrated_url: str, change: Callable[[str], str], text: str
) -> None:
    with pytest.raises(UnavailableError, match=text) as caught:
        asyncio.run(Ledger(change(migrated_url)).sink.open(ending_at(0)))
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_waited_for_and_then_named() -> None:
    postgres = PostgresSettings(
        url=SecretStr("postgresql://a:b@127.0.0.1:1/c"), connect_timeout_s=0.2
    )
    writer = Writer(postgres, QUICK, structlog.get_logger(), tape_id=TAPE_ID, book=BOOK)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        asyncio.run(writer.open(ending_at(0)))


def test_the_writer_role_is_enough(migrated_url: str) -> None:
    name = migrated_url.rsplit("/", 1)[1]
    user = f"writer_of_{name}"

    async def scenario() -> None:
        await execute(
            migrated_url, f"CREATE ROLE {user} LOGIN PASSWORD 'p4ss' IN ROLE tapedeck_writer"
        )
        story = ordinary_day()
        place = migrated_url.split("@", 1)[1]
        try:
            await Ledger(f"postgresql://{user}:p4ss@{place}").run(story.entries)
        finally:
            await execute(migrated_url, f"DROP ROLE {user}")
        await assert_stored_exactly_once(migrated_url, story)

    asyncio.run(scenario())


def test_a_second_ledger_may_start_while_the_first_stores_what_is_said(migrated_url: str) -> None:
    """It looks at the cursor first: what is stored after that is no proof of a lost tape."""

    async def scenario() -> None:
        story = ordinary_day()
        first, second = Ledger(migrated_url), Ledger(migrated_url)

        async def tape_end() -> int:
            end = len(story.entries) // 2
            await first.run(story.entries)  # the tape has grown, and all of it is stored
            return end

        await second.sink.open(tape_end)
        await second.writer.close()
        await first.writer.close()
        await assert_stored_exactly_once(migrated_url, story)

    asyncio.run(scenario())


def test_a_row_that_the_database_refuses_stops_the_process(migrated_url: str) -> None:
    async def scenario() -> None:
        story = ordinary_day()
        ledger = Ledger(migrated_url)
        await ledger.sink.open(ending_at(story.seq))
        await execute(migrated_url, "ALTER TABLE fills ADD CONSTRAINT none_at_all CHECK (seq < 0)")
        await ledger.read(story.entries)
        with pytest.raises(InvariantError, match=r"INV-LEDGER-ROWS.*none_at_all"):
            await ledger.sink.flush()
        await ledger.writer.close()

    asyncio.run(scenario())
