"""A PostgreSQL of our own: one role, one database, on 127.0.0.1 only."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

from console.embedded import programs
from console.embedded.credentials import passwords
from console.embedded.launch import REFUSAL
from console.embedded.process import Child, Directory, ensure_port_is_free, free_port, launcher
from shared.domain.errors import UnavailableError

TITLE = "PostgreSQL"
ROLE = DATABASE = "tapedeck"
START_TIMEOUT_S = 60.0  # recovery after a crash reads the log; a clean start takes 0.2 s
INIT_TIMEOUT_S = 120.0
LADDER = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
"""Fast shutdown, immediate shutdown (recovers at the next start), the end."""
SOCKET_PATH_BYTES_MAX = 100  # the kernel's limit is 108 (104 on macOS) with the terminating zero
NO_USER_NAMESPACE = (
    "PostgreSQL does not run as root and this machine does not allow a user namespace:"
    " run as an ordinary user, or point TAPEDECK__POSTGRES__URL at a server"
)
_NEEDED_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZDIR")


class EmbeddedPostgres:
    """The audit trail's database as a child of this process.

    `port` 0 chooses a free one, which is kept over restarts of this object. `settings` are
    further server settings, laid over SETTINGS. Use as a context manager, or call `start` and
    `stop`; both must be called by the main thread.
    """

    def __init__(
        self, state_dir: Path, port: int = 0, *, settings: Mapping[str, str] | None = None
    ) -> None:
        self._state_dir = state_dir.resolve()
        self._directory = Directory(self._state_dir / "postgres")
        self._data = self._directory.path / "data"
        self._settings = dict(settings or {})
        self._child = Child(TITLE, self._directory, str(self._data), LADDER)
        self._password = ""
        self.port = port

    @property
    def url(self) -> str:
        """Where it listens, with its role and password: a secret."""
        return f"postgresql://{ROLE}:{self._password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def title(self) -> str:
        """What messages call it."""
        return TITLE

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid

    def start(self) -> None:
        """Start it, its cluster and database made if need be, and wait until it is ready.

        Raises UnavailableError, in one sentence, when it cannot.
        """
        if self.pid is not None:
            return
        self._directory.claim()
        try:
            self.launch()
            self._child.wait_until(self._is_ready, START_TIMEOUT_S)
        except UnavailableError as error:
            self.stop()
            raise UnavailableError(_with_reason(error, self._child.new_log_lines())) from None
        except BaseException:  # Ctrl-C while it starts
            self.stop()
            raise

    def launch(self) -> None:
        """Start it without waiting: the folder is claimed, and the server that was there is dead.

        For who keeps it running: its clients wait anyway. Raises UnavailableError. After a kill it
        may end again at once, as long as processes of its predecessor share its memory.
        """
        server = programs.postgres()
        self._child.stop_leftover()
        self._take_over_lock()
        self.port = self.port or free_port()
        ensure_port_is_free(TITLE, self.port)
        self._prepare_cluster(server)
        self._child.spawn(
            [str(server.postgres), *self._arguments()],
            on_parent_death=signal.SIGINT,
            in_user_namespace=_is_root(),
            environment=_environment(),
        )

    def last_words(self) -> str:
        """Return why it ended, as far as that is known."""
        return _with_reason(self._child.last_words(), self._child.new_log_lines())

    def stop(self) -> None:
        """Shut it down, connections ended. Nothing to do when it is not running."""
        self._child.stop()
        self._directory.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _prepare_cluster(self, server: programs.PostgresPrograms) -> None:
        """Make the cluster, or teach an old one a new password when the old one is lost."""
        kept = passwords(self._state_dir, "postgres", (ROLE,))
        self._password = kept.of[ROLE]
        if not self._data.exists():
            self._make_cluster(server)
        elif kept.made:
            self._single_user(
                server.postgres, self._data, f"ALTER ROLE {ROLE} PASSWORD '{self._password}'"
            )

    def _make_cluster(self, server: programs.PostgresPrograms) -> None:
        """Make it aside and rename it, so that a crash here leaves nothing half made."""
        part = self._directory.path / "data.part"
        password_file = self._directory.path / "password"
        try:
            shutil.rmtree(part, ignore_errors=True)
            password_file.touch(mode=0o600)
            password_file.write_text(self._password, encoding="ascii")
            self._run(
                [
                    str(server.initdb),
                    f"--pgdata={part}",
                    f"--username={ROLE}",
                    f"--pwfile={password_file}",
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"),
                ]
            )
            self._single_user(server.postgres, part, f"CREATE DATABASE {DATABASE}")
            part.rename(self._data)
        except OSError as error:
            raise UnavailableError(f"cannot write {part}: {error.strerror}") from None
        finally:
            password_file.unlink(missing_ok=True)

    def _single_user(self, postgres: Path, data: Path, statement: str) -> None:
        self._run([str(postgres), "--single", "-D", str(data), "postgres"], f"{statement};\n")

    def _run(self, command: list[str], text: str = "") -> None:
        prefix = launcher(signal.SIGKILL, in_user_namespace=_is_root())
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                [*prefix, *command],
                input=text,
                capture_output=True,
                text=True,
                timeout=INIT_TIMEOUT_S,
                env=_environment(),
                cwd=self._directory.path,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(
                f"{Path(command[0]).name} took more than {INIT_TIMEOUT_S:g} s"
            ) from None
        if done.stderr.startswith(REFUSAL):
            raise UnavailableError(NO_USER_NAMESPACE)
        complaint = _complaint(done.stderr.splitlines())
        if done.returncode or complaint:
            name = Path(command[0]).name
            raise UnavailableError(f"{name} failed: {complaint or f'status {done.returncode}'}")

    def _take_over_lock(self) -> None:
        """Put our number into a lock file whose process id is no server's any more.

        It is a stranger's by now (after a reboot; in a container, where numbers are small), or
        that of a dead server which nobody has buried: in both cases the server would refuse to
        start. Its parent's number it takes for nobody's. The file itself stays: it leads the
        server to memory that processes of a killed predecessor still share.
        """
        lock = self._data / "postmaster.pid"
        try:
            number, rest = lock.read_text(encoding="utf-8").split("\n", 1)
            folder = _folder_of(int(number))
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return
        if folder != str(self._data):
            lock.write_text(f"{os.getpid()}\n{rest}", encoding="utf-8")

    def _arguments(self) -> list[str]:
        folder = str(self._directory.path)
        fits = len(os.fsencode(f"{folder}/.s.PGSQL.{self.port}")) <= SOCKET_PATH_BYTES_MAX
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": folder if fits and "," not in folder else "",
            "shared_buffers": "64MB",
            "max_connections": "50",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._settings,
        }
        arguments = ["-D", str(self._data)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        return arguments

    def _is_ready(self, _: list[str]) -> bool:
        """Read the status that the server keeps for its own tools, under its process id."""
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        is_own = bool(lines) and lines[0] == str(self.pid)
        return is_own and len(lines) > 7 and lines[7].strip() == "ready"


def _folder_of(pid: int) -> str:
    """Return where a process stands, "" when it is dead, unburied, or none of our business."""
    try:
        return psutil.Process(pid).cwd()
    except (psutil.AccessDenied, psutil.ZombieProcess):
        return ""


def _is_root() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def _environment() -> dict[str, str]:
    """Return our environment without PG* variables, which change what the programs do."""
    kept = {name: os.environ[name] for name in _NEEDED_ENVIRONMENT if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def _complaint(lines: list[str]) -> str:
    for line in reversed(lines):
        for level in ("FATAL:", "PANIC:", "ERROR:", "error:"):
            if level in line:
                return line.partition(level)[2].strip()
    return ""


def _with_reason(error: object, lines: list[str]) -> str:
    if any(line.startswith(REFUSAL) for line in lines):
        return NO_USER_NAMESPACE
    complaint = _complaint(lines)
    return f"{error}: {complaint}" if complaint else str(error)
