"""What the database is told about the logins; on a real one in tests/integration."""

import hashlib
import hmac
from base64 import b64decode

import pytest

from console.provision_roles import GROUPS, LOGINS, OWNER, REPLICA, scram_verifier, statements
from shared.domain.errors import ConfigurationError
from shared.permissions import USERS


def test_a_verifier_proves_the_password_and_does_not_hold_it() -> None:
    verifier = scram_verifier("pencil", b"0123456789abcdef")
    kind, parameters, keys = verifier.split("$")
    iterations, salt = parameters.split(":")
    stored, server = keys.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b64decode(salt), int(iterations))

    assert kind == "SCRAM-SHA-256"
    assert "pencil" not in verifier
    client = hmac.digest(salted, b"Client Key", "sha256")
    assert b64decode(stored) == hashlib.sha256(client).digest()
    assert b64decode(server) == hmac.digest(salted, b"Server Key", "sha256")


def test_the_same_password_is_stored_differently_each_time() -> None:
    first, second = (statements({"tapedeck_ledger": "secret"}) for _ in range(2))

    assert first != second
    assert not any("'secret'" in line for line in (*first, *second))


def test_the_ledger_writes_and_operators_read() -> None:
    assert GROUPS[LOGINS["ledger"]] == "tapedeck_writer"
    assert {GROUPS[LOGINS[user]] for user in ("console", "gateway")} == {"tapedeck_reader"}
    assert set(LOGINS) <= set(USERS)
    assert OWNER not in GROUPS


def test_who_copies_the_database_may_do_that_and_is_in_no_group() -> None:
    made = statements({REPLICA: "secret"})
    assert any(f"ALTER ROLE {REPLICA} LOGIN REPLICATION PASSWORD 'SCRAM" in one for one in made)
    assert not any("GRANT" in one for one in made)


def test_a_login_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="somebody"):
        statements({"somebody": "x"})
