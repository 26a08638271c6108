"""The embedded servers themselves: what a desk's state directory survives."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import psutil
import pytest

from console.embedded.credentials import FILE_NAME
from console.embedded.nats import EmbeddedNats
from console.embedded.postgres import EmbeddedPostgres
from shared.domain.errors import UnavailableError
from shared.permissions import ADMIN
from shared.tape.client import connect
from shared.tape.jetstream import JetStreamTape, init_tape

DESK = """
import sys, time
from pathlib import Path
from console.embedded.nats import EmbeddedNats
from console.embedded.postgres import EmbeddedPostgres
state = Path(sys.argv[1])
servers = [EmbeddedNats(state), EmbeddedPostgres(state)]
for server in servers:
    server.start()
print(*(server.pid for server in servers), flush=True)
time.sleep(60)
"""


async def publish(server: EmbeddedNats, text: bytes) -> int:
    """Put one message on the tape and return how many it holds."""
    client = await connect(server.url, name=ADMIN, login=server.login(ADMIN), timeout_s=5)
    try:
        await init_tape(client)
        await client.request("data.test.kept", text, timeout=5)
        return (await (await JetStreamTape.open(client)).bounds()).last
    finally:
        await client.close()


async def fetch(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def kill(server: EmbeddedNats | EmbeddedPostgres) -> None:
    """kill -9, and wait for the end."""
    process = psutil.Process(server.pid)
    process.kill()
    while server.pid is not None:
        time.sleep(0.01)


def is_alive(process: psutil.Process) -> bool:
    """A dead process may stay unburied where process 1 buries nobody."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_tape_is_kept_over_a_restart_and_over_a_kill(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    with server:
        port = server.port
        assert asyncio.run(publish(server, b"1")) == 1
    with server:
        assert server.port == port
        assert asyncio.run(publish(server, b"2")) == 2
        kill(server)
        server.start()
        assert asyncio.run(publish(server, b"3")) == 3
    assert server.pid is None


def test_a_database_is_kept_over_a_restart_and_over_a_kill(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    with server:
        asyncio.run(fetch(server, "CREATE TABLE kept AS SELECT 7 AS seven"))
    with server:
        assert asyncio.run(fetch(server, "SELECT seven FROM kept")) == 7
        kill(server)
        server.start()
        assert asyncio.run(fetch(server, "SELECT seven FROM kept")) == 7
        assert asyncio.run(fetch(server, "SHOW server_encoding")) == "UTF8"
        assert asyncio.run(fetch(server, "SHOW fsync")) == "on"


def test_a_lost_password_file_does_not_lose_the_database(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        old = server.url
    (tmp_path / FILE_NAME).unlink()
    with EmbeddedPostgres(tmp_path) as server:
        assert server.url != old
        assert asyncio.run(fetch(server, "SELECT 1")) == 1


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    async def try_it(url: str) -> None:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url)

    with EmbeddedPostgres(tmp_path) as server:
        asyncio.run(try_it(server.url.replace("tapedeck:", "tapedeck:x")))


@pytest.mark.parametrize("kind", [EmbeddedNats, EmbeddedPostgres])
def test_a_taken_port_is_one_clear_sentence(
    tmp_path: Path, kind: type[EmbeddedNats | EmbeddedPostgres]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UnavailableError, match=f"cannot listen on port {port}: address already"
        ):
            kind(tmp_path, port).start()


@pytest.mark.parametrize("kind", [EmbeddedNats, EmbeddedPostgres])
def test_a_second_desk_is_told_who_uses_the_folder(
    tmp_path: Path, kind: type[EmbeddedNats | EmbeddedPostgres]
) -> None:
    with kind(tmp_path), pytest.raises(UnavailableError, match=rf"process {os.getpid()}\)"):
        kind(tmp_path).start()


def test_a_store_that_cannot_be_used_is_told_in_the_servers_words(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "jetstream").write_text("in the way")

    with pytest.raises(UnavailableError, match=r"(?i)the NATS server ended .*: .*jetstream"):
        EmbeddedNats(tmp_path).start()


def test_a_cluster_that_is_damaged_is_told_in_the_servers_words(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path):
        pass
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("nonsense\n")

    with pytest.raises(UnavailableError, match=r"PostgreSQL ended .*not a valid data directory"):
        EmbeddedPostgres(tmp_path).start()


def test_a_cluster_half_made_is_made_again(tmp_path: Path) -> None:
    part = tmp_path / "postgres" / "data.part"
    part.mkdir(parents=True)
    (part / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(tmp_path) as server:
        assert asyncio.run(fetch(server, "SELECT 1")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_desk_takes_its_servers_along_and_the_next_one_starts(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DESK, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as desk:
        assert desk.stdout is not None
        servers = [psutil.Process(int(pid)) for pid in desk.stdout.readline().split()]
        desk.kill()
    # At once: the next start waits for what is still going down.
    with EmbeddedNats(tmp_path) as tape, EmbeddedPostgres(tmp_path) as database:
        assert asyncio.run(publish(tape, b"1")) == 1
        assert asyncio.run(fetch(database, "SELECT 1")) == 1

    assert len(servers) == 2
    assert not any(is_alive(server) for server in servers)
