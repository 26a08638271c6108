"""Snapshots: whole or passed over."""

import msgspec
import pytest

from shared.runtime.snapshots import FORMAT, Snapshot, decode, encode

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
