"""Snapshots on the real server: the newest few of each lane, whole ones only."""

import asyncio

import msgspec
import structlog

from shared.runtime.snapshot_store import KEPT_PER_LANE, JetStreamSnapshots, init_snapshots
from shared.runtime.snapshots import Snapshot
from shared.subjects import lane
from shared.tape.interface import PAYLOAD_BYTES_MAX
from tests.servers import NatsUnderTest
from tests.tapes import connected

RISK = lane("risk", "main")


def snapshot(seq: int, state: bytes = b"s", of: str = "risk.main") -> Snapshot:
    return Snapshot(
        tape_id="00112233445566ff",
        lane=of,
        seq=seq,
        lane_head=seq,
        lane_head_digest="",
        release="r",
        sieve={},
        state=state,
    )


def seqs(found: list[Snapshot]) -> list[int]:
    return [one.seq for one in found]


def test_the_newest_few_come_back_newest_first(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with connected(clean_nats) as client:
            await init_snapshots(client)
            await init_snapshots(client)  # again changes nothing
            store = JetStreamSnapshots(client, structlog.get_logger())
            assert await store.newest(RISK) == []
            for seq in range(1, KEPT_PER_LANE + 3):
                await store.put(snapshot(seq))
            await store.put(snapshot(99, of="risk.other"))
            assert seqs(await store.newest(RISK)) == [5, 4, 3]

    asyncio.run(scenario())


def test_what_is_not_whole_is_passed_over(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with connected(clean_nats) as client:
            await init_snapshots(client)
            store = JetStreamSnapshots(client, structlog.get_logger())
            await store.put(snapshot(1))
            forged = msgspec.msgpack.encode(snapshot(2))  # without its checksum
            await client.request("snapshot.risk.main", forged, timeout=5)
            await client.request("snapshot.risk.main", b"\x00rubbish", timeout=5)
            assert seqs(await store.newest(RISK)) == [1]

    asyncio.run(scenario())


def test_in_the_background_the_newest_of_a_lane_wins(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with connected(clean_nats) as client:
            await init_snapshots(client)
            store = JetStreamSnapshots(client, structlog.get_logger())
            for seq in range(1, 50):
                store.put_soon(snapshot(seq))
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(store.run())
                while not (found := await store.newest(RISK)):
                    await asyncio.sleep(0.01)
                writing.cancel()
            assert seqs(found) == [49]

    asyncio.run(scenario())


def test_one_that_is_too_large_or_nobody_takes_is_not_kept_and_nothing_fails(
    clean_nats: NatsUnderTest,
) -> None:
    async def scenario() -> None:
        async with connected(clean_nats) as client:
            store = JetStreamSnapshots(client, structlog.get_logger())
            await store.put(snapshot(1))  # there is no stream yet
            assert await store.newest(RISK) == []
            await init_snapshots(client)
            await store.put(snapshot(2, state=b"x" * PAYLOAD_BYTES_MAX))
            assert await store.newest(RISK) == []

    asyncio.run(scenario())
