"""Everything that a service does with the tape works from its own zone, by its own login."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from structlog import get_logger

from shared.permissions import CONSOLE, KILL_SUBJECT, MEMBERS_BUCKET, SERVICE_USERS
from shared.runtime.snapshot_store import JetStreamSnapshots, init_snapshots
from shared.runtime.snapshots import Snapshot
from shared.subjects import Lane, lane
from shared.tape.client import Login, connect
from shared.tape.entry import Outgoing
from shared.tape.interface import FenceLostError
from shared.tape.jetstream import JetStreamTape, init_tape
from shared.tape.nkeys import UserKey
from tests.servers import NatsUnderTest
from tests.tapes import connected

TAPE_ID = "00112233445566ff"
LANES = {
    "data": lane("data", "file"),
    "strategy": lane("strategy", "ema"),
    "risk": lane("risk", "main"),
    "execution": lane("broker", "main"),
    "ledger": lane("ledger", "main"),
}


def outs(speaker: Lane, count: int, cause: int = 1) -> list[Outgoing]:
    return [Outgoing(f"{speaker}.state", b"{}", cause, i, count) for i in range(count)]


async def prepare(server: NatsUnderTest) -> None:
    async with connected(server) as admin:
        await init_tape(admin, TAPE_ID)
        await init_snapshots(admin)


@pytest.mark.parametrize("user", SERVICE_USERS)
def test_a_service_writes_its_lane_and_reads_the_tape(clean_nats: NatsUnderTest, user: str) -> None:
    speaker = LANES[user]

    async def scenario() -> None:
        await prepare(clean_nats)
        async with connected(clean_nats, user) as client:
            tape = await JetStreamTape.open(client)
            head = await tape.append(outs(speaker, 1)[0], lane=speaker, fence=0)
            with pytest.raises(FenceLostError):
                await tape.append(outs(speaker, 1)[0], lane=speaker, fence=0)
            head = await tape.append_batch(outs(speaker, 12), lane=speaker, fence=head)
            head = await tape.append_run(outs(speaker, 5), lane=speaker, fence=head)
            assert head == (await tape.bounds()).last == 18
            last = await tape.last(speaker.fence)
            assert last is not None
            assert (last.seq, last.index, last.fenced) == (18, 4, True)

    asyncio.run(scenario())


def test_a_reader_catches_up_and_goes_on_across_zones(clean_nats: NatsUnderTest) -> None:
    feed = LANES["data"]

    async def scenario() -> None:
        await prepare(clean_nats)
        async with connected(clean_nats, "data") as data, connected(clean_nats, "risk") as risk:
            writing = await JetStreamTape.open(data)
            reading = await JetStreamTape.open(risk)
            head = 0
            async with reading.reader(["data.>"], 1) as reader:
                for _ in range(4):  # more than two pulls hold
                    head = await writing.append_batch(outs(feed, 400), lane=feed, fence=head)
                seqs = [entry.seq for _ in range(head) if (entry := await reader.next(5))]
                assert seqs == list(range(1, head + 1))
                await writing.append(outs(feed, 1)[0], lane=feed, fence=head)
                live = await reader.next(5)
                assert live is not None
                assert live.seq == head + 1
                assert reader.recreations == 0

    asyncio.run(scenario())


def test_a_service_keeps_and_finds_its_snapshots(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        await prepare(clean_nats)
        for user, speaker in LANES.items():
            async with connected(clean_nats, user) as client:
                store = JetStreamSnapshots(client, get_logger())
                kept = Snapshot(
                    tape_id=TAPE_ID, lane=str(speaker), seq=1, lane_head=1,
                    lane_head_digest="d", release="r", sieve={}, state=b"s",
                )  # fmt: skip
                await store.put(kept)
                assert [one.seq for one in await store.newest(speaker)] == [1], user

    asyncio.run(scenario())


def test_conductor_and_participants_hear_each_other(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with connected(clean_nats, "data") as data:
            for user in ("strategy", "risk", "execution", "ledger"):
                speaker = LANES[user]
                async with connected(clean_nats, user) as client:
                    granted = await client.subscribe(f"lockstep.grant.{speaker}")
                    called = await client.subscribe("lockstep.call")
                    reported = await data.subscribe("lockstep.report.>")
                    greeted = await data.subscribe("lockstep.hello.>")
                    await client.flush()
                    await data.flush()
                    await data.publish(f"lockstep.grant.{speaker}", b"7")
                    await data.publish("lockstep.call", b"")
                    await client.publish(f"lockstep.report.{speaker}", b"8")
                    await client.publish(f"lockstep.hello.{speaker}", b"9")
                    for ear in (granted, called, reported, greeted):
                        await ear.next_msg(timeout=5)
                    await reported.unsubscribe()
                    await greeted.unsubscribe()

    asyncio.run(scenario())


def test_a_kill_reaches_all_who_must_stop_and_they_can_answer(clean_nats: NatsUnderTest) -> None:
    async def answering(client: Client, user: str) -> None:
        async def answer(message: Msg) -> None:
            await message.respond(user.encode())

        await client.subscribe(KILL_SUBJECT, cb=answer)
        await client.flush()

    async def scenario() -> None:
        async with (
            connected(clean_nats, "execution") as execution,
            connected(clean_nats, "risk") as risk,
            connected(clean_nats, CONSOLE) as console,
        ):
            await answering(execution, "execution")
            await answering(risk, "risk")
            inbox = console.new_inbox()
            heard = await console.subscribe(inbox)
            await console.publish(KILL_SUBJECT, b"stop", reply=inbox)
            answers = {(await heard.next_msg(timeout=5)).data for _ in range(2)}
            assert answers == {b"execution", b"risk"}

    asyncio.run(scenario())


def test_the_strategies_have_a_bucket_of_their_own(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with (
            connected(clean_nats, "strategy") as client,
            connected(clean_nats, CONSOLE) as console,
        ):
            bucket = await client.jetstream().create_key_value(bucket=MEMBERS_BUCKET, ttl=5)
            watch = await bucket.watchall()
            await bucket.put("host-1", b"here")
            assert await bucket.keys() == ["host-1"]
            while (entry := await watch.updates(timeout=5)) is None:  # type: ignore[no-untyped-call]
                pass
            assert entry.key == "host-1"
            await watch.stop()  # type: ignore[no-untyped-call]
            question = json.dumps({"last_by_subj": f"$KV.{MEMBERS_BUCKET}.host-1"}).encode()
            told = await console.request("$JS.API.STREAM.MSG.GET.KV_MEMBERS", question, timeout=5)
            assert "message" in json.loads(told.data)

    asyncio.run(scenario())


def test_a_key_that_the_server_does_not_know_is_refused_in_one_sentence(
    nats_server: NatsUnderTest,
) -> None:
    login = Login("risk", seed=UserKey.generate().seed)
    attempt = connect(nats_server.url, name="risk", login=login, timeout_s=2)

    with pytest.raises(Exception, match=r"as user risk: .*[Aa]uthoriz") as refused:
        asyncio.run(attempt)
    assert str(login.seed) not in str(refused.value)


@pytest.mark.parametrize("login", [{}, {"user": "risk", "pass": "guess"}, {"nkey": "UNOBODY"}])
def test_a_stranger_is_turned_away(nats_server: NatsUnderTest, login: dict[str, str]) -> None:
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
