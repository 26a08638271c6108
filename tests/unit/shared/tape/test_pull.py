"""The reader, where the real server cannot be made to misbehave (else: the contract suite)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import NoRespondersError

from shared.tape.pull import HEARTBEAT_S, PullReader

type Take = Callable[[Msg], Awaitable[None]]


class FakeClient:
    """A server in one object: `away` is how many requests it does not answer; each pull is
    answered, before it returns, with the next of `answers`.
    """

    def __init__(self, *answers: list[Msg], away: int = 0) -> None:
        self.answers = list(answers)
        self.away = away
        self.listening: dict[str, Take] = {}

    @property
    def is_connected(self) -> bool:
        return self.away == 0

    def new_inbox(self) -> str:
        return f"inbox.{len(self.listening)}"

    async def subscribe(self, subject: str, cb: Take, **_: int) -> Subscription:
        self.listening[subject] = cb
        return cast("Subscription", FakeSubscription(self, subject))

    async def request(self, subject: str, payload: bytes, timeout: float) -> Msg:  # noqa: ASYNC109
        if self.away:
            self.away -= 1
            raise NoRespondersError
        return message(subject, payload, reply=str(timeout))

    async def publish(self, _subject: str, _payload: bytes, reply: str = "") -> None:
        for answer in self.answers.pop(0) if reply and self.answers else []:
            await self.listening[reply](answer)


class FakeSubscription:
    def __init__(self, client: FakeClient, subject: str) -> None:
        self._client, self._subject = client, subject

    async def unsubscribe(self) -> None:
        del self._client.listening[self._subject]


def message(
    subject: str, data: bytes = b"{}", reply: str = "", headers: dict[str, str] | None = None
) -> Msg:
    return Msg(cast("Client", None), subject, reply, data, headers)


def reader(client: FakeClient) -> PullReader:
    return PullReader(cast("Client", client), "TAPE", ["data.>"], 1)


def test_what_arrives_while_the_reader_asks_is_handed_out_at_once() -> None:
    async def check() -> None:
        expired = message("", b"", headers={"Status": "408"})
        bar = message("data.file.bar.1m.AAPL", reply="$JS.ACK.TAPE.r.1.7.1.99.0")
        async with reader(FakeClient([expired], [bar])) as reading:
            async with asyncio.timeout(HEARTBEAT_S / 2):
                entry = await reading.next(5)
            assert entry is not None
            assert (entry.seq, entry.recorded_ns) == (7, 99)

    asyncio.run(check())


def test_an_outage_leaves_one_subscription_however_often_it_was_tried() -> None:
    async def check() -> None:
        client = FakeClient()
        async with reader(client) as reading:
            client.away = 3
            assert await reading.next(0.01) is None
            assert reading.recreations == 1
            assert len(client.listening) == 1
        assert not client.listening

    asyncio.run(check())


def test_an_interrupted_reader_does_not_wait_for_a_server_that_is_away() -> None:
    async def check() -> None:
        client = FakeClient()
        async with reader(client) as reading, asyncio.timeout(5), asyncio.TaskGroup() as group:
            client.away = 1_000_000
            waiting = group.create_task(reading.next(60))
            await asyncio.sleep(0.01)
            reading.interrupt()
        assert waiting.result() is None

    asyncio.run(check())


@pytest.mark.parametrize("status", ["100", "404", "409", "503", "nonsense"])
def test_a_stored_message_is_not_taken_for_the_servers_word(status: str) -> None:
    async def check() -> None:
        forged = message(
            "data.file.x", b"", reply="$JS.ACK.TAPE.r.1.7.1.99.1", headers={"Status": status}
        )
        bar = message("data.file.bar.1m.AAPL", reply="$JS.ACK.TAPE.r.1.8.2.99.0")
        async with reader(FakeClient([forged, bar])) as reading:
            entries = [await reading.next(1), await reading.next(1)]
            assert [entry.seq for entry in entries if entry] == [7, 8]
            assert reading.recreations == 0

    asyncio.run(check())


def test_headers_that_are_no_numbers_are_refused_and_counted() -> None:
    async def check() -> None:
        headers = {"Tape-Cause": "soon"}
        forged = message("data.file.x", reply="$JS.ACK.TAPE.r.1.7.1.99.1", headers=headers)
        bar = message("data.file.bar.1m.AAPL", reply="$JS.ACK.TAPE.r.1.8.2.99.0")
        async with reader(FakeClient([forged, bar])) as reading:
            entry = await reading.next(1)
            assert entry is not None
            assert entry.seq == 8
            assert reading.refused == 1

    asyncio.run(check())
