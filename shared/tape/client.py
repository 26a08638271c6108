"""The connection to NATS that everything here uses."""

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.domain.errors import UnavailableError
from shared.permissions import inbox_prefix

PENDING_BYTES_MAX = 32 * 1024 * 1024  # what waits for the server while it is away
RECONNECT_S = 0.25  # the client adds jitter of its own


async def connect(
    url: str, *, name: str, user: str | None, password: str | None, timeout_s: float
) -> Client:
    """Connect to NATS and stay connected for ever after; UnavailableError when it cannot be had.

    `name` also names the inbox, the only place where a service's user may listen.
    """
    client = Client()
    problem = "no answer"

    async def on_error(error: Exception) -> None:
        nonlocal problem
        problem = str(error) or type(error).__name__

    try:
        async with asyncio.timeout(timeout_s):
            await client.connect(
                url,
                name=name,
                user=user,
                password=password,
                error_cb=on_error,
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
