"""One connection to PostgreSQL, and the transaction that stores a batch exactly once.

A transaction moves the cursor from the sequence it was expected at (the fence: one row or
abort), adds the events by COPY and stores the derived rows. Whatever interrupts it (a lost
connection, a cancelled task, a killed server), the caller keeps the batch until `store` returns;
the next connection reads the cursor and thereby learns whether the last attempt counted.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import asyncpg
from structlog.typing import FilteringBoundLogger

from services.ledger.adapters import statements
from services.ledger.adapters.failures import FAILURES, explain, is_passing, place
from services.ledger.adapters.records import Batch, genesis
from services.ledger.config import WriterSettings
from shared.config.desk import PostgresSettings
from shared.domain.errors import ConfigurationError, InvariantError, UnavailableError
from shared.runtime.clock import monotonic_s

APPLICATION = "tapedeck-ledger"
IDLE_IN_TRANSACTION_MS = 500


class CursorMovedError(InvariantError):
    """Another ledger has stored on this cursor: the batch at hand is its business now."""

    def __init__(self, where: str, book: str, old_seq: int) -> None:
        super().__init__(
            "INV-LEDGER-FENCE",
            f"the cursor of book {book} in {where} is no longer at {old_seq}:"
            " another ledger writes there",
        )


class Writer:
    """Stores batches for one tape and book, over as many connections as it takes."""

    def __init__(
        self,
        postgres: PostgresSettings,
        settings: WriterSettings,
        log: FilteringBoundLogger,
        *,
        tape_id: str,
        book: str,
    ) -> None:
        self._url = postgres.url.get_secret_value()
        self._connect_timeout_s = postgres.connect_timeout_s
        self._settings = settings
        self._log = log
        self._tape_id = tape_id
        self._book = book
        self._connection: asyncpg.Connection | None = None
        self._is_in_doubt = False
        self._is_away = False

    @property
    def where(self) -> str:
        """Who and where, without the password."""
        return place(self._url)

    async def open(self, tape_end: Callable[[], Awaitable[int]]) -> tuple[int, bytes]:
        """Connect and return the cursor: the last stored sequence and its hash.

        `tape_end` tells how far the tape reaches; it is asked after the cursor was read, since
        another ledger may be storing what is said meanwhile. Waits for a server that is starting,
        for the connect timeout. Refuses, by UnavailableError or ConfigurationError, a database
        that is not of this release or not of this tape.
        """
        seq, digest = await self._first_cursor()
        end = await tape_end()
        if seq > end:
            raise ConfigurationError(
                f"PostgreSQL at {self.where} knows tape {self._tape_id} up to {seq}, but the tape"
                f" ends at {end}: the tape was restored from an older copy; set postgres.url"
                " to a new database, it will be filled from the tape"
            )
        return seq, digest

    async def store(self, batch: Batch) -> None:
        """Commit a batch, however long that takes.

        Raises CursorMovedError when another ledger moved the cursor, InvariantError when the
        database refuses a row, UnavailableError when it refuses us.
        """
        await self._patiently(lambda connection: self._store_on(connection, batch))

    async def cursor(self) -> tuple[int, bytes]:
        """Return the last stored sequence and its hash, however long that takes."""
        return await self._patiently(self._cursor_on)

    async def close(self) -> None:
        """End the connection in order; the next `store` would make a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=self._connect_timeout_s)
            except FAILURES:
                connection.terminate()  # it was broken already, and nothing is left to store

    async def _first_cursor(self) -> tuple[int, bytes]:
        deadline_s = monotonic_s() + self._connect_timeout_s
        while True:
            try:
                return await self._checked_cursor(await self._connected())
            except FAILURES as error:
                self._abandon()
                if not is_passing(error) or monotonic_s() >= deadline_s:
                    raise explain(error, self._url) from error
            await asyncio.sleep(self._settings.retry_ms / 1e3)

    async def _patiently[T](self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Return what `work` does on a connection; again on a new one as long as that may help."""
        pause_ms = self._settings.retry_ms
        while True:
            try:
                done = await work(await self._connected())
            except FAILURES as error:
                self._abandon()
                if not is_passing(error):
                    raise explain(error, self._url) from error
                if not self._is_away:
                    self._is_away = True
                    self._log.warning("database out of reach", where=self.where, error=str(error))
            except BaseException:
                self._abandon()  # cancelled half-way: only the database knows how far it came
                raise
            else:
                if self._is_away:
                    self._is_away = False
                    self._log.info("database back", where=self.where)
                return done
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads reconnects, no secret
            await asyncio.sleep(pause_ms * jitter / 1e3)
            pause_ms = min(pause_ms * 2, self._settings.retry_max_ms)

    async def _store_on(self, connection: asyncpg.Connection, batch: Batch) -> None:
        if not await self._is_stored(connection, batch):
            await self._transact(connection, batch)

    async def _cursor_on(self, connection: asyncpg.Connection) -> tuple[int, bytes]:
        return (await _cursors(connection))[self._tape_id, self._book]

    async def _transact(self, connection: asyncpg.Connection, batch: Batch) -> None:
        # No rollback: after a failure the connection is given up, and the server rolls back.
        # Asked for one in the middle of a broken COPY, the driver would hide the first error.
        transaction = connection.transaction()
        await transaction.start()
        moved = await connection.fetchval(
            statements.MOVE_CURSOR, self._tape_id, self._book, batch.old_seq, batch.seq, batch.hash
        )
        if moved is None:
            raise CursorMovedError(self.where, self._book, batch.old_seq)
        await _copy(connection, "tape_events", batch.events)
        for table, records in batch.copies.items():
            await _copy(connection, table, records)
        for table, states in batch.upserts.items():
            await connection.executemany(statements.UPSERT[table], states.values())
        await transaction.commit()

    async def _is_stored(self, connection: asyncpg.Connection, batch: Batch) -> bool:
        """Tell whether an earlier attempt at this very batch was committed after all."""
        if not self._is_in_doubt:
            return False
        cursors = await _cursors(connection)
        self._is_in_doubt = False
        return cursors.get((self._tape_id, self._book)) == (batch.seq, batch.hash)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url,
                timeout=self._connect_timeout_s,
                command_timeout=self._settings.command_timeout_s,
                server_settings={
                    "application_name": APPLICATION,
                    # A ledger that hangs in its transaction holds the cursor's row: its standby
                    # gets it after this long.
                    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_MS}",
                    "lock_timeout": f"{IDLE_IN_TRANSACTION_MS}",
                },
            )
        return self._connection

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        self._is_in_doubt = True
        if connection is not None:
            connection.terminate()

    async def _checked_cursor(self, connection: asyncpg.Connection) -> tuple[int, bytes]:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        if revision != statements.REVISION:
            raise UnavailableError(
                f"PostgreSQL at {self.where} is at migration {revision}, this release needs"
                f" {statements.REVISION}: run `python -m services.ledger.migrate`"
            )
        mine = (self._tape_id, self._book)
        await connection.execute(statements.OPEN_CURSOR, *mine, 0, genesis(self._tape_id))
        # One view of both: another ledger may store between two questions.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            cursors = await _cursors(connection)
            last = await connection.fetchrow(statements.READ_LAST_EVENT)
        seq, digest = cursors.pop(mine)
        for tape_id, book in cursors:
            raise ConfigurationError(
                f"PostgreSQL at {self.where} holds the audit trail of tape {tape_id}, book"
                f" {book}, but this desk is tape {self._tape_id}, book {self._book}: set"
                " postgres.url to another database"
            )
        stored = (last["seq"], last["hash"]) if last else (0, genesis(self._tape_id))
        if stored != (seq, digest):
            raise ConfigurationError(
                f"PostgreSQL at {self.where} was changed by somebody else: its last event"
                f" {stored[0]} is not the one its cursor names ({seq}); docs/audit-trail.md"
                " tells how to find where the chain breaks"
            )
        return seq, digest


async def _copy(
    connection: asyncpg.Connection, table: str, records: list[tuple[object, ...]]
) -> None:
    await connection.copy_records_to_table(table, records=records, columns=statements.COPY[table])


async def _cursors(connection: asyncpg.Connection) -> dict[tuple[str, str], tuple[int, bytes]]:
    rows = await connection.fetch(statements.READ_CURSORS)
    return {(row["tape_id"], row["book"]): (row["seq"], row["hash"]) for row in rows}
