"""Snapshots: whole or passed over."""

import asyncio

import msgspec
import pytest

from shared.runtime.actor import Rank
from shared.runtime.sieve import MarketSieve
from shared.runtime.snapshots import FORMAT, Snapshot, Snapshotter, decode, encode
from shared.subjects import Lane
from tests import toy

SNAPSHOT = Snapshot(
    tape_id="00112233445566ff",
    lane="risk.main",
    seq=100,
    lane_head=98,
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
    asyncio.run(snapshotter.keep(7, 0, sieve))
    sieve.newest_ns["data.alpaca.trade.AAPL"] = 6
    assert store.held[0].sieve == {"data.alpaca.trade.AAPL": 5}
