"""A service process: configuration, logs, health, the tape, its actors, an orderly end.

Every `services/<name>/main.py` is `run_service(name, Settings, build)` and nothing else.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version

import uvloop
from nats.aio.client import Client
from structlog.typing import FilteringBoundLogger

from shared.config.desk import DeskSettings, TelemetrySettings, load
from shared.domain.errors import ConfigurationError, TapedeckError, UnavailableError
from shared.runtime.actor import Actor
from shared.runtime.clock import now_ns
from shared.runtime.exits import Exit, exit_of, first_of
from shared.runtime.guard import Guard
from shared.runtime.health import HealthServer, Readiness
from shared.runtime.hosted import Hosted, Surroundings
from shared.runtime.instruments import Instruments
from shared.runtime.members import Members, default_instance
from shared.runtime.sharing import Sharing
from shared.runtime.snapshot_store import JetStreamSnapshots
from shared.runtime.turns import Turns
from shared.runtime.watchdog import Watchdog, attend_with
from shared.subjects import Lane
from shared.tape.client import connect, login_of, tls_of
from shared.tape.jetstream import JetStreamTape
from shared.telemetry import logs, traces
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracing

PULSE_S = 1.0


@dataclass(frozen=True)
class Context[S: DeskSettings]:
    """What a service's `build` gets to work with."""

    settings: S
    tape: JetStreamTape
    client: Client
    log: FilteringBoundLogger
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """What a service's `build` returns.

    `tasks` run beside the actors until the end. `hold`, where given, is laid over the turns of
    every actor, in lockstep too. `shared_out` makes further actors, all of them anew at every
    call: each instance of the service hosts its part of them. The service ends when the task
    named `ends_with` does; without one it runs until it is told to stop.
    """

    actors: Sequence[Actor] = ()
    tasks: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = ()
    ends_with: str = ""
    hold: Callable[[Turns], Turns] | None = None
    shared_out: Callable[[], Sequence[Actor]] | None = None


type Build[S: DeskSettings] = Callable[[Context[S]], Awaitable[Hosting]]


def run_service[S: DeskSettings](name: str, model: type[S], build: Build[S]) -> int:
    """Run a service until it is told to stop; return the exit code (`Exit`)."""
    try:
        settings = load(model)
    except ConfigurationError as error:
        logs.configure(name, TelemetrySettings()).critical("stopped", error=str(error))
        return Exit.BAD_INPUT
    log = logs.configure(name, settings.telemetry)
    try:
        uvloop.run(_Host(name, settings, log).serve(build))
    except BaseExceptionGroup as group:
        return _explain(log, first_of(group))
    except Exception as error:  # noqa: BLE001 - the supervisor: all ends here, with its reason
        return _explain(log, error)
    log.info("stopped")
    return Exit.OK


def _explain(log: FilteringBoundLogger, error: BaseException) -> Exit:
    if isinstance(error, TapedeckError):
        log.critical("stopped", error=str(error))
    else:
        log.critical("stopped", error=f"{type(error).__name__}: {error}", exc_info=error)
    return exit_of(error)


