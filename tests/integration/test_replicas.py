"""Copies of a stream, as far as one server can show; three of them: tests/compose."""

import asyncio

import pytest

from shared.domain.errors import UnavailableError
from shared.permissions import TAPE_STREAM
from shared.tape.administration import set_replicas, stream_info
from shared.tape.jetstream import init_tape
from tests.servers import NatsUnderTest


def test_one_server_keeps_one_copy_and_says_so(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        client = await clean_nats.connect()
        try:
            await init_tape(client)
            await set_replicas(client, TAPE_STREAM, 1)
            with pytest.raises(UnavailableError, match="the tape cannot be copied: "):
                await set_replicas(client, TAPE_STREAM, 3)
            found = await stream_info(client)
            assert found is not None
            assert found.config["num_replicas"] == 1
        finally:
            await client.close()

    asyncio.run(scenario())
