"""The database's logins on a real server: who gets in, and what he may do there."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from console.provision_roles import prepare_roles
from services.ledger.migrate import migrate

PASSWORDS = {"tapedeck_ledger": "ledger-1", "tapedeck_console": "console-1"}
INSERT_CURSOR = "INSERT INTO ledger_cursor (tape_id, book, seq, hash) VALUES ('t', 'main', 1, '')"
INSERT_ENTRY = (
    "INSERT INTO journal_entries (book, seq, entry, ts_ns, kind, symbol, strategy_id)"
    " VALUES ('main', 1, 0, 1, 'fill', 'SPY', 'x')"
)


def url_of(database_url: str, login: str, password: str) -> str:
    parts = urlsplit(database_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}:{password}@{host}"))


async def refusal(url: str, statement: str) -> str:
    """Return why a statement is refused, "" when it is not."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        return type(error).__name__
    finally:
        await connection.close()
    return ""


def test_the_ledger_adds_and_cannot_take_back_and_the_console_only_reads(
    database_url: str,
) -> None:
    async def scenario() -> None:
        await prepare_roles(database_url, PASSWORDS, 5.0)
        await migrate(database_url)
        ledger = url_of(database_url, "tapedeck_ledger", "ledger-1")
        console = url_of(database_url, "tapedeck_console", "console-1")
        denied = "InsufficientPrivilegeError"

        assert await refusal(ledger, INSERT_CURSOR) == ""
        assert await refusal(ledger, "UPDATE ledger_cursor SET seq = 2") == ""
        assert await refusal(ledger, INSERT_ENTRY) == ""
        assert await refusal(ledger, "UPDATE journal_entries SET symbol = 'QQQ'") == denied
        assert await refusal(ledger, "DELETE FROM ledger_cursor") == denied
        assert await refusal(ledger, "CREATE TABLE mine (x int)") == denied
        assert await refusal(console, "SELECT * FROM journal_entries") == ""
        assert await refusal(console, "UPDATE ledger_cursor SET seq = 3") == denied
        assert await refusal(console, INSERT_ENTRY) == denied

    asyncio.run(scenario())


def test_a_new_password_replaces_the_old_one(database_url: str) -> None:
    async def scenario() -> None:
        await prepare_roles(database_url, PASSWORDS, 5.0)
        await prepare_roles(database_url, {"tapedeck_ledger": "ledger-2"}, 5.0)

        assert await refusal(url_of(database_url, "tapedeck_ledger", "ledger-2"), "SELECT 1") == ""
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url_of(database_url, "tapedeck_ledger", "ledger-1"))

    asyncio.run(scenario())
