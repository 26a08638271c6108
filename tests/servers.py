"""Real servers for tests: embedded, or in containers: TAPEDECK_TEST_BACKEND=testcontainers.

    def test_a_message_is_kept(clean_nats: NatsUnderTest) -> None:
        async def scenario() -> None:
            client = await clean_nats.connect("risk")
            ...
        asyncio.run(scenario())

A backend that was asked for and cannot be had is a failure, never a skip.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from nats.aio.client import Client

from console.embedded.nats import EmbeddedNats
from console.embedded.nkey_files import user_keys
from console.embedded.postgres import EmbeddedPostgres
from console.nats_server import NatsServer, configuration
from shared.permissions import ADMIN, MEMBERS_STREAM, USERS, VAULTS
from shared.tape.client import Login, connect

BACKEND_VARIABLE = "TAPEDECK_TEST_BACKEND"
BACKENDS = ("embedded", "testcontainers")
BOOK = "main"
TIMEOUT_S = 5.0
NATS_IMAGE = "nats:2.15-alpine"
POSTGRES_IMAGE = "postgres:18-alpine"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class NatsUnderTest:
    """A running nats-server with the zones of a desk for the book `main`."""

    url: str
    logins: Mapping[str, Login]

    async def connect(self, user: str = ADMIN, *, say: Callable[[str], None] = print) -> Client:
        """Connect as a user; `say` hears what the server refuses."""
        login = self.logins[user]
        return await connect(self.url, name=user, login=login, timeout_s=TIMEOUT_S, say=say)

    def environment(self, user: str) -> dict[str, str]:
        """Return what a service needs to log in as a user."""
        return {
            "TAPEDECK__NATS__URL": self.url,
            "TAPEDECK__NATS__NKEY_SEED": self.logins[user].seed or "",
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
            yield NatsUnderTest(embedded.url, {user: embedded.login(user) for user in USERS})


@pytest.fixture
def clean_nats(nats_server: NatsUnderTest) -> NatsUnderTest:
    """The same server without any of a desk's streams."""

    async def wipe() -> None:
        client = await nats_server.connect()
        for stream in (*VAULTS, MEMBERS_STREAM):
            await client.request(f"$JS.API.STREAM.DELETE.{stream}", timeout=TIMEOUT_S)
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
    keys = user_keys(folder / "state", USERS)
    text = configuration(
        NatsServer(
            listen="0.0.0.0:4222",
            store_dir="/tmp/jetstream",
            store_bytes_max=10**9,
            public_keys={user: key.public for user, key in keys.items()},
            book=BOOK,
        )
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
        logins = {user: Login(user, seed=key.seed) for user, key in keys.items()}
        yield NatsUnderTest(f"nats://{host}:{port}", logins)


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
