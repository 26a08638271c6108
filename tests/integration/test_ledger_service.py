"""The ledger service as a process: it stores a real tape, ends in order, and goes on later."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from services.ledger import queries
from services.ledger.adapters.engine import database
from services.ledger.migrate import migrate
from shared.core import Stamp
from shared.messages.base import Message
from shared.tape.entry import fact
from shared.tape.jetstream import JetStreamTape
from tests.integration.test_ledger_writer import fetch
from tests.servers import NatsUnderTest
from tests.tapes import TAPE_ID, fresh_tape
from tests.unit.services.ledger.story import BOOK, ordinary_day

PATIENCE_S = 60.0  # the machine may be busy


def environment(server: NatsUnderTest, url: str) -> Mapping[str, str]:
    return {
        **os.environ,
        **server.environment("ledger"),
        "TAPEDECK__POSTGRES__URL": url,
        "TAPEDECK__HEALTH__LEDGER_PORT": "0",
    }


async def tell(tape: JetStreamTape, stamp: Stamp, message: Message, key: str) -> None:
    out = fact(tape.id, stamp.lane, message, ts_ns=stamp.ts_ns, key=key)
    last = await tape.last(stamp.lane.fence)
    await tape.append(out, lane=stamp.lane, fence=last.seq if last else 0)


async def one_life(server: NatsUnderTest, url: str, until_seq: int) -> int:
    """Run the service until the database stands at a sequence; return its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ledger.main", env=environment(server, url)
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while process.returncode is None:
                cursor = await fetch(url, "SELECT seq FROM ledger_cursor")
                if cursor and int(str(cursor[0][0])) >= until_seq:
                    process.send_signal(signal.SIGTERM)
                    return await process.wait()
                await asyncio.sleep(0.05)
        return process.returncode or 0
    finally:
        if process.returncode is None:
            process.kill()


def test_the_service_stores_the_tape_and_its_own_words(
    clean_nats: NatsUnderTest, database_url: str
) -> None:
    async def scenario() -> None:
        await migrate(database_url)
        entries = ordinary_day().entries
        async with fresh_tape(clean_nats) as (_, tape):
            for entry in entries[:12]:
                await tell(tape, *entry.open(), f"{entry.seq}")
            # Born at the tape's end, so `state` is one more.
            assert await one_life(clean_nats, database_url, 13) == 0
            for entry in entries[12:]:
                await tell(tape, *entry.open(), f"{entry.seq}")
            end = len(entries) + 2  # `state` and `closed_day`
            assert await one_life(clean_nats, database_url, end) == 0
            assert (await tape.bounds()).last == end
        events = await fetch(database_url, "SELECT seq, subject FROM tape_events ORDER BY seq")
        assert [event[0] for event in events] == list(range(1, end + 1))
        assert [s for _, s in events if str(s).startswith("ledger.")] == [
            "ledger.main.state",
            "ledger.main.closed_day",
        ]
        async with database(database_url) as engine:
            summary = await queries.summary(engine, TAPE_ID, BOOK)
        assert (summary.fills, summary.balanced, summary.cursor) == (4, True, end)

    asyncio.run(scenario())


def test_a_database_that_is_not_migrated_ends_the_service_with_one_sentence(
    clean_nats: NatsUnderTest, database_url: str
) -> None:
    async def scenario() -> tuple[int | None, str]:
        async with fresh_tape(clean_nats):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.ledger.main",
                env=environment(clean_nats, database_url),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
            return process.returncode, out.decode()

    code, text = asyncio.run(scenario())
    assert code == 3
    assert "is not migrated: run `python -m services.ledger.migrate`" in text
    assert "Traceback" not in text
