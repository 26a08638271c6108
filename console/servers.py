"""NATS and PostgreSQL of a desk: started here, unless the configuration names them."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

import msgspec
from nats.aio.client import Client

from console.configuration import DeskConfiguration
from console.embedded.nats import EmbeddedNats
from console.embedded.postgres import EmbeddedPostgres
from console.home import Home
from console.restarts import Restarts
from shared.config.desk import NatsSettings
from shared.domain.errors import UnavailableError
from shared.permissions import ADMIN
from shared.runtime.members import init_members
from shared.runtime.snapshot_store import init_snapshots
from shared.tape.client import Login, connect, login_of, tls_of
from shared.tape.jetstream import REQUEST_TIMEOUT_S, STREAM, init_tape
from shared.tape.retention import keep_market_data

WATCH_S = 0.05


class Servers:
    """Both servers; use as a context manager, in the main thread.

    They outlive the services: PostgreSQL stops first, then NATS.
    """

    def __init__(self, home: Home, desk: DeskConfiguration) -> None:
        self._desk = desk
        self._nats = None if desk.names_nats else EmbeddedNats(home.path, book=desk.book)
        self._postgres = None if desk.names_postgres else EmbeddedPostgres(home.path)
        self._stack = ExitStack()

    @property
    def has_own_nats(self) -> bool:
        """True when NATS runs here."""
        return self._nats is not None

    @property
    def has_own_postgres(self) -> bool:
        """True when PostgreSQL runs here."""
        return self._postgres is not None

    @property
    def market_data_kept_days(self) -> float | None:
        """How long market data to come stays on the tape, None: for ever."""
        return self._desk.tape.market_data_kept_days

    @property
    def nats_url(self) -> str:
        """Where NATS listens."""
        return self._nats.url if self._nats else self._desk.nats.url

    @property
    def postgres_url(self) -> str:
        """Where PostgreSQL listens, with user and password: a secret."""
        return self._postgres.url if self._postgres else self._desk.postgres.url.get_secret_value()

    @property
    def nats(self) -> NatsSettings:
        """How every user reaches NATS, his own login aside: a server of ours needs no more."""
        told = self._desk.nats
        if self._nats is None:
            return told
        return NatsSettings(url=self._nats.url, connect_timeout_s=told.connect_timeout_s)

    def login(self, user: str) -> Login:
        """Return how `user` logs in at NATS."""
        return self._nats.login(user) if self._nats else login_of(self._desk.nats, user)

    async def connect(self, user: str, *, name: str = "console") -> Client:
        """Connect to NATS as one of `shared.permissions.USERS`."""
        login = self.login(user)
        return await connect(
            self.nats_url,
            name=login.user if login.seed and login.user else name,
            login=login,
            timeout_s=self._desk.nats.connect_timeout_s,
            tls=tls_of(self.nats),
        )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in (self._nats, self._postgres):
                if server is not None:
                    stack.enter_context(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    async def keep(self, tell: Callable[[str], None]) -> None:
        """Start a server of ours again, on its port and with its store, whenever it has died.

        Runs until cancelled, in the main thread. Nobody waits here for it to be ready: services
        connect again by themselves. Raises UnavailableError when it ends too often.
        """
        async with asyncio.TaskGroup() as group:
            for server in (self._nats, self._postgres):
                if server is not None:
                    group.create_task(self._keep(server, tell))

    async def _keep(
        self, server: EmbeddedNats | EmbeddedPostgres, tell: Callable[[str], None]
    ) -> None:
        restarts = Restarts(self._desk.restarts_per_minute_max)
        while True:
            if server.pid is not None:
                await asyncio.sleep(WATCH_S)
                continue
            why = server.last_words()
            pause_s = restarts.next_pause_s(asyncio.get_running_loop().time())
            if pause_s is None:
                raise UnavailableError(
                    f"{server.title} ended again and again within a minute: {why}"
                )
            tell(f"{server.title} is started again: {why}")
            await asyncio.sleep(pause_s)
            server.launch()


async def prepare_tape(servers: Servers, wanted_id: str | None, *, must_match: bool) -> str:
    """Make the tape and the stream of snapshots where there are none; return the tape's id.

    A tape that exists is continued, whatever its id, unless `must_match`.
    """
    client = await servers.connect(ADMIN)
    try:
        await init_snapshots(client)
        await init_members(client)
        is_given = must_match or not await _has_tape(client)
        tape_id = await init_tape(client, wanted_id if is_given else None)
        await keep_market_data(client, servers.market_data_kept_days)
        return tape_id
    finally:
        await client.close()


async def prepare_database(servers: Servers, timeout_s: float) -> list[str]:
    """Bring the database to this release's tables; return the migrations applied."""
    from services.ledger.migrate import migrate  # noqa: PLC0415 - Alembic takes half a second

    return await migrate(servers.postgres_url, timeout_s)


async def _has_tape(client: Client) -> bool:
    reply = await client.request(f"$JS.API.STREAM.INFO.{STREAM}", timeout=REQUEST_TIMEOUT_S)
    return "error" not in msgspec.json.decode(reply.data)
