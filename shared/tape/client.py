"""The connection to NATS that everything here uses."""

import asyncio
from collections.abc import Callable
from typing import override

from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError

from shared.domain.errors import UnavailableError
from shared.permissions import inbox_prefix

PENDING_BYTES_MAX = 32 * 1024 * 1024  # what waits for the server while it is away
RECONNECT_S = 0.25  # the client adds jitter of its own


class _Client(Client):
    """A client that can be closed while its server is away, and whose requests know that it is."""

    def give_up_requests(self) -> None:
        """Let every request end now: an answer to a lost connection never comes.

        The library would let each wait for its time-out. Whether it was obeyed is not known,
        exactly as after one.
        """
        for answer in tuple(self._resp_map.values()):
            if not answer.done():
                answer.set_exception(ConnectionReconnectingError())

    @override
    async def close(self) -> None:
        """End the connection; what waits for a server that is away is given up.

        The library would write it to the transport that is gone, which raises.
        """
        if not self.is_connected:
            self._pending.clear()
            self._pending_data_size = 0
        await super().close()


async def connect(
    url: str,
    *,
    name: str,
    user: str | None,
    password: str | None,
    timeout_s: float,
    say: Callable[[str], None] = lambda _: None,
) -> Client:
    """Connect to NATS and stay connected for ever after; UnavailableError when it cannot be had.

    `name` also names the inbox, the only place where a service's user may listen. `say` is told
    what goes wrong later: a lost connection, a refused publish, and when all is well again.
    """
    client = _Client()
    problem = "no answer"

    async def on_error(error: Exception) -> None:
        nonlocal problem
        problem = str(error) or type(error).__name__
        say(problem)

    async def on_lost() -> None:
        client.give_up_requests()
        if not client.is_closed:
            say(f"connection to {url} lost, trying again")

    async def on_back() -> None:
        say(f"connection to {url} is back")

    try:
        async with asyncio.timeout(timeout_s):
            await client.connect(
                url,
                name=name,
                user=user,
                password=password,
                error_cb=on_error,
                disconnected_cb=on_lost,
                reconnected_cb=on_back,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]
                connect_timeout=2,
                inbox_prefix=inbox_prefix(name).encode(),
                pending_size=PENDING_BYTES_MAX,
            )
    except (TimeoutError, OSError, NatsError) as error:
        detail = problem if isinstance(error, TimeoutError) else str(error)
        await client.close()
        raise UnavailableError(
            f"NATS at {url} cannot be reached as user {user or 'nobody'}: {detail}"
        ) from None
    return client
