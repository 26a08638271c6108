"""The desk on this machine: one process a service, watched, restarted, stopped in order."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import console
from console.configuration import (
    CONFIG_VARIABLE,
    DeskConfiguration,
    clean_environment,
    effective,
    variable,
)
from console.embedded.nkey_files import seed_path
from console.failure import ServiceFailedError
from console.home import DeskRecord, Home
from console.plan import Plan
from console.restarts import Restarts
from console.servers import Servers
from console.services import SERVICES, ServiceProcess, service_of
from shared.config.desk import merge
from shared.domain.errors import UnavailableError
from shared.runtime.exits import Exit

READY_TIMEOUT_S = 60.0  # a recovery from a long tape without a snapshot takes its time
READY_POLL_S = 0.05
DISK_POLL_S = 0.5
FREE_BYTES_MIN = 48_000_000  # two segments of PostgreSQL's log and half a second at full speed
STOP_SLACK_S = 2.0  # beyond a service's own limit, before it is killed

type Work = Callable[[], Awaitable[None]]


class Desk:
    """The services of one run. `tell` takes what a person should read while it happens."""

    def __init__(
        self,
        home: Home,
        plan: Plan,
        servers: Servers,
        tape_id: str,
        tell: Callable[[str], None],
    ) -> None:
        self.home = home
        self.plan = plan
        self.servers = servers
        self.tape_id = tape_id
        self.played = asyncio.Event()
        self.is_finished = False  # nothing will be said or booked any more
        self.tell = tell
        self._stopping = False
        self._hurry = asyncio.Event()
        restarts_max = plan.desk.restarts_per_minute_max
        names = instances(plan.scale)
        self._restarts = {name: Restarts(restarts_max) for name in names}
        self.services = {name: self._service(name) for name in names}

    async def run(self, work: Work) -> None:
        """Start the services, do `work`, stop them; a service that is beyond help ends the work.

        Raises ServiceFailedError (in a group) with the service's own sentence.
        """
        async with asyncio.TaskGroup() as group:
            kept = group.create_task(self.servers.keep(self._say))
            try:
                for service in self.services.values():
                    await service.start()
                    group.create_task(self._keep(service))
                watch = group.create_task(self._watch_disk())
                await work()
                watch.cancel()
            finally:
                await self._stop()
                kept.cancel()  # only now: services that stop still need the servers

    @property
    def is_stopping(self) -> bool:
        """True from the moment in which services are told to end."""
        return self._stopping

    async def wait_ready(self) -> None:
        """Wait until every service is, then say where the desk can be found."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + READY_TIMEOUT_S
        waiting = dict(self.services)
        while waiting:
            for name, service in tuple(waiting.items()):
                report = await service.health()
                if report is not None and report.ready:
                    del waiting[name]
                    self.tell(f"{name} is ready")
            if loop.time() > deadline_s:
                raise UnavailableError(
                    f"{', '.join(waiting)} did not get ready within {READY_TIMEOUT_S:.0f} s:"
                    f" see {self.home.logs}"
                )
            await asyncio.sleep(READY_POLL_S)
        self.publish_record()

    def publish_record(self) -> None:
        """Let the other commands find this desk."""
        self.home.write_record(
            DeskRecord(
                pid=os.getpid(),
                tape_id=self.tape_id,
                book=self.plan.desk.book,
                config_path=str(self.home.config_path),
                nats_url=self.servers.nats_url,
                has_own_nats=self.servers.has_own_nats,
                postgres_url=without_password(self.servers.postgres_url),
                has_own_postgres=self.servers.has_own_postgres,
                ports={name: service.port for name, service in self.services.items()},
            )
        )

    def hurry(self) -> None:
        """Wait no longer for services that are stopping: the tape knows how far they are."""
        self._hurry.set()
        if self._stopping:
            for service in self.services.values():
                service.kill()

    def _say(self, text: str) -> None:
        self.tell(text)  # whoever listens at this moment

    async def _watch_disk(self) -> None:
        """Stop the desk in order while there is still room to do so."""
        while True:
            free = self.home.free_bytes()
            if free < FREE_BYTES_MIN:
                raise UnavailableError(
                    f"the disk of {self.home.path} is full ({free // 1_000_000} MB are left): the"
                    " desk was stopped, what was recorded is kept; make room and start it again"
                )
            await asyncio.sleep(DISK_POLL_S)

    async def _keep(self, service: ServiceProcess) -> None:
        """Start a service again when it ends, until the desk stops or it is beyond help."""
        while True:
            code = await service.wait()
            if self.is_stopping:
                return
            if service_of(service.name) == "data" and self.plan.until_done and code == Exit.OK:
                self.played.set()
                return
            why = service.last_words(code)
            if code == Exit.BAD_INPUT:
                raise ServiceFailedError(service.name, code, why)
            pause_s = self._pause_before_restart(service, code, why)
            self.tell(f"{service.name} ended and is started again: {why}")
            await asyncio.sleep(pause_s)
            if not self.is_stopping:
                await service.start()

    def _pause_before_restart(self, service: ServiceProcess, code: int, why: str) -> float:
        pause_s = self._restarts[service.name].next_pause_s(asyncio.get_running_loop().time())
        if pause_s is None:
            count = self.plan.desk.restarts_per_minute_max + 1
            raise ServiceFailedError(
                service.name, code, f"ended {count} times within a minute: {why}"
            )
        service.restarts += 1
        return pause_s

    async def _stop(self) -> None:
        """Stop the services in their order; all at once when everything is played and booked."""
        self._stopping = True
        if not self.is_finished:
            for service in self.services.values():
                await self._stop_one(service)
            return
        async with asyncio.TaskGroup() as group:
            for service in self.services.values():
                group.create_task(self._stop_one(service))

    async def _stop_one(self, service: ServiceProcess) -> None:
        if self._hurry.is_set():
            service.kill()
        if not await service.stop(self.plan.desk.shutdown_timeout_s + STOP_SLACK_S):
            self.tell(f"{service.name} did not stop in time and was killed")

    def _service(self, name: str) -> ServiceProcess:
        service = service_of(name)
        environment = self._environment(service)
        environment[variable("hosting", "mark_file")] = str(self.home.run / f"{name}.mark")
        port: int = getattr(self.plan.desk.health, f"{service}_port")
        if name != service:
            port = 0  # the configured one is the first instance's
            environment[variable("health", f"{service}_port")] = "0"
        return ServiceProcess(name, self.home.logs, environment, port)

    def _environment(self, service: str) -> dict[str, str]:
        """Return what a service may know: the configuration, its own login, and no other."""
        known = clean_environment()
        known[CONFIG_VARIABLE] = str(self.home.config_path)
        if self.servers.has_own_nats:
            known[variable("nats", "nkey_file")] = str(seed_path(self.home.path, service))
        else:
            secrets = effective(self.plan.desk).secrets
            known |= {key: secrets[key] for key in secrets if key.startswith(variable("nats", ""))}
        if service == "ledger":
            known[variable("postgres", "url")] = self.servers.postgres_url
        # Ours first: a folder called `shared` where the operator stands must not win. The folder
        # itself is added, last of all, by the strategy service.
        root = str(Path(console.__file__).parent.parent)
        known["PYTHONPATH"] = os.pathsep.join(filter(None, (root, known.get("PYTHONPATH"))))
        known["PYTHONSAFEPATH"] = "1"
        return known


def instances(scale: Mapping[str, int]) -> list[str]:
    """Return the names of all instances in the order of `SERVICES`.

    >>> instances({"risk": 2})
    ['data', 'strategy', 'risk', 'risk-2', 'execution', 'ledger']
    """
    return [
        name if number == 1 else f"{name}-{number}"
        for name in SERVICES
        for number in range(1, scale.get(name, 1) + 1)
    ]


def write_effective_config(home: Home, plan: Plan, servers: Servers, tape_id: str) -> None:
    """Keep what the services read: everything settled, nothing secret."""
    document = merge(
        effective(plan.desk).document,
        {
            "nats": servers.nats.model_dump(mode="json", exclude={"password", "nkey_seed"}),
            "tape": {"id": tape_id},
            "execution": {"latch_file": str(latch_path(home, plan.desk))},
            "telemetry": {"log_format": "json"},  # the desk reads the services' logs
        },
    )
    home.write_config(document)


def latch_path(home: Home, desk: DeskConfiguration) -> Path:
    """Return where the desk of this folder finds a kill: what is configured, else the folder."""
    configured = desk.execution.latch_file
    return Path(configured).absolute() if configured is not None else home.latch_path


def without_password(url: str) -> str:
    """Return a URL without the password in it."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{host}"))
