"""The state folder of a desk: what stands where, and which desk is running in it.

STATE/run/        lock, config.json (effective, without secrets), desk.json (while it runs)
STATE/kill.json   a kill, until the resume that ends it (docs/kill-switch.md)
STATE/logs/       <service>.log, the one before it as <service>.log.1
STATE/nats/, STATE/nkeys/, STATE/postgres/, STATE/credentials.json      of the embedded servers
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from shared.domain.errors import UnavailableError

STATE_VARIABLE = "TAPEDECK_STATE"
DEFAULT_STATE = Path(".tapedeck")
TEMPORARY_PREFIX = "tapedeck-"


class DeskRecord(Struct, frozen=True, kw_only=True):
    """What a running desk says about itself to the other commands; holds no secret.

    `ports` are those of the services' health. Who may log in at NATS has a file of his own in
    the folder of nkeys when `has_own_nats`, else the configuration says it. `postgres_url` has no
    password: the credentials file has it when `has_own_postgres`.
    """

    pid: int
    tape_id: str
    book: str
    config_path: str
    nats_url: str
    has_own_nats: bool
    postgres_url: str
    has_own_postgres: bool
    ports: dict[str, int]


class Home:
    """One state folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.config_path = self.run / "config.json"
        self.record_path = self.run / "desk.json"
        self.latch_path = self.path / "kill.json"
        self.credentials_path = self.path / "credentials.json"

    def prepare(self) -> None:
        """Make the folders; UnavailableError when that cannot be."""
        try:
            for folder in (self.path, self.run, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.run / "lock").touch(mode=0o600)
        except OSError as error:
            raise UnavailableError(
                f"the state folder {self.path} cannot be written: {_reason(error)};"
                " choose another with --state"
            ) from None

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the folder for one desk; UnavailableError when another one has it."""
        self.prepare()
        with (self.run / "lock").open("r+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = lock.read().strip() or "unknown"
                raise UnavailableError(
                    f"{self.path} is in use by another desk (process {holder}):"
                    " stop that one, or choose another folder with --state"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            self.record_path.unlink(missing_ok=True)  # of a desk that was killed
            try:
                yield
            finally:
                self.record_path.unlink(missing_ok=True)

    def is_claimed(self) -> bool:
        """Tell whether a desk runs (or starts, or stops) here."""
        try:
            with (self.run / "lock").open("r", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise UnavailableError(f"{self.run} cannot be read: {_reason(error)}") from None
        return False

    def write_config(self, configuration: Mapping[str, object]) -> None:
        """Keep the effective configuration, for the services and for the curious."""
        self._write(self.config_path, json.dumps(configuration, indent=2, sort_keys=True))

    def write_record(self, record: DeskRecord) -> None:
        """Say that a desk is ready here."""
        self._write(self.record_path, msgspec.json.encode(record).decode())

    def record(self) -> DeskRecord | None:
        """Return what the desk that runs here says about itself, None when there is none."""
        if not self.is_claimed():
            return None
        try:
            return msgspec.json.decode(self.record_path.read_bytes(), type=DeskRecord)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None  # starting, or stopping

    def password(self, server: str, user: str) -> str:
        """Return a password of an embedded server; UnavailableError when it cannot be read."""
        try:
            return str(json.loads(self.credentials_path.read_text(encoding="utf-8"))[server][user])
        except (OSError, ValueError, KeyError) as error:
            raise UnavailableError(
                f"{self.credentials_path} does not tell {server}'s password of {user}: {error}"
            ) from None

    def free_bytes(self) -> int:
        """Return how much room the disk has."""
        return shutil.disk_usage(self.path).free

    def _write(self, path: Path, text: str) -> None:
        part = path.with_suffix(".part")
        try:
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text + "\n")
            part.replace(path)
        except OSError as error:
            raise UnavailableError(f"{path} cannot be written: {_reason(error)}") from None


def home_of(state: Path | None) -> Home:
    """Return the folder that `--state`, TAPEDECK_STATE or the default names."""
    return Home(state or Path(os.environ.get(STATE_VARIABLE) or DEFAULT_STATE))


def temporary_home() -> Home:
    """Return a fresh folder that nobody else knows."""
    try:
        return Home(Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX)))
    except OSError as error:
        raise UnavailableError(
            f"no temporary folder can be made: {_reason(error)}; name one with --state"
        ) from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
