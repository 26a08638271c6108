"""One server as a child process: started, watched, stopped, and found again when left behind."""

import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from console.embedded import launch
from shared.domain.errors import InvariantError, UnavailableError

LOG_BYTES_MAX = 10_000_000  # a log longer than this is set aside at the next start
LOG_TAIL_BYTES = 20_000
POLL_S = 0.01
PORTS = range(20_000, 32_000)  # below what Linux, macOS and Windows hand out
PORT_TRIES_MAX = 200

type Ladder = Sequence[tuple[signal.Signals, float]]
"""Signals to send one after another and how long to wait for the end after each, in seconds."""


class Directory:
    """The folder of one server: its store, log, process id and lock.

    One process at a time claims it. The claim ends with the process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log_path = path / "log"
        self.pid_path = path / "pid"
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Make the folder and take its lock; UnavailableError when it cannot be had."""
        if self._lock is not None:
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+", encoding="ascii")
        except OSError as error:
            raise UnavailableError(f"cannot write in {self.path}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise UnavailableError(
                f"{self.path} is in use by another desk (process {holder}):"
                " stop that one, or choose another folder with --state"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Let somebody else claim the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def open_log(self) -> tuple[IO[bytes], int]:
        """Open the log to append; also return where the new part will begin."""
        with contextlib.suppress(FileNotFoundError):
            if self.log_path.stat().st_size > LOG_BYTES_MAX:
                self.log_path.replace(self.log_path.with_suffix(".1"))
        log = self.log_path.open("ab")
        return log, log.tell()

    def log_lines(self, start: int = 0) -> list[str]:
        """Return the last lines of the log that stand after the byte `start`."""
        try:
            with self.log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(start, end - LOG_TAIL_BYTES))
                return log.read().decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return []


class Child:
    """A server process of ours in its `Directory`.

    `title` is what messages call it. `marker` is a text that the command line of this server, and
    of no other, contains: it tells a server that was left behind from a stranger with its number.
    """

    def __init__(self, title: str, directory: Directory, marker: str, ladder: Ladder) -> None:
        self.title = title
        self.directory = directory
        self._marker = marker
        self._ladder = ladder
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def spawn(
        self,
        command: Sequence[str],
        *,
        on_parent_death: signal.Signals,
        in_user_namespace: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it in a session of its own: Ctrl-C in the terminal is for the desk to answer.

        The kernel counts the *thread* that started a child as its parent: hence the check.
        """
        if threading.current_thread() is not threading.main_thread():
            raise InvariantError("embedded", f"{self.title} is started by the main thread only")
        try:
            log, self._log_start = self.directory.open_log()
            with log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    [*launcher(on_parent_death, in_user_namespace=in_user_namespace), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.directory.path,
                    env=environment,
                    start_new_session=True,
                )
            self.directory.pid_path.write_text(f"{self._process.pid}\n", encoding="ascii")
        except OSError as error:
            raise UnavailableError(f"{self.title} cannot start: {error.strerror}") from None

    def wait_until(self, is_ready: Callable[[list[str]], bool], timeout_s: float) -> None:
        """Wait until `is_ready(log lines of this start)`.

        Raises UnavailableError when the process ends first or the time is up; it is stopped then.
        """
        deadline = time.monotonic() + timeout_s
        while not is_ready(self.new_log_lines()):
            if self.pid is None:
                status = self._process.returncode if self._process else None
                raise UnavailableError(f"{self.title} ended at its start (status {status})")
            if time.monotonic() > deadline:
                self.stop()
                raise UnavailableError(f"{self.title} was not ready within {timeout_s:g} s")
            time.sleep(POLL_S)

    def new_log_lines(self) -> list[str]:
        """Return what this start has logged so far."""
        return self.directory.log_lines(self._log_start)

    def last_words(self) -> str:
        """Return how it ended."""
        status = self._process.returncode if self._process else None
        if status is not None and status < 0:
            return f"ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def stop(self) -> None:
        """Stop it, politely first; return when it has ended. Nothing to do when it has."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, seconds in self._ladder:
            if process.poll() is not None:
                break
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        self.directory.pid_path.unlink(missing_ok=True)

    def stop_leftover(self) -> None:
        """Stop the server that an earlier desk of this folder left behind, if there is one.

        The caller holds the folder's claim, so no living desk owns it.
        """
        if left := self._leftover():
            for number, seconds in self._ladder:
                with contextlib.suppress(psutil.NoSuchProcess):
                    left.send_signal(number)
                if _ends_within(left, seconds):
                    break
        self.directory.pid_path.unlink(missing_ok=True)

    def _leftover(self) -> psutil.Process | None:
        try:
            pid = int(self.directory.pid_path.read_text(encoding="ascii"))
            process = psutil.Process(pid)
            is_ours = any(self._marker in argument for argument in process.cmdline())
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return process if is_ours else None


def launcher(on_parent_death: signal.Signals, *, in_user_namespace: bool) -> list[str]:
    """Return the start of a command line that runs the rest as `launch` describes."""
    return [
        sys.executable,
        *("-I", "-S"),
        str(Path(launch.__file__)),
        str(os.getpid()),
        str(int(on_parent_death)),
        str(int(in_user_namespace)),
    ]


def _ends_within(process: psutil.Process, seconds: float) -> bool:
    """Wait for the end of a process that is not our child; a dead one may stay unburied."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(POLL_S)
    return False


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment.

    Not one that the system gives to outgoing connections: while a server restarts, a client that
    tries again and again would sooner or later be given the very port as its own end, and be
    connected with itself.
    """
    for port in random.SystemRandom().sample(PORTS, PORT_TRIES_MAX):
        if not _why_not(port):
            return port
    raise UnavailableError(f"no free port found between {PORTS.start} and {PORTS.stop}")


def ensure_port_is_free(title: str, port: int) -> None:
    """Raise UnavailableError when somebody listens on `port` of 127.0.0.1."""
    if reason := _why_not(port):
        raise UnavailableError(
            f"{title} cannot listen on port {port}: {reason};"
            " stop what uses it or choose another port"
        )


def _why_not(port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""
