"""The seeds of a desk's users: one file each of mode 0600, made once, kept in the state folder.

STATE/nkeys/risk.nk is what the risk service logs in with. To rotate a key remove its file (or
the folder) while the desk rests: the next start makes a new one and tells the server.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from shared.domain.errors import ConfigurationError, UnavailableError
from shared.tape.client import SEED_SUFFIX
from shared.tape.nkeys import UserKey

FOLDER = "nkeys"


def seed_path(state_dir: Path, user: str) -> Path:
    """Return where a user's seed stands."""
    return state_dir / FOLDER / f"{user}{SEED_SUFFIX}"


def user_keys(state_dir: Path, users: Sequence[str]) -> dict[str, UserKey]:
    """Return the keys of `users`, making those that do not exist yet.

    The caller has claimed the state folder's server, so nobody else writes. Raises
    UnavailableError, naming the file, when one cannot be read or kept.
    """
    return {user: kept_key(seed_path(state_dir, user)) for user in users}


def read_key(path: Path) -> UserKey:
    """Return the key of a seed file; UnavailableError, naming the file, when there is none."""
    try:
        return UserKey.from_seed(path.read_text(encoding="ascii"))
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror}") from None
    except (ConfigurationError, UnicodeDecodeError):
        raise UnavailableError(
            f"{path} is damaged: remove it, and the next start makes a new key"
        ) from None


def kept_key(path: Path) -> UserKey:
    """Return the key of a seed file, made when there is none; UnavailableError names the file."""
    if path.exists():
        return read_key(path)
    key = UserKey.generate()
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.seed + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}: {error.strerror}") from None
    return key
