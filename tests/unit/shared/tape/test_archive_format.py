"""Chunks and frames, byte by byte."""

import pytest

from shared.tape.archive_format import (
    GENESIS,
    HEAD_BYTES,
    RAW_BYTES_MAX,
    ArchiveError,
    Kind,
    digest,
    inflate,
    pack,
    read_head,
    seal,
    unpack,
)
from shared.tape.entry import Entry
from tests.unit.shared.tape.archives import messages


def test_a_chunk_is_what_was_packed() -> None:
    entries = messages(2_000, gap_every=7)
    assert unpack(*pack(entries)) == entries


def test_times_that_go_back_and_large_numbers_survive() -> None:
    entries = [
        Entry(2**53 + 1, "data.x.clock", b"\x00\xff", 10, count=2**31),
        Entry(2**53 + 9, "data.x.clock", b"", 3, cause=2**53 + 1),
    ]
    assert unpack(*pack(entries)) == entries


def test_a_body_is_never_larger_than_it_says() -> None:
    body, raw_bytes = pack(messages(500))
    with pytest.raises(ArchiveError, match="does not decompress"):
        inflate(body, raw_bytes + 1)
    with pytest.raises(ArchiveError, match=r"does not de"):
        unpack(body, raw_bytes - 1)
    with pytest.raises(ArchiveError, match="does not decompress"):
        unpack(b"no zstd at all", 14)


def test_a_frame_reads_back_and_chains() -> None:
    data, chain = seal(Kind.CHUNK, 3, (7, 9), b"body", 4, GENESIS)
    head = read_head(data)
    assert head is not None
    assert (head.kind, head.number, head.first_seq, head.last_seq) == (Kind.CHUNK, 3, 7, 9)
    assert digest(head.packed, data[HEAD_BYTES:]) == head.own
    assert digest(GENESIS, head.own) == head.chain == chain


def test_a_head_that_claims_too_much_is_none() -> None:
    data, _ = seal(Kind.CHUNK, 1, (1, 1), b"", RAW_BYTES_MAX + 1, GENESIS)
    assert read_head(data) is None
    assert read_head(data[:10]) is None
    assert read_head(b"x" * HEAD_BYTES) is None
