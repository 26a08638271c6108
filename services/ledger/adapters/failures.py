"""What PostgreSQL's failures mean: try again, or one sentence for who can mend it."""

from urllib.parse import urlsplit

import asyncpg

from shared.domain.errors import (
    ConfigurationError,
    InvariantError,
    TapedeckError,
    UnavailableError,
)

FAILURES = (
    OSError,
    TimeoutError,
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # its protocol lost its place: the connection died in a COPY
)
"""What asyncpg raises when the server, the network, the URL or a statement is at fault."""

# SQLSTATE classes (and codes) of what passes: connection, a transaction that hung, rollback,
# resources, a row that another ledger holds, operator intervention (shutdown, starting up),
# system error.
_PASSING = ("08", "25P03", "40", "53", "55P03", "57P", "58")
_ADVICE = {
    "28P01": "refuses the password of this user: check postgres.url",
    "28000": "refuses this user: check postgres.url and the server's pg_hba.conf",
    "3D000": "has no such database: create it, then run `python -m services.ledger.migrate`",
    "42P01": "is not migrated: run `python -m services.ledger.migrate`",
    "42703": "is not migrated: run `python -m services.ledger.migrate`",
    "42501": "denies this user a right: it needs the role tapedeck_writer",
}
_REFUSED = ("22", "23", "P0001")  # a row that does not fit: ours to mend


def place(url: str) -> str:
    """Return who and where an URL points to, without its password."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return f"{user}{parts.hostname or 'local socket'}:{parts.port or 5432}{parts.path}"


def is_passing(error: BaseException) -> bool:
    """Tell whether the same may succeed later: the server is away, starting, full or busy."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_PASSING)
    if isinstance(error, ValueError):  # asyncpg's ClientConfigurationError is both
        return False
    broken = asyncpg.InterfaceError | asyncpg.InternalClientError
    return isinstance(error, OSError | TimeoutError | broken)


def explain(error: BaseException, url: str) -> TapedeckError:
    """Return the project's error for one of PostgreSQL, its driver or the network."""
    where = f"PostgreSQL at {place(url)}"
    state = getattr(error, "sqlstate", None) or ""
    if state in _ADVICE:
        kind = ConfigurationError if state == "42501" else UnavailableError
        return kind(f"{where} {_ADVICE[state]} ({_first_line(error)})")
    if state.startswith(_REFUSED):
        return InvariantError("INV-LEDGER-ROWS", f"{where}: {_first_line(error)}")
    if isinstance(error, ValueError):
        return ConfigurationError(f"postgres.url cannot be used: {_first_line(error)}")
    if is_passing(error):
        return UnavailableError(f"{where} cannot be reached: {_first_line(error)}")
    return UnavailableError(f"{where}: {type(error).__name__}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
