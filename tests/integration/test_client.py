"""The connection: made, refused in one sentence, and kept over a restart of the server."""

import asyncio
import time
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError

from console.embedded.nats import EmbeddedNats
from shared.domain.errors import UnavailableError
from shared.messages.control import Kill
from shared.messages.lane import State
from shared.permissions import ADMIN
from shared.subjects import lane
from shared.tape.client import RECONNECT_S, Login, connect
from shared.tape.entry import fact
from shared.tape.interface import NoVerdictError, PayloadTooLargeError
from shared.tape.jetstream import JetStreamTape, init_tape
from tests.servers import NatsUnderTest
from tests.tapes import TAPE_ID, fresh_tape


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    attempt = connect("nats://127.0.0.1:1", name="risk", login=Login(), timeout_s=1)

    with pytest.raises(UnavailableError, match=r"^NATS at nats://127\.0\.0\.1:1 cannot be reached"):
        asyncio.run(attempt)


def test_a_wrong_password_names_the_user_and_not_the_password(nats_server: NatsUnderTest) -> None:
    login = Login("risk", password="hunter2")
    attempt = connect(nats_server.url, name="risk", login=login, timeout_s=2)

    with pytest.raises(UnavailableError, match=r"as user risk: .*[Aa]uthoriz") as refused:
        asyncio.run(attempt)
    assert "hunter2" not in str(refused.value)


async def until(client: Client, *, connected: bool) -> None:
    async with asyncio.timeout(20):
        while client.is_connected is not connected:
            await asyncio.sleep(0.01)


def test_a_reconnect_needs_nobodys_help(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    server.start()

    async def scenario() -> None:
        client = await connect(server.url, name=ADMIN, login=server.login(ADMIN), timeout_s=5)
        server.stop()
        await until(client, connected=False)
        server.start()
        await until(client, connected=True)
        assert (await client.request("$JS.API.INFO", b"", timeout=5)).data
        await client.close()

    try:
        asyncio.run(scenario())
    finally:
        server.stop()


def test_an_outage_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    server.start()
    heard: list[str] = []

    def failures() -> list[str]:
        return [sentence for sentence in heard if "Connect call failed" in sentence]

    async def scenario() -> None:
        login = server.login(ADMIN)
        client = await connect(server.url, name=ADMIN, login=login, timeout_s=5, say=heard.append)
        for outage in (1, 2):
            server.stop()
            async with asyncio.timeout(20):
                while len(failures()) < outage:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(4 * RECONNECT_S)  # further attempts, silent ones
            assert len(failures()) == outage, heard
            server.start()
            await until(client, connected=True)
        await client.close()

    try:
        asyncio.run(scenario())
    finally:
        server.stop()


def test_a_connection_is_closed_while_its_server_is_away(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    server.start()

    async def scenario() -> None:
        client = await connect(server.url, name=ADMIN, login=server.login(ADMIN), timeout_s=5)
        server.stop()
        await until(client, connected=False)
        await client.publish("control.console.kill", b"waits for the server")
        await client.close()
        assert client.is_closed

    try:
        asyncio.run(scenario())
    finally:
        server.stop()


def test_a_request_does_not_wait_for_a_server_that_died(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    server.start()

    async def scenario() -> None:
        client = await connect(server.url, name=ADMIN, login=server.login(ADMIN), timeout_s=5)

        async def nobody(_: Msg) -> None:
            """Never answer."""

        def stop_soon() -> None:
            time.sleep(0.2)
            server.stop()

        await client.subscribe("silence", cb=nobody)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(stop_soon))
            with pytest.raises(ConnectionReconnectingError):
                await client.request("silence", b"", timeout=60)
        await client.close()

    try:
        asyncio.run(scenario())
    finally:
        server.stop()


def test_what_was_given_up_does_not_leave_when_the_server_is_back(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path)
    server.start()
    speaker = lane("execution", "main")

    async def scenario() -> None:
        client = await connect(server.url, name=ADMIN, login=server.login(ADMIN), timeout_s=5)
        await init_tape(client, TAPE_ID)
        tape = await JetStreamTape.open(client)
        out = fact(
            TAPE_ID, speaker, State(code_digest="", configuration="", from_seq=0), ts_ns=1, key="o"
        )
        server.stop()
        # Also what is sent before the client has noticed that the server is gone.
        while client.is_connected:
            with pytest.raises((UnavailableError, NoVerdictError)):
                await tape.append(out, lane=speaker, fence=0)
        with pytest.raises(UnavailableError, match="NATS is away"):
            await tape.append(out, lane=speaker, fence=0)
        with pytest.raises(UnavailableError, match="NATS is away"):
            await tape.append_batch([out, out], lane=speaker, fence=0)
        server.start()
        await until(client, connected=True)
        await client.flush()
        assert (await tape.bounds()).last == 0
        assert await tape.append(out, lane=speaker, fence=0) == 1
        await client.close()

    try:
        asyncio.run(scenario())
    finally:
        server.stop()


def test_a_message_has_to_fit_into_what_the_server_takes(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (client, tape):
            client._max_payload = 70_000  # as a server with a smaller limit says at the connect
            huge = fact(
                TAPE_ID, lane("control", "admin"), Kill(reason="x" * 66_000), ts_ns=1, key=""
            )
            with pytest.raises(PayloadTooLargeError, match="the tape takes 65904"):
                await tape.tell(huge, once_id="k")
            small = fact(TAPE_ID, lane("control", "admin"), Kill(reason="x"), ts_ns=1, key="")
            assert await tape.tell(small, once_id="k") == 1

    asyncio.run(scenario())
