"""Migrations make exactly the tables that the code describes, with their guards and roles."""

import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from services.ledger.adapters import statements
from services.ledger.adapters.engine import database
from services.ledger.migrate import configure, current, migrate
from services.ledger.schema import APPEND_ONLY, metadata
from shared.domain.errors import ConfigurationError, UnavailableError


def on_connection(url: str, *texts: str) -> list[object]:
    """Execute statements on one connection; return the first column of the last one."""

    async def run() -> list[object]:
        connection = await asyncpg.connect(url)
        try:
            for text in texts[:-1]:
                await connection.execute(text)
            return [row[0] for row in await connection.fetch(texts[-1])]
        finally:
            await connection.close()

    return asyncio.run(run())


def test_an_empty_database_is_migrated_once(database_url: str) -> None:
    assert asyncio.run(current(database_url)) is None
    assert asyncio.run(migrate(database_url)) == ["0001"]
    assert asyncio.run(migrate(database_url)) == []
    assert asyncio.run(current(database_url)) == statements.REVISION


def test_two_migrations_at_once_work_one_after_the_other(database_url: str) -> None:
    async def both() -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(migrate(database_url)) for _ in range(2)]
        return [revision for task in tasks for revision in task.result()]

    assert asyncio.run(both()) == ["0001"]


def test_the_migrated_tables_are_the_described_ones(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async def compare() -> list[object]:
        await migrate(database_url)
        async with database(database_url) as engine, engine.connect() as connection:
            return await connection.run_sync(differences)

    assert asyncio.run(compare()) == []


def test_a_downgrade_leaves_nothing_and_can_be_undone(database_url: str) -> None:
    def down(connection: Connection) -> None:
        command.downgrade(configure(connection, []), "base")

    async def back_and_forth() -> list[str]:
        await migrate(database_url)
        async with database(database_url) as engine, engine.begin() as connection:
            await connection.run_sync(down)
        return await migrate(database_url)

    assert asyncio.run(back_and_forth()) == ["0001"]


def test_what_is_recorded_cannot_be_changed_by_anybody(database_url: str) -> None:
    asyncio.run(migrate(database_url))
    for table in APPEND_ONLY:
        for change in (f"UPDATE {table} SET seq = 1", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(asyncpg.RaiseError, match=f"{table.name} is append-only"):
                on_connection(database_url, change)


def test_a_journal_entry_that_does_not_sum_to_zero_is_refused(database_url: str) -> None:
    asyncio.run(migrate(database_url))
    insert = "INSERT INTO journal_lines VALUES"
    on_connection(
        database_url, f"{insert} ('main', 1, 0, 0, 'A', 2, 0), ('main', 1, 0, 1, 'B', -2, 0)"
    )
    with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
        on_connection(database_url, f"{insert} ('main', 2, 0, 0, 'A', 2, 0)")


def test_the_writer_role_adds_and_the_reader_role_reads(database_url: str) -> None:
    asyncio.run(migrate(database_url))
    writer, reader = "SET ROLE tapedeck_writer", "SET ROLE tapedeck_reader"
    cursor = "INSERT INTO ledger_cursor VALUES ('t', 'main', 0, '')"
    on_connection(database_url, writer, cursor, "UPDATE ledger_cursor SET seq = 1")
    assert on_connection(database_url, reader, "SELECT seq FROM ledger_cursor") == [1]
    for role, refused in (
        (writer, "DELETE FROM ledger_cursor"),
        (writer, "UPDATE tape_events SET seq = 1"),
        (writer, "DROP TRIGGER append_only ON tape_events"),
        (reader, cursor),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            on_connection(database_url, role, refused)


def test_an_owner_who_may_not_create_roles_can_migrate(database_url: str) -> None:
    name = database_url.rsplit("/", 1)[1]
    owner = f"owner_of_{name}"
    on_connection(
        database_url,
        f"CREATE ROLE {owner} LOGIN PASSWORD 'p4ss'",
        f"ALTER DATABASE {name} OWNER TO {owner}",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "SELECT 1",
    )
    place = database_url.split("@", 1)[1]
    try:
        assert asyncio.run(migrate(f"postgresql://{owner}:p4ss@{place}")) == ["0001"]
    finally:
        on_connection(
            database_url,
            f"DROP OWNED BY {owner}",
            f"ALTER DATABASE {name} OWNER TO CURRENT_USER",
            f"DROP ROLE {owner}",
            "SELECT 1",
        )


def test_each_failure_to_connect_is_one_sentence(database_url: str) -> None:
    place = database_url.split("@", 1)[1]
    server = place.rsplit("/", 1)[0]
    for url, kind, text in (
        (f"{database_url}_not_there", UnavailableError, "has no such database"),
        ("postgresql://a@127.0.0.1:1/b", UnavailableError, "cannot be reached"),
        (f"postgresql://nobody:wrong@{server}/x", UnavailableError, "refuses"),
        (f"{database_url}?sslmode=odd", ConfigurationError, "postgres.url cannot be used"),
    ):
        with pytest.raises(kind, match=text) as caught:
            asyncio.run(migrate(url, timeout_s=5))
        assert "wrong" not in str(caught.value)


def test_the_command_reports_what_it_did(database_url: str) -> None:
    def run(url: str) -> tuple[int, str]:
        environment = {**os.environ, "TAPEDECK__POSTGRES__URL": url}
        done = subprocess.run(
            [sys.executable, "-m", "services.ledger.migrate"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert run(database_url) == (0, "migrations: applied 0001\n")
    assert run(database_url) == (0, "migrations: nothing to do\n")
    code, text = run("postgresql://a@127.0.0.1:1/b")
    assert code == 3
    assert text.startswith("PostgreSQL at a@127.0.0.1:1/b cannot be reached")
