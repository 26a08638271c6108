"""Snapshots: whole or passed over."""

import asyncio

import msgspec
import pytest

from shared.runtime.actor import Rank
from shared.runtime.birth import certificate, outgoing
from shared.runtime.sieve import MarketSieve
from shared.runtime.snapshots import FORMAT, Snapshot, Snapshotter, decode, encode
from shared.subjects import Lane
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID

SNAPSHOT = Snapshot(
    tape_id="00112233445566ff",
    lane="risk.main",
    seq=100,
    lane_head=98,
    lane_head_digest="d",
    release="r",
    sieve={"data.alpaca.trade.AAPL": 5},
    state=b"state",
)


def test_a_snapshot_survives_storage() -> None:
    found = decode(encode(SNAPSHOT))

    assert found is not None
    assert found.is_whole
    assert msgspec.structs.replace(found, checksum="") == SNAPSHOT


@pytest.mark.parametrize("place", range(0, len(encode(SNAPSHOT)), 7))
def test_any_changed_byte_is_noticed(place: int) -> None:
    data = bytearray(encode(SNAPSHOT))
    data[place] ^= 0x01

    assert decode(bytes(data)) is None


def test_a_cut_or_newer_one_is_passed_over() -> None:
    assert decode(encode(SNAPSHOT)[:-5]) is None
    assert decode(b"") is None
    newer = msgspec.structs.replace(SNAPSHOT, format=FORMAT + 1)
    assert decode(encode(newer)) is None


class Hand:
    """A store that holds what it was given, and writes it down later."""

    def __init__(self) -> None:
        self.held: list[Snapshot] = []

    async def newest(self, lane: Lane) -> list[Snapshot]:
        return [snapshot for snapshot in self.held if snapshot.lane == str(lane)]

    def put_soon(self, snapshot: Snapshot) -> None:
        self.held.append(snapshot)

    async def put(self, snapshot: Snapshot) -> None:
        self.put_soon(snapshot)


def test_what_is_handled_while_a_snapshot_waits_does_not_get_into_it() -> None:
    store, sieve = Hand(), MarketSieve({"data.alpaca.trade.AAPL": 5})
    snapshotter = Snapshotter(store, "00112233445566ff", toy.actor(toy.ToyRisk(), Rank.RISK))
    asyncio.run(snapshotter.keep(7, 0, b"", sieve))
    sieve.newest_ns["data.alpaca.trade.AAPL"] = 6
    assert store.held[0].sieve == {"data.alpaca.trade.AAPL": 5}


def test_a_tape_restored_from_a_copy_is_told_by_the_word_at_the_lanes_end() -> None:
    """The numbers alone may fit: the tape has grown again since, with other messages."""
    actor, store = toy.actor(toy.ToyRisk(), Rank.RISK), Hand()
    lane = actor.core.lane

    def tape_with(from_seq: int) -> MemoryTape:
        tape = MemoryTape(TAPE_ID)
        tape.put(outgoing(TAPE_ID, actor, certificate(actor, from_seq), 0), lane=lane, fence=0)
        return tape

    async def scenario() -> None:
        as_taken, regrown = tape_with(0), tape_with(7)
        snapshotter = Snapshotter(store, TAPE_ID, actor)
        await snapshotter.keep(1, 1, as_taken.entry(1).payload, MarketSieve())
        assert await snapshotter.restore(as_taken, 1) is not None
        assert await snapshotter.restore(regrown, 1) is None

    asyncio.run(scenario())
