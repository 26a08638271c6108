"""The console keeps its servers: one that dies comes back where it was, with what it held."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from console.configuration import DeskConfiguration
from console.embedded.nats import EmbeddedNats
from console.embedded.postgres import EmbeddedPostgres
from console.home import Home
from console.servers import Servers
from shared.domain.errors import UnavailableError
from shared.permissions import ADMIN
from shared.tape.jetstream import STREAM, JetStreamTape, init_tape

BACK_S = 30


async def kept(servers: Servers, told: list[str], work: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(servers.keep(told.append))
        await work()
        watch.cancel()


def kill(server: EmbeddedNats | EmbeddedPostgres | None) -> None:
    """kill -9 of this very server: other tests' servers are children of this process, too."""
    pid = server.pid if server is not None else None
    if pid is None:
        raise ProcessLookupError("it does not run")
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    home = Home(tmp_path)
    home.prepare()
    return Servers(home, DeskConfiguration(restarts_per_minute_max=3))


def test_a_nats_server_that_dies_comes_back_with_its_tape(servers: Servers) -> None:
    told: list[str] = []

    async def scenario() -> None:
        client = await servers.connect(ADMIN)
        made = await init_tape(client)
        url = servers.nats_url
        kill(servers._nats)
        async with asyncio.timeout(BACK_S):
            while not told or not client.is_connected:
                await asyncio.sleep(0.01)
        assert servers.nats_url == url
        assert (await JetStreamTape.open(client)).id == made
        await client.close()

    with servers:
        asyncio.run(kept(servers, told, scenario))
    assert told == ["the NATS server is started again: ended by SIGKILL"]


def test_a_postgresql_that_dies_comes_back_with_its_rows(servers: Servers) -> None:
    told: list[str] = []

    async def ask(statement: str) -> object:
        connection = await asyncpg.connect(servers.postgres_url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def scenario() -> None:
        await ask("CREATE TABLE kept AS SELECT 7 AS number")
        kill(servers._postgres)
        deadline_s = time.monotonic() + BACK_S
        while True:
            try:
                assert await ask("SELECT number FROM kept") == 7
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline_s, "it did not come back"
                await asyncio.sleep(0.05)
            else:
                return

    with servers:
        asyncio.run(kept(servers, told, scenario))
    assert told
    assert all(text.startswith("PostgreSQL is started again: ") for text in told)


def test_a_server_that_dies_again_and_again_ends_the_desk(servers: Servers) -> None:
    async def scenario() -> None:
        while True:
            with contextlib.suppress(ProcessLookupError):  # not started again yet
                kill(servers._nats)
            await asyncio.sleep(0.05)

    with (
        servers,
        pytest.RaisesGroup(
            pytest.RaisesExc(UnavailableError, match="again and again"), flatten_subgroups=True
        ),
    ):
        asyncio.run(kept(servers, [], scenario))


def test_a_missing_stream_is_no_empty_lane(servers: Servers) -> None:
    async def scenario() -> None:
        client = await servers.connect(ADMIN)
        await init_tape(client)
        tape = await JetStreamTape.open(client)
        assert await tape.last("risk.main.>") is None
        await client.request(f"$JS.API.STREAM.DELETE.{STREAM}", b"")
        with pytest.raises(UnavailableError, match="stream not found"):
            await tape.last("risk.main.>")
        await client.close()

    with servers:
        asyncio.run(scenario())
