"""The real docker-compose.yml on a container engine, as one object that tests talk to."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.tidy.code import ROOT

SERVICES = ("data", "strategy", "risk", "execution", "ledger")
SERVERS = ("nats", "postgres")
ALL = "TAPEDECK_COMPOSE_ALL"  # set by `make compose-test`: what takes longest, too
COMMAND_S = 300.0
POLL_S = 0.25
COMPOSE = f"docker compose --env-file {os.devnull}"  # whatever .env a developer has


class EngineError(Exception):
    """A command of the engine failed; the text is what it said."""


def engine_missing() -> str:
    """Return why there is no engine to run on, "" when there is one.

    Sets DOCKER_API_VERSION for a client that is newer than its engine.
    """
    try:
        said = _docker_version()
        if match := re.search(r"[Mm]aximum supported API version is ([0-9.]+)", said):
            os.environ["DOCKER_API_VERSION"] = match[1]
            said = _docker_version()
        compose = subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"docker cannot be run: {error}"
    if said:
        return f"no container engine answers: {said.splitlines()[-1]}"
    return "docker has no compose plugin" if compose.returncode else ""


def _docker_version() -> str:
    """Return what is wrong with the engine, "" when it answers."""
    done = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return (done.stderr or done.stdout or "no answer").strip() if done.returncode else ""


def run(
    *command: str, env: Mapping[str, str] | None = None, ok: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository; EngineError unless it ends with one of `ok`."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode not in ok:
        raise EngineError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
    return done


def wait_for(condition: Callable[[], object], what: str, timeout_s: float) -> None:
    """Wait until a condition holds; AssertionError says which one did not."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(POLL_S)


class Stack:
    """One project of the compose file. Nothing of another project is ever touched."""

    def __init__(self, project: str, settings: Mapping[str, str] | None = None) -> None:
        self.project = project
        self.env = {"COMPOSE_PROJECT_NAME": project, "COMPOSE": COMPOSE, **(settings or {})}

    def compose(self, *args: str, ok: tuple[int, ...] = (0,)) -> str:
        """Run `docker compose …`; return what it printed."""
        return run(*COMPOSE.split(), "--progress", "quiet", *args, env=self.env, ok=ok).stdout

    def script(self, name: str, *args: str | Path, ok: tuple[int, ...] = (0,)) -> str:
        """Run one of the scripts in deploy/; return what it said."""
        done = run(f"deploy/{name}", *map(str, args), env=self.env, ok=ok)
        return done.stdout + done.stderr

    def up(self, *args: str) -> None:
        """Start what is named, or everything, and wait until it is healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "120", *args)

    def scale(self, **counts: int) -> None:
        """Have so many instances of these services, and wait until they are healthy."""
        options = [
            part for name, count in counts.items() for part in ("--scale", f"{name}={count}")
        ]
        self.up("--no-deps", *options, *counts)

    def down(self) -> None:
        """Remove everything of this project, its volumes too."""
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "5", "--remove-orphans")

    def containers(self, service: str) -> list[str]:
        """Return the running containers of a service."""
        return self.compose("ps", "--quiet", service).split()

    def inspect(self, container: str) -> dict[str, object]:
        """Return what the engine knows about a container."""
        found: list[dict[str, object]] = json.loads(run("docker", "inspect", container).stdout)
        return found[0]

    def is_healthy(self, container: str) -> bool:
        """Tell whether a container's health check holds."""
        form = "{{.State.Running}} {{.State.Health.Status}}"
        done = run("docker", "inspect", "--format", form, container)
        return done.stdout.split() == ["true", "healthy"]

    def wait_healthy(self, *services: str, timeout_s: float = 60.0) -> None:
        """Wait until every container of these services is."""
        for service in services:
            wait_for(partial(self._is_well, service), f"{service} healthy", timeout_s)

    def _is_well(self, service: str) -> bool:
        found = self.containers(service)
        return bool(found) and all(map(self.is_healthy, found))

    def kill(self, container: str) -> None:
        """End a container as a power cut would, and have it start again as its policy would.

        (The engine takes a kill by an operator for a wish, and does not restart what was killed.)
        """
        run("docker", "kill", container)
        run("docker", "start", container)

    def console(self, *args: str, ok: tuple[int, ...] = (0,), url: str = "") -> str:
        """Run an operator's command, for a `url` at another server; return what it printed."""
        elsewhere = ("-e", f"TAPEDECK__NATS__URL={url}") if url else ()
        return self.compose("run", "--rm", "-T", "--no-deps", *elsewhere, "console", *args, ok=ok)

    def sql(self, query: str) -> list[list[str]]:
        """Return the rows of a query on the audit trail."""
        psql = ("psql", "-U", "tapedeck", "-d", "tapedeck", "-At", "-F", "\t", "-c", query)
        lines = self.compose("exec", "-T", "postgres", *psql).splitlines()
        return [line.split("\t") for line in lines]

    def number(self, query: str) -> int:
        """Return the one number of a query."""
        return int(self.sql(query)[0][0])

    def fills(self) -> int:
        """Return how many executions are booked."""
        return self.number("SELECT count(*) FROM fills")

    def stored(self) -> int:
        """Return how far the tape is stored in the database."""
        return self.number("SELECT coalesce(max(seq), 0) FROM tape_events")

    def wait_for_trading(self, more_fills: int = 1, timeout_s: float = 90.0) -> None:
        """Wait until so many further executions are booked."""
        target = self.fills() + more_fills
        wait_for(lambda: self.fills() >= target, f"{target} fills", timeout_s)

    def check_books(self) -> None:
        """Nothing lost, nothing twice: in the database, on the tape, and when played again."""
        assert self.sql("SELECT count(*) = max(seq) FROM tape_events") == [["t"]]
        assert self.sql("SELECT coalesce(sum(amount), 0) = 0 FROM journal_lines") == [["t"]]
        assert self.sql("SELECT count(*) FROM mismatches WHERE settled_seq IS NULL") == [["0"]]
        submitted = "SELECT payload->>'order_id' FROM tape_events WHERE event = 'submitting'"
        assert (
            self.sql(f"SELECT id FROM ({submitted}) AS o(id) GROUP BY id HAVING count(*) > 1") == []
        )
        assert " no fault" in self.console("tape", "verify")
        verdict = json.loads(self.console("replay", "--json"))
        assert verdict["differences"] == 0, verdict["first"]
