"""The permissions of shared/permissions.py, tried against the real server."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Self
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import APIError

from shared.permissions import TAPE_STREAM
from shared.subjects import LANES
from tests.servers import NatsUnderTest

REFUSAL_TIMEOUT_S = 0.3


class Login:
    """One user's connection, and what the server has refused it."""

    def __init__(self, server: NatsUnderTest, user: str) -> None:
        self._arguments = server.login(user)
        self.refusals: list[str] = []
        self.client: Client

    async def __aenter__(self) -> Self:
        async def note(error: Exception) -> None:
            self.refusals.append(str(error).lower())

        self.client = await nats.connect(error_cb=note, **self._arguments)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def is_refused(self, subject: str, payload: bytes = b"{}") -> bool:
        """Tell whether the server refuses a request on `subject` for lack of permission."""
        before = len(self.refusals)
        with contextlib.suppress(nats.errors.TimeoutError, nats.errors.NoRespondersError):
            await self.client.request(subject, payload, timeout=REFUSAL_TIMEOUT_S)
        return any(
            "permissions violation for publish" in refusal and subject.lower() in refusal
            for refusal in self.refusals[before:]
        )


@pytest.fixture
def tape(clean_nats: NatsUnderTest) -> NatsUnderTest:
    async def make() -> None:
        async with Login(clean_nats, "admin") as admin:
            config = StreamConfig(name=TAPE_STREAM, subjects=list(LANES))
            await admin.client.jetstream().add_stream(config)

    asyncio.run(make())
    return clean_nats


def run(server: NatsUnderTest, user: str, scenario: Callable[[Login], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Login(server, user) as login:
            await scenario(login)

    asyncio.run(main())


@pytest.mark.parametrize(
    "subject",
    [
        "risk.main.approved.SPY",
        "execution.main.filled.SPY",
        "broker.main.report.SPY",
        "control.console.kill",
        "ledger.main.state",
        "$JS.API.STREAM.DELETE.TAPE",
        "$JS.API.STREAM.PURGE.TAPE",
        "$JS.API.STREAM.UPDATE.TAPE",
        "$JS.API.STREAM.MSG.DELETE.TAPE",
        "$JS.API.CONSUMER.CREATE.SNAPSHOTS.spy",
    ],
)
def test_a_strategy_cannot_publish(tape: NatsUnderTest, subject: str) -> None:
    async def scenario(strategy: Login) -> None:
        assert await strategy.is_refused(subject)

    run(tape, "strategy", scenario)

    async def nothing_was_stored(admin: Login) -> None:
        info = await admin.client.jetstream().stream_info(TAPE_STREAM)
        assert info.state.messages == 0

    run(tape, "admin", nothing_was_stored)


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("data", "data.sim.clock"),
        ("strategy", "strategy.demo.signal.SPY"),
        ("strategy", "control.strategy.activate.demo"),
        ("risk", "risk.main.approved.SPY"),
        ("execution", "execution.main.submitting.SPY"),
        ("execution", "broker.main.ack.SPY"),
        ("ledger", "ledger.main.state"),
        ("console", "control.console.kill"),
    ],
)
def test_a_user_publishes_on_its_lane_and_reads_it_back(
    tape: NatsUnderTest, user: str, subject: str
) -> None:
    async def scenario(login: Login) -> None:
        jetstream = login.client.jetstream()
        ack = await jetstream.publish(subject, b"{}")
        assert (await jetstream.get_msg(TAPE_STREAM, ack.seq)).subject == subject
        config = ConsumerConfig(name="reader", filter_subjects=[subject], mem_storage=True)
        await jetstream.add_consumer(TAPE_STREAM, config)
        reader = await jetstream.pull_subscribe_bind("reader", TAPE_STREAM)
        (message,) = await reader.fetch(1, timeout=2)
        assert message.subject == subject
        assert await jetstream.delete_consumer(TAPE_STREAM, "reader")
        assert login.refusals == []

    run(tape, user, scenario)


def test_a_fenced_publish_of_a_service_is_judged_by_the_fence(tape: NatsUnderTest) -> None:
    async def scenario(risk: Login) -> None:
        jetstream = risk.client.jetstream()

        def fence(seq: int) -> dict[str, str]:
            return {
                "Nats-Expected-Last-Subject-Sequence": str(seq),
                "Nats-Expected-Last-Subject-Sequence-Subject": "risk.main.>",
            }

        first = await jetstream.publish("risk.main.state", b"1", headers=fence(0))
        with pytest.raises(APIError, match="wrong last sequence"):
            await jetstream.publish("risk.main.approved.SPY", b"2", headers=fence(0))
        await jetstream.publish("risk.main.approved.SPY", b"2", headers=fence(first.seq))

    run(tape, "risk", scenario)


def test_nobody_listens_to_what_is_meant_for_another(tape: NatsUnderTest) -> None:
    async def scenario(strategy: Login) -> None:
        await strategy.client.subscribe("_INBOX.risk.>")
        await strategy.client.subscribe("risk.main.>")
        async with asyncio.timeout(5):
            while len(strategy.refusals) < 2:
                await asyncio.sleep(0.01)
        assert all("permissions violation for subscription" in r for r in strategy.refusals)

    run(tape, "strategy", scenario)


def test_services_meet_on_the_lockstep_subjects(tape: NatsUnderTest) -> None:
    async def scenario(risk: Login) -> None:
        async with Login(tape, "data") as data:
            heard = await risk.client.subscribe("lockstep.grant.>")
            await risk.client.flush()
            await data.client.publish("lockstep.grant.risk", b"7")
            assert (await heard.next_msg(timeout=2)).data == b"7"

    run(tape, "risk", scenario)


@pytest.mark.parametrize("login", [{}, {"user": "risk", "pass": "guess"}, {"user": "nobody"}])
def test_a_stranger_and_a_wrong_password_are_turned_away(
    nats_server: NatsUnderTest, login: dict[str, str]
) -> None:
    """Spoken by hand: nats-py leaves its socket open when a login fails."""
    address = urlsplit(nats_server.url)

    async def scenario() -> bytes:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        options = json.dumps({"verbose": False, "pedantic": False, **login})
        writer.write(f"CONNECT {options}\r\nPING\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), timeout=5)
        writer.close()
        await writer.wait_closed()
        return answer

    answer = asyncio.run(scenario())
    assert b"-ERR 'Authorization Violation'" in answer
    assert b"PONG" not in answer
