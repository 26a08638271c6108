"""One service as a child process: started, watched through its log and its health, stopped."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from console.embedded.process import launcher
from shared.domain.errors import UnavailableError
from shared.runtime.health import Report

SERVICES = ("data", "strategy", "risk", "execution", "ledger")
"""In the order in which they are stopped: who speaks first falls silent first."""
HEALTH_TIMEOUT_S = 2.0
LOG_TAIL_BYTES = 64_000


def service_of(name: str) -> str:
    """Return the service that a process is an instance of: `strategy-2` is one of `strategy`."""
    return name.partition("-")[0]


class ServiceProcess:
    """One service of the desk; may be started again after it has ended.

    `name` is the service's, for a further instance with a number: `strategy-2`. `port` is where it
    serves its health; 0: wherever it says in its log.
    """

    def __init__(
        self, name: str, logs: Path, environment: Mapping[str, str], port: int = 0
    ) -> None:
        self.name = name
        self.log_path = logs / f"{name}.log"
        self.restarts = 0
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        self._wanted_port = self._port = port

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self.is_running and self._process else None

    @property
    def is_running(self) -> bool:
        """True from its start to its end."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it in a session of its own: Ctrl-C is for the desk to answer.

        Must be called by the main thread: the kernel ends the child with the *thread* that
        started it. `kill -9` of the desk ends it too.
        """
        try:
            self._log_start = _rotate(self.log_path) if self._process is None else self._log_end()
            with self.log_path.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *launcher(signal.SIGKILL, in_user_namespace=False),
                    *(sys.executable, "-m", f"services.{service_of(self.name)}.main"),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise UnavailableError(f"{self.name} cannot start: {error.strerror}") from None
        self._port = self._wanted_port

    async def wait(self) -> int:
        """Return its exit code once it has ended; negative when a signal ended it."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._process.wait()

    async def stop(self, timeout_s: float) -> bool:
        """Ask it to end, then make it; return True when it went by itself."""
        process = self._process
        if process is None or process.returncode is not None:
            return True
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(timeout_s):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()
            return False
        return True

    def kill(self) -> None:
        """End it now; the tape knows how far it was."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def port(self) -> int:
        """Where it answers health probes; 0 until it has said so."""
        if not self._port:
            for line in self.log_lines():
                if line.get("event") == "serving":
                    self._port = int(str(line["health_port"]))
        return self._port

    def last_words(self, code: int) -> str:
        """Return why it ended with `code`, in the one sentence of its log."""
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        if code == 0:
            return "it was told to end, but not by the desk"
        for line in reversed(self.log_lines()):
            if line.get("level") == "critical":
                return str(line.get("error") or line.get("event"))
        text = [line for line in self._log_text().splitlines() if line.strip()]
        return text[-1].strip() if text else f"ended without a word, see {self.log_path}"

    def log_lines(self) -> list[dict[str, object]]:
        """Return the last structured lines of this start."""
        found = []
        for text in self._log_text().splitlines():
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict):
                    found.append(line)
        return found

    async def health(self) -> Report | None:
        """Ask whether it is ready; None when it does not answer."""
        return await ask_health(self.port) if self.port else None

    def _log_end(self) -> int:
        return self.log_path.stat().st_size

    def _log_text(self) -> str:
        try:
            with self.log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - LOG_TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


async def ask_health(port: int, host: str = "127.0.0.1") -> Report | None:
    """Return a service's `/health/ready`, None when it does not answer in time."""
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /health/ready HTTP/1.1\r\nHost: desk\r\n\r\n")
                answer = await reader.read()
            finally:
                writer.close()
        return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=Report)
    except (OSError, TimeoutError, msgspec.MsgspecError):
        return None


def is_standby(report: Report) -> bool:
    """Tell whether a service only watches another instance do the same work."""
    states = [place.state for place in report.actors.values()]
    return bool(states) and all(state == "standby" for state in states)


def _rotate(path: Path) -> int:
    """Set the log of the desk's last run aside; return where the new one begins."""
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_suffix(".log.1"))
    return 0
