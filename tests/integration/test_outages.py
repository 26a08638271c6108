"""Servers and networks that go away: services wait, and go on where they were."""

import asyncio

import msgspec
import pytest
from nats.aio.client import Client

from shared.permissions import ADMIN
from shared.runtime.feed import slice_facts
from shared.tape.administration import stream_info
from shared.tape.client import connect
from shared.tape.interface import TapeFullError
from shared.tape.jetstream import REQUEST_TIMEOUT_S, STREAM, JetStreamTape
from shared.tape.publisher import LanePublisher
from tests import toy
from tests.cable import cable_to
from tests.integration.test_runner import eager, expected, recorded
from tests.integration.test_standby import Market, answered, running
from tests.servers import NatsUnderTest
from tests.tapes import fresh_tape, hosted, whole

LONG_S = REQUEST_TIMEOUT_S + 1.0  # every request of the time has been given up by then


def test_a_cut_longer_than_every_time_out_loses_and_repeats_nothing(
    nats_server: NatsUnderTest,
) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (_, tape), cable_to(nats_server.url) as cable:
            login = nats_server.logins[ADMIN]
            far = await connect(cable.url, name=ADMIN, login=login, timeout_s=5)
            market = Market(tape)
            async with (
                hosted(far, await JetStreamTape.open(far), eager()) as runner,
                running(runner),
            ):
                await market.play(5)
                await answered(tape)
                cable.cut()
                await market.play(5)
                await asyncio.sleep(LONG_S)
                await market.play(5)
                cable.mend()
                await answered(tape, timeout_s=LONG_S + 10)
            await far.close()

    asyncio.run(scenario())


async def set_bytes_max(client: Client, size_bytes: int) -> None:
    """Let the tape hold so many bytes; -1: as many as the disk."""
    info = await stream_info(client)
    assert info is not None
    config = msgspec.json.encode({**info.config, "max_bytes": size_bytes})
    answer = await client.request(f"$JS.API.STREAM.UPDATE.{STREAM}", config, timeout=5)
    assert b'"error"' not in answer.data, answer.data


async def fill(tape: JetStreamTape) -> None:
    for number, part in enumerate(toy.slices(100)):
        first, *_ = slice_facts(tape.id, toy.FEED, part)
        await tape.append(first, lane=toy.FEED, fence=number)


def test_a_full_tape_is_waited_out(nats_server: NatsUnderTest) -> None:
    """The limit stands for the disk: the server answers both with "insufficient resources"."""

    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            await set_bytes_max(client, 20_000)
            with pytest.raises(TapeFullError, match="free disk space"):
                await fill(tape)
            last = await tape.last(toy.FEED.fence)
            assert last is not None
            feed = LanePublisher(tape, toy.FEED, last.seq, said.append)
            async with asyncio.TaskGroup() as group:
                group.create_task(feed.publish(slice_facts(tape.id, toy.FEED, toy.slices(101)[-1])))
                await asyncio.sleep(0.3)
                assert "cannot take more" in said[0]
                await set_bytes_max(client, -1)
            async with hosted(client, tape, eager()) as runner, running(runner):
                await answered(tape)
            entries = await whole(tape)
            assert recorded(eager(), entries) == expected(eager(), entries, tape.id)

    said: list[str] = []
    asyncio.run(scenario())
