"""Passwords of an embedded server: random, made once, kept in the desk's state directory."""

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, override

from shared.domain.errors import UnavailableError

FILE_NAME = "credentials.json"
_PASSWORD_BYTES = 24


class Passwords(NamedTuple):
    """`of` maps each user to a password; `made` names the users whose password is new."""

    of: dict[str, str]
    made: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        return f"Passwords(of={sorted(self.of)}, made={self.made})"


def passwords(state_dir: Path, server: str, users: Sequence[str]) -> Passwords:
    """Return the passwords of `users` at `server`, making those that do not exist yet.

    They are kept in one file of mode 0600 for all servers. The caller has claimed its server's
    folder, so nobody else writes. Raises UnavailableError when they cannot be read or kept.
    """
    path = state_dir / FILE_NAME
    kept = _read(path)
    of = kept.setdefault(server, {})
    made = tuple(user for user in users if user not in of)
    if made:
        of.update({user: secrets.token_hex(_PASSWORD_BYTES) for user in made})
        _write(path, kept)
    return Passwords({user: of[user] for user in users}, made)


def forget(state_dir: Path, server: str) -> None:
    """Remove the passwords of a server that asks for none any more."""
    path = state_dir / FILE_NAME
    kept = _read(path)
    if kept.pop(server, None) is not None:
        _write(path, kept)


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or not all(isinstance(users, dict) for users in kept.values()):
        raise UnavailableError(
            f"{path} is damaged: remove it, and the next start makes new passwords"
        )
    return kept


def _write(path: Path, kept: dict[str, dict[str, str]]) -> None:
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(kept, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}: {error.strerror}") from None