class _Host[S: DeskSettings]:
    """One run of one service."""

    def __init__(self, name: str, settings: S, log: FilteringBoundLogger) -> None:
        release = version("tapedeck")
        self._name = name
        self._settings = settings
        self._log = log
        self._metrics = Metrics(name, release)
        self._tracing: Tracing = traces.configure(name, release, settings.telemetry, now_ns)
        self._readiness = Readiness(name, release, settings.health.stale_after_s)
        self._stop = asyncio.Event()
        self._hosted: Hosted
        self._sharing: Sharing | None = None

    async def serve(self, build: Build[S]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        health = self._settings.health
        port = getattr(health, f"{self._name}_port")
        async with AsyncExitStack() as stack:
            stack.callback(self._tracing.close)
            server = HealthServer(health.host, port, self._readiness, self._metrics)
            await stack.enter_async_context(server)
            self._readiness.set("tape", ok=False, detail="connecting")
            client = await self._connect()
            stack.push_async_callback(client.close)
            tape = await JetStreamTape.open(client)
            context = Context(self._settings, tape, client, self._log, self._metrics)
            hosting = await build(context)
            self._log.info("serving", tape=tape.id, health_port=server.port)
            await self._run(context, hosting)

    async def _connect(self) -> Client:
        nats = self._settings.nats
        return await connect(
            nats.url,
            name=self._name,
            login=login_of(nats, self._name),
            timeout_s=nats.connect_timeout_s,
            tls=tls_of(nats),
            say=lambda text: self._log.warning("nats", what=text),
        )

    async def _run(self, context: Context[S], hosting: Hosting) -> None:
        snapshots = JetStreamSnapshots(context.client, self._log)
        around = Surroundings(
            client=context.client,
            tape=context.tape,
            snapshots=snapshots,
            settings=self._settings.tape,
            instruments=self._instruments,
            hold=hosting.hold,
        )
        async with asyncio.TaskGroup() as group:
            hosted = self._hosted = Hosted(group, around)
            background = [
                group.create_task(self._pulse(context)),
                group.create_task(snapshots.run()),
            ]
            for name, work in hosting.tasks:
                ends = name == hosting.ends_with
                background.append(group.create_task(self._work(work, ends=ends)))
            for actor in hosting.actors:
                hosted.start(actor)
            async with AsyncExitStack() as stack:
                if hosting.shared_out is not None:
                    background += await self._share(group, stack, context, hosting.shared_out)
                await self._stop.wait()
                if self._sharing is not None:
                    await self._sharing.leave()
                await self._end(background, hosted)

    def _instruments(self, lane: Lane) -> Instruments:
        return Instruments(lane, self._metrics, self._tracing, self._readiness, self._log)

    async def _share(
        self,
        group: asyncio.TaskGroup,
        stack: AsyncExitStack,
        context: Context[S],
        make: Callable[[], Sequence[Actor]],
    ) -> list[asyncio.Task[None]]:
        """Host this instance's part, watched until `stack` is closed."""
        guard = Guard(self._settings.hosting, self._log)
        sharing = self._sharing = Sharing(
            self._members(context.client),
            self._hosted,
            lambda: [guard.over(actor) for actor in make()],
            self._readiness,
            self._log,
        )
        await guard.report_last(context.tape, sharing.lanes)
        guard.start(self._attend)
        stack.callback(guard.stop)
        run = sharing.run_alone if self._settings.tape.lockstep else sharing.run
        return [group.create_task(run()), group.create_task(guard.run(context.tape))]

    def _members(self, client: Client) -> Members:
        hosting = self._settings.hosting
        instance = hosting.instance or default_instance()
        return Members(client, self._name, instance, hosting.member_ttl_s, self._log)

    async def _attend(self, watchdog: Watchdog) -> None:
        """See to a hang, in the watchdog's thread: this one's connection is no use to it."""
        client = await self._connect()
        try:
            members = self._members(client)
            keep = members.claim if self._settings.tape.lockstep else members.look
            await attend_with(watchdog, await JetStreamTape.open(client), keep)
        finally:
            await client.close()

    async def _work(self, work: Callable[[], Awaitable[None]], *, ends: bool) -> None:
        await work()
        if ends:
            self._stop.set()

    async def _end(self, background: list[asyncio.Task[None]], hosted: Hosted) -> None:
        """First the feeds, then the actors, each after the message in hand; bounded in time."""
        self._readiness.set("running", ok=False, detail="stopping")
        for task in background:
            task.cancel()
        await hosted.end(self._settings.shutdown_timeout_s)

    async def _pulse(self, context: Context[S]) -> None:
        """Ask the tape for its end once a second: the proof of life that readiness rests on.

        Raises UnavailableError when the client has given up (a login that took too long is such
        a case): only a new process connects again.
        """
        while True:
            if context.client.is_closed:
                raise UnavailableError(f"NATS closed the connection: {context.client.last_error}")
            try:
                end = (await context.tape.bounds()).last
            except UnavailableError as error:
                self._log.warning("tape out of reach", error=str(error))
            else:
                self._readiness.beat("tape", f"ends at {end}")
                self._metrics.tape_last_seq.set(end)
                for instruments in self._hosted.instruments:
                    instruments.tape_end = end
            await asyncio.sleep(PULSE_S)
