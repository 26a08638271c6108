"""Brings a database to this release's tables: `python -m services.ledger.migrate`.

A job of its own (the console, a container's `init`), so that the service neither imports Alembic
nor needs the right to create tables. Safe to repeat and to run twice at once: an advisory lock
lets one migration work at a time.
"""

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select

from services.ledger.adapters.engine import database
from services.ledger.config import LedgerServiceSettings
from shared.config.desk import load
from shared.domain.errors import TapedeckError

LOCK = 0x7461_7065_6465_636B  # "tapedeck": one migration at a time, whoever starts it
_SCRIPTS = Path(__file__).parent / "migrations"


async def migrate(url: str, timeout_s: float = 5.0) -> list[str]:
    """Bring the database to the newest revision; return the revisions applied, oldest first.

    Raises UnavailableError or ConfigurationError with one sentence for the operator.
    """
    applied: list[str] = []

    def upgrade(connection: Connection) -> None:
        command.upgrade(configure(connection, applied), "head")

    async with database(url, timeout_s) as engine, engine.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        await connection.run_sync(upgrade)
    return applied


async def current(url: str, timeout_s: float = 5.0) -> str | None:
    """Return the revision that the database stands at, None before the first migration."""

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with database(url, timeout_s) as engine, engine.connect() as connection:
        return await connection.run_sync(read)


def configure(connection: Connection, applied: list[str]) -> Config:
    """Return Alembic's configuration in code; `applied` collects the revisions it runs."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, applied=applied)
    return config


def main() -> int:
    """Migrate the configured database; the exit code is 0, or 3 with one sentence."""
    try:
        postgres = load(LedgerServiceSettings).postgres
        url = postgres.url.get_secret_value()
        applied = asyncio.run(migrate(url, postgres.connect_timeout_s))
    except TapedeckError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    done = f"applied {', '.join(applied)}" if applied else "nothing to do"
    sys.stdout.write(f"migrations: {done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
