"""Does the tape still tell what the database was filled from?

A tape has an id, but a tape that was restored from an older copy, and has grown since, has it,
too. What the database stored last must stand on the tape at the same place, word for word.
"""

import asyncpg

from services.ledger.adapters import statements
from services.ledger.adapters.failures import FAILURES, explain, place
from shared.config.desk import PostgresSettings
from shared.domain.errors import ConfigurationError
from shared.tape.interface import Bounds, ReadableTape

APPLICATION = "tapedeck-ledger"


async def check_history(tape: ReadableTape, postgres: PostgresSettings) -> None:
    """Refuse a database that was filled from another past of this tape.

    Call it once the cursor was found to lie on the tape (`Writer.open`). Raises
    ConfigurationError with advice, UnavailableError when PostgreSQL does not answer.
    """
    url = postgres.url.get_secret_value()
    bounds = await tape.bounds()
    for event in await _newest_events(url, postgres.connect_timeout_s):
        difference = await _difference(tape, bounds, event)
        if difference:
            raise ConfigurationError(
                f"PostgreSQL at {place(url)} was filled from another past of tape {tape.id}:"
                f" {difference}; the tape was restored from an older copy and has grown since. Set"
                " postgres.url to a new database, it will be filled from the tape"
            )


async def _difference(tape: ReadableTape, bounds: Bounds, event: asyncpg.Record) -> str:
    """Return what is wrong about a stored event, "" when the tape says it, too, or let it go."""
    seq, stored = event["seq"], f"{event['subject']} ({event['message_id'][:8]})"
    entry = await tape.get(seq)
    if entry is None:
        may_be_gone = seq < bounds.trimmed_before or event["subject"].startswith("data.")
        return "" if may_be_gone else f"message {seq} was {stored} and is not on the tape"
    if entry.payload.decode(errors="replace") == event["payload"]:
        return ""
    return f"message {seq} was {stored}, on the tape it is another"


async def _newest_events(url: str, timeout_s: float) -> list[asyncpg.Record]:
    """Return the newest event, and the newest that no tape lets expire."""
    try:
        connection = await asyncpg.connect(
            url, timeout=timeout_s, server_settings={"application_name": APPLICATION}
        )
        try:
            queries = (statements.READ_NEWEST_EVENT, statements.READ_NEWEST_LASTING_EVENT)
            found = [await connection.fetchrow(query) for query in queries]
        finally:
            await connection.close(timeout=timeout_s)
    except FAILURES as error:
        raise explain(error, url) from error
    return [event for event in found if event is not None]
