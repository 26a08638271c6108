"""A nats-server of our own: JetStream on disk, one zone a user, on 127.0.0.1 only."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from console.embedded import programs
from console.embedded.credentials import forget
from console.embedded.nkey_files import user_keys
from console.embedded.process import Child, Directory, ensure_port_is_free, free_port
from console.nats_server import NatsServer, configuration
from shared.domain.errors import UnavailableError
from shared.permissions import USERS, VAULTS, account
from shared.tape.client import Login
from shared.tape.nkeys import UserKey

TITLE = "the NATS server"
START_TIMEOUT_S = 30.0  # a large store is checked first; an empty one takes 0.1 s
LADDER = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
FREE_BYTES_MIN = 64_000_000  # less room than this is called a full disk
FREE_SHARE_FOR_TAPE = 0.9  # the rest is left to the database and the logs
_READY = "Server is ready"


class EmbeddedNats:
    """The tape's server as a child of this process.

    `port` 0 chooses a free one, which is kept over restarts of this object. `extras` are further
    top-level entries of the server's configuration. Use as a context manager, or call `start`
    and `stop`; both must be called by the main thread.
    """

    def __init__(
        self,
        state_dir: Path,
        port: int = 0,
        *,
        book: str = "main",
        extras: Mapping[str, object] | None = None,
    ) -> None:
        self._state_dir = state_dir.resolve()
        self._directory = Directory(self._state_dir / "nats")
        self._book = book
        self._extras = dict(extras or {})
        self._child = Child(TITLE, self._directory, str(self._config_path), LADDER)
        self._keys: dict[str, UserKey] = {}
        self.port = port

    @property
    def url(self) -> str:
        """Where it listens, without a user."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def title(self) -> str:
        """What messages call it."""
        return TITLE

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid

    def login(self, user: str) -> Login:
        """Return how one of `shared.permissions.USERS` logs in, once started."""
        return Login(user, seed=self._keys[user].seed)

    def start(self) -> None:
        """Start it and wait until it accepts connections.

        Raises UnavailableError, in one sentence, when it cannot.
        """
        if self.pid is not None:
            return
        self._directory.claim()
        try:
            self.launch()
            self._child.wait_until(_is_ready, START_TIMEOUT_S)
        except UnavailableError as error:
            self.stop()
            raise UnavailableError(_with_reason(error, self._child.new_log_lines())) from None
        except BaseException:  # Ctrl-C while it starts
            self.stop()
            raise

    def launch(self) -> None:
        """Start it without waiting: the folder is claimed, and the server that was there is dead.

        For who keeps it running: its clients wait anyway. Raises UnavailableError.
        """
        program = programs.nats_server()
        self._child.stop_leftover()
        self.port = self.port or free_port()
        ensure_port_is_free(TITLE, self.port)
        self._keys = user_keys(self._state_dir, USERS)
        _move_streams_to_vaults(self._store)
        self._write_config()
        forget(self._state_dir, "nats")  # passwords of the releases before nkeys
        self._child.spawn(
            [str(program), "--config", str(self._config_path)], on_parent_death=signal.SIGTERM
        )

    def last_words(self) -> str:
        """Return why it ended, as far as that is known."""
        return _with_reason(self._child.last_words(), self._child.new_log_lines())

    def stop(self) -> None:
        """Stop it; what was acknowledged is on disk. Nothing to do when it is not running."""
        self._child.stop()
        self._directory.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _config_path(self) -> Path:
        return self._directory.path / "nats.conf"

    @property
    def _store(self) -> Path:
        return self._directory.path / "jetstream"

    def _write_config(self) -> None:
        text = configuration(
            NatsServer(
                listen=f"127.0.0.1:{self.port}",
                store_dir=str(self._store),
                store_bytes_max=_store_bytes_max(self._store),
                public_keys={user: key.public for user, key in self._keys.items()},
                book=self._book,
                extras=self._extras,
            )
        )
        try:
            self._config_path.touch(mode=0o600)
            self._config_path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UnavailableError(f"cannot write {self._config_path}: {error.strerror}") from None


def _move_streams_to_vaults(store: Path) -> None:
    """Bring along what a release without accounts has recorded; the server is not running."""
    for stream in VAULTS:
        old = store / "jetstream" / "$G" / "streams" / stream
        new = store / "jetstream" / account(stream) / "streams" / stream
        if old.is_dir() and not new.exists():
            try:
                new.parent.mkdir(parents=True, exist_ok=True)
                old.replace(new)
            except OSError as error:
                raise UnavailableError(f"cannot move {old} to {new}: {error.strerror}") from None


def _store_bytes_max(store: Path) -> int:
    """Return how large the store may grow: what it holds now and most of what is free.

    The server's own default, three quarters of what is free at its start, leaves out what the
    store holds already: a tape larger than the rest of the disk could not be written to again.
    """
    used = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    free = shutil.disk_usage(store.parent).free
    if free < FREE_BYTES_MIN:
        raise UnavailableError(
            f"the disk of {store.parent} is full: {free // 1_000_000} MB are free,"
            f" the tape needs at least {FREE_BYTES_MIN // 1_000_000} MB"
        )
    return used + int(free * FREE_SHARE_FOR_TAPE)


def _is_ready(lines: list[str]) -> bool:
    return any(line.endswith(_READY) for line in lines)


def _with_reason(error: object, lines: list[str]) -> str:
    """Add the server's own last complaint to a failure of its start."""
    for line in reversed(lines):
        for level in ("[FTL]", "[ERR]", "nats-server:"):
            if level in line:
                return f"{error}: {line.partition(level)[2].strip()}"
    return str(error)
