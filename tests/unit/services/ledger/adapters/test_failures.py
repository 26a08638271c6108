"""PostgreSQL's failures become one sentence, or another attempt."""

import asyncpg
import pytest

from services.ledger.adapters.failures import explain, is_passing, place
from shared.domain.errors import ConfigurationError, InvariantError, UnavailableError

URL = "postgresql://anna:hunter2@db.example:5433/books"


def test_a_place_has_no_password() -> None:
    assert place(URL) == "anna@db.example:5433/books"
    assert place("postgresql:///books") == "local socket:5432/books"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
    ],
)
def test_what_passes_is_tried_again(error: Exception) -> None:
    assert is_passing(error)
    assert isinstance(explain(error, URL), UnavailableError)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (asyncpg.InvalidPasswordError("no"), UnavailableError, "refuses the password"),
        (asyncpg.InvalidCatalogNameError("no"), UnavailableError, "has no such database"),
        (asyncpg.UndefinedTableError("no"), UnavailableError, "services.ledger.migrate"),
        (asyncpg.InsufficientPrivilegeError("no"), ConfigurationError, "tapedeck_writer"),
        (asyncpg.UniqueViolationError("twice"), InvariantError, "INV-LEDGER-ROWS"),
        (asyncpg.CheckViolationError("uneven"), InvariantError, "uneven"),
        (asyncpg.ClientConfigurationError("bad dsn"), ConfigurationError, "postgres.url"),
        (asyncpg.SyntaxOrAccessError("odd\nmore"), UnavailableError, "SyntaxOrAccessError: odd"),
    ],
)
def test_what_does_not_pass_is_one_sentence(
    error: Exception, kind: type[Exception], text: str
) -> None:
    explained = explain(error, URL)
    assert not is_passing(error)
    assert isinstance(explained, kind)
    assert text in str(explained)
    assert "hunter2" not in str(explained)
    assert "\n" not in str(explained)
