"""The logins of the database: the ledger writes what the audit trail allows, the console reads.

The migrations make two roles without a login, `tapedeck_writer` and `tapedeck_reader`, and grant
them their rights on the tables. Here they get members that may log in. No password travels in a
statement, where the server would log it when it fails: the server is told its SCRAM verifier.
"""

import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping

import asyncpg

from services.ledger.adapters.failures import FAILURES, explain
from shared.domain.errors import ConfigurationError

OWNER = "tapedeck"
LOGINS: Mapping[str, str] = {
    "ledger": "tapedeck_ledger",
    "console": "tapedeck_console",
    "gateway": "tapedeck_gateway",
    "admin": OWNER,
}
"""Who of `shared.permissions.USERS` logs in at the database, and as whom."""
GROUPS: Mapping[str, str] = {
    "tapedeck_ledger": "tapedeck_writer",
    "tapedeck_console": "tapedeck_reader",
    "tapedeck_gateway": "tapedeck_reader",
}
REPLICA = "tapedeck_replica"
"""Who copies the database as it grows; may read everything, and is no user of the tape."""
_ITERATIONS = 4_096  # PostgreSQL's own; the passwords are 192 random bits
_SALT_BYTES = 16


def scram_verifier(password: str, salt: bytes) -> str:
    """Return what PostgreSQL stores of a password (RFC 5802, RFC 7677)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def statements(passwords: Mapping[str, str]) -> list[str]:
    """Return the SQL that makes the roles and sets the logins' passwords.

    Names are constants of this module and a verifier is base64: nothing in it needs quoting.
    """
    made = []
    for login, password in passwords.items():
        if login not in (*GROUPS, REPLICA):
            raise ConfigurationError(f"login {login!r}: one of {', '.join((*GROUPS, REPLICA))}")
        verifier = scram_verifier(password, secrets.token_bytes(_SALT_BYTES))
        rights = "LOGIN REPLICATION" if login == REPLICA else "LOGIN"
        made += [
            _create(login, rights),
            f"ALTER ROLE {login} {rights} PASSWORD '{verifier}'",
        ]
        if login != REPLICA:
            made += [_create(GROUPS[login], "NOLOGIN"), f"GRANT {GROUPS[login]} TO {login}"]
    return made


def _create(role: str, options: str) -> str:
    return (
        f"DO $$ BEGIN CREATE ROLE {role} {options};"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


async def prepare_roles(url: str, passwords: Mapping[str, str], timeout_s: float) -> None:
    """Make the roles, all or none of them.

    Raises UnavailableError or ConfigurationError with one sentence for the operator.
    """
    try:
        connection = await asyncpg.connect(url, timeout=timeout_s)
        try:
            async with connection.transaction():
                for statement in statements(passwords):
                    await connection.execute(statement)
        finally:
            await connection.close(timeout=timeout_s)
    except FAILURES as error:
        raise explain(error, url) from error
