"""A cable between a client and a server on loopback, which a test can cut and mend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Cable:
    """Carries bytes both ways. Cut, it swallows nothing and carries nothing: both ends wait.

    That is what a switch without power looks like: no end of the connection, no refusal.
    """

    def __init__(self, port: int) -> None:
        self._to_port = port
        self._whole = asyncio.Event()
        self._whole.set()
        self._carriers: list[asyncio.Task[None]] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Where a NATS client connects to."""
        return f"nats://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Carry nothing from now on."""
        self._whole.clear()

    def mend(self) -> None:
        """Carry again, also what has waited."""
        self._whole.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until an end of it closes."""
        there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            async with asyncio.TaskGroup() as group:
                ways = [
                    group.create_task(self._one_way(reader, back)),
                    group.create_task(self._one_way(there, writer)),
                ]
                self._carriers += ways
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
        finally:
            writer.close()
            back.close()

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._whole.wait()
            writer.write(data)

    def end(self) -> None:
        """Let go of every connection."""
        for carrier in self._carriers:
            carrier.cancel()


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[Cable]:
    """A cable to the server of a URL."""
    cable = Cable(urlsplit(url).port or 0)
    server = await asyncio.start_server(cable.carry, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        cable.mend()
        cable.end()
        server.close()
        await server.wait_closed()
