"""A test stand: both servers in a temporary folder, the tape made, services as processes."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

from console.configuration import DeskConfiguration
from console.home import Home
from console.servers import Servers, prepare_database, prepare_tape
from console.services import ServiceProcess
from shared.config.desk import PREFIX
from shared.domain.errors import UnavailableError
from shared.permissions import ADMIN
from shared.tape.jetstream import JetStreamTape

START_TIMEOUT_S = 20.0
POLL_S = 0.005


class Stand:
    """What a measurement needs. Processes started here end with the stand."""

    def __init__(self, servers: Servers, folder: Path, client: Client, tape: JetStreamTape) -> None:
        self.servers = servers
        self.folder = folder
        self.client = client
        self.tape = tape
        self._services: list[ServiceProcess] = []

    async def start(self, name: str, extra: Mapping[str, str]) -> tuple[float, ServiceProcess]:
        """Start a service; return the seconds from exec to its being ready."""
        service = ServiceProcess(name, self.folder, self._environment(name, extra))
        self._services.append(service)
        began_s = time.perf_counter()
        await service.start()
        while True:
            health = await service.health()
            if health is not None and health.ready:
                return time.perf_counter() - began_s, service
            if time.perf_counter() - began_s > START_TIMEOUT_S or not service.is_running:
                raise UnavailableError(f"{name} did not get ready: {service.last_words(0)}")
            await asyncio.sleep(POLL_S)

    async def stop(self, services: Sequence[ServiceProcess]) -> None:
        """Stop services and forget them."""
        for service in services:
            await service.stop(10)
            self._services.remove(service)

    async def stop_all(self) -> None:
        """Stop whatever still runs."""
        await self.stop(tuple(self._services))

    def _environment(self, name: str, extra: Mapping[str, str]) -> dict[str, str]:
        login = self.servers.login(name)
        mine = {
            "NATS__URL": self.servers.nats_url,
            "NATS__NKEY_SEED": login.seed or "",
            "POSTGRES__URL": self.servers.postgres_url,
            f"HEALTH__{name.upper()}_PORT": "0",
            **extra,
        }
        return os.environ | {PREFIX + key: value for key, value in mine.items()}


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    """Open a stand with an empty tape and a migrated database."""
    with tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as name:
        home = Home(Path(name))
        home.prepare()
        with Servers(home, DeskConfiguration()) as servers:
            await prepare_database(servers, timeout_s=10)
            await prepare_tape(servers, None, must_match=False)
            client = await servers.connect(ADMIN)
            made = Stand(servers, home.logs, client, await JetStreamTape.open(client))
            try:
                yield made
            finally:
                await made.stop_all()
                await client.close()
