"""Real servers for tests: embedded, or in containers: TAPEDECK_TEST_BACKEND=testcontainers.

    def test_a_message_is_kept(clean_nats: NatsUnderTest) -> None:
        async def scenario() -> None:
            client = await nats.connect(**clean_nats.login("risk"))
            ...
        asyncio.run(scenario())

A backend that was asked for and cannot be had is a failure, never a skip.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import nats
import pytest

from console.embedded.nats import EmbeddedNats, configuration
from console.embedded.postgres import EmbeddedPostgres
from shared.permissions import ADMIN, USERS, inbox_prefix

BACKEND_VARIABLE = "TAPEDECK_TEST_BACKEND"
BACKENDS = ("embedded", "testcontainers")
BOOK = "main"
NATS_IMAGE = "nats:2.15-alpine"
POSTGRES_IMAGE = "postgres:18-alpine"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class NatsUnderTest:
    """A running nats-server with the users and permissions of a desk for the book `main`."""

    url: str
    passwords: Mapping[str, str]

    def login(self, user: str = ADMIN) -> dict[str, str]:
        """Return the arguments of `nats.connect` for a user."""
        return {
            "servers": self.url,
            "user": user,
            "password": self.passwords[user],
            "inbox_prefix": inbox_prefix(user),
        }


@dataclass(frozen=True)
class PostgresUnderTest:
    """A running PostgreSQL; `url` names its superuser and an empty database."""

    url: str

    def url_of(self, database: str) -> str:
        return f"{self.url.rsplit('/', 1)[0]}/{database}"


def backend() -> str:
    """Return which backend this run uses; a wrong name is an error."""
    name = os.environ.get(BACKEND_VARIABLE, "") or "embedded"
    if name not in BACKENDS:
        pytest.fail(f"{BACKEND_VARIABLE}={name!r}: one of {', '.join(BACKENDS)}", pytrace=False)
    return name


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[NatsUnderTest]:
    """One server for the whole run; what earlier tests left is still in it."""
    folder = tmp_path_factory.mktemp("nats")
    if backend() == "testcontainers":
        with _nats_container(folder) as server:
            yield server
    else:
        with EmbeddedNats(folder, book=BOOK) as embedded:
            passwords = {user: embedded.password(user) for user in USERS}
            yield NatsUnderTest(embedded.url, passwords)


@pytest.fixture
def clean_nats(nats_server: NatsUnderTest) -> NatsUnderTest:
    """The same server without any stream."""

    async def wipe() -> None:
        client = await nats.connect(**nats_server.login())
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            await jetstream.delete_stream(stream.config.name or "")
        await client.close()

    asyncio.run(wipe())
    return nats_server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[PostgresUnderTest]:
    """One server for the whole run. Its data need not survive: nothing waits for the disk."""
    if backend() == "testcontainers":
        with _postgres_container() as server:
            yield server
    else:
        hasty = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=hasty) as embedded:
            yield PostgresUnderTest(embedded.url)


@pytest.fixture
def database_url(postgres_server: PostgresUnderTest) -> Generator[str]:
    """The URL of a database that is empty and is dropped after the test."""
    name = f"test_{next(_numbers)}"

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(postgres_server.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run(f"CREATE DATABASE {name}"))
    yield postgres_server.url_of(name)
    asyncio.run(run(f"DROP DATABASE {name} WITH (FORCE)"))


def _require_docker() -> None:
    """Fail in one sentence when the containers that were asked for cannot be had."""
    import docker  # noqa: PLC0415 - slow, seldom used

    reason = ""
    try:
        client = docker.from_env()
        client.ping()
        client.close()
    except docker.errors.DockerException as error:
        reason = str(error)
    if reason:
        pytest.fail(f"{BACKEND_VARIABLE}=testcontainers, but: {reason}", pytrace=False)


@contextlib.contextmanager
def _nats_container(folder: Path) -> Generator[NatsUnderTest]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - slow, seldom used
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

    _require_docker()
    passwords = {user: f"{user}-password" for user in USERS}
    text = configuration(
        listen="0.0.0.0:4222",
        store_dir="/tmp/jetstream",
        store_bytes_max=10**9,
        users=passwords,
        book=BOOK,
    )
    (folder / "nats.conf").write_text(text, encoding="utf-8")
    container = (
        DockerContainer(NATS_IMAGE)
        .with_volume_mapping(str(folder), "/etc/tapedeck", "ro")
        .with_command("-js -c /etc/tapedeck/nats.conf")
        .with_exposed_ports(4222)
        .waiting_for(LogMessageWaitStrategy("Server is ready"))
    )
    with container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(4222)
        yield NatsUnderTest(f"nats://{host}:{port}", passwords)


@contextlib.contextmanager
def _postgres_container() -> Generator[PostgresUnderTest]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - slow, seldom used
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

    _require_docker()
    container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
    for name in ("USER", "PASSWORD", "DB"):
        container = container.with_env(f"POSTGRES_{name}", "tapedeck")
    # It starts once to make its cluster and once more to serve.
    ready = LogMessageWaitStrategy("database system is ready to accept connections", times=2)
    with container.waiting_for(ready):
        host, port = container.get_container_host_ip(), container.get_exposed_port(5432)
        yield PostgresUnderTest(f"postgresql://tapedeck:tapedeck@{host}:{port}/tapedeck")
