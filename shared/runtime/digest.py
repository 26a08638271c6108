"""The digest of the code that an actor's decisions rest on, for its birth certificate."""

import importlib
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from shared.domain.errors import ConfigurationError


def code_digest(packages: Iterable[str]) -> str:
    """Return a digest of the source of these packages and modules, files sorted by name.

    Line endings and paths do not enter, so a clone on another machine has the same digest.
    """
    digest = blake2b(digest_size=16)
    for name in sorted(packages):
        for path in _sources(name):
            digest.update(f"{name}:{path.name}\n".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _sources(name: str) -> list[Path]:
    origin = importlib.import_module(name).__file__
    if origin is None:
        raise ConfigurationError(f"{name} has no source that could be recorded")
    path = Path(origin)
    return sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
