"""A tape in a file: read in chunks, refused where a byte of it is not its own.

`archive_format` has the bytes, `archive_writer` makes them. An archive keeps everything of an
`Entry`, its sequence included. Memory is bounded by one chunk, whatever the length of the tape.
"""

import asyncio
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from shared.subjects import matches
from shared.tape.archive_format import (
    END_MARK,
    FORMAT,
    GENESIS,
    HEAD_BYTES,
    MAGIC,
    TRAILER,
    VERSION,
    ArchiveEnd,
    ArchiveError,
    ArchiveHeader,
    FrameHead,
    Kind,
    digest,
    is_of_desk,
    read_head,
    unpack,
    unpack_index,
)
from shared.tape.entry import Entry
from shared.tape.interface import Bounds, Reader


class ArchiveTape:
    """The read half of a tape (`interface.ReadableTape`), from a file. Make it with `open`.

    `entries` is the quick way for who reads everything.
    """

    def __init__(self, path: Path, header: ArchiveHeader, end: ArchiveEnd) -> None:
        self.path = path
        self.header = header
        self.end = end
        self._recent: tuple[int, list[Entry]] = (-1, [])  # the chunk that `get` decoded last

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read header and index; ArchiveError when the file is not a whole archive."""
        with opened(path) as file:
            header, _ = read_header(file, path)
            return cls(path, header, read_end(file, path))

    @property
    def id(self) -> str:
        """The id of the tape that was exported."""
        return self.header.tape_id

    async def bounds(self) -> Bounds:
        """Return the first and the last sequence."""
        if not self.end.chunks:
            return Bounds(1, 0)
        first, last = self.end.chunks[0].first_seq, self.end.chunks[-1].last_seq
        # What stood before its first message is as good as trimmed.
        return Bounds(first, last, max(self.header.trimmed_before, first), self.header.kept_days)

    async def get(self, seq: int) -> Entry | None:
        """Return the entry at a sequence, None when there is none."""
        number = self._number_at(seq)
        if number > len(self.end.chunks):
            return None
        return next((entry for entry in self._chunk(number) if entry.seq == seq), None)

    async def last(self, pattern: str) -> Entry | None:
        """Return the last entry that a filter covers; reads backwards until there is one."""
        for number in range(len(self.end.chunks), 0, -1):
            for entry in reversed(self._chunk(number)):
                if matches(pattern, entry.subject):
                    return entry
        return None

    def reader(self, patterns: Sequence[str], start_seq: int) -> Reader:
        """Return a reader of the entries that any of the filters covers; it never waits."""
        return _ArchiveReader(self, patterns, start_seq)

    def entries(self, start_seq: int = 1) -> Iterator[Entry]:
        """Yield everything from a sequence on; ArchiveError where the file is damaged."""
        for chunk in self.chunks(start_seq):
            if chunk[0].seq < start_seq:
                yield from (entry for entry in chunk if entry.seq >= start_seq)
            else:
                yield from chunk

    def chunks(self, start_seq: int = 1) -> Iterator[list[Entry]]:
        """Yield whole chunks, from the one that holds a sequence on."""
        first = self._number_at(start_seq)
        if first > len(self.end.chunks):
            return
        with opened(self.path) as file:
            before = self._chain_before(file, first)
            for number in range(first, len(self.end.chunks) + 1):
                head, entries = self._read(file, number, before)
                before = head.chain
                yield entries

    def of_desk(self) -> Iterator[Entry]:
        """Yield certificates and commands; reads only the chunks that the index names for them."""
        if self.end.of_desk is None:
            chunks: Iterator[list[Entry]] = self.chunks()
        else:
            chunks = map(self._chunk, self._checked(self.end.of_desk))
        for chunk in chunks:
            yield from (entry for entry in chunk if is_of_desk(entry.subject))

    def _checked(self, numbers: list[int]) -> list[int]:
        count = len(self.end.chunks)
        if not all(1 <= number <= count for number in numbers):
            raise ArchiveError(f"{self.path}: its index names chunks that are not there")
        return numbers

    def _number_at(self, seq: int) -> int:
        """Return the number of the first chunk that ends at or after a sequence."""
        return 1 + bisect_left(self.end.chunks, seq, key=lambda place: place.last_seq)

    def _chunk(self, number: int) -> list[Entry]:
        if self._recent[0] != number:
            with opened(self.path) as file:
                before = self._chain_before(file, number)
                self._recent = (number, self._read(file, number, before)[1])
        return self._recent[1]

    def _chain_before(self, file: BinaryIO, number: int) -> bytes:
        """Return the chain digest of the frame before a chunk."""
        if number == 1:
            return read_header(file, self.path)[1].chain
        file.seek(self.end.chunks[number - 2].offset)
        head = read_head(file.read(HEAD_BYTES))
        if head is None:
            raise ArchiveError(f"{self.path}: {self._named(number - 1)} is damaged: its head")
        return head.chain

    def _read(self, file: BinaryIO, number: int, before: bytes) -> tuple[FrameHead, list[Entry]]:
        file.seek(self.end.chunks[number - 1].offset)
        try:
            head, body = read_frame(file, Kind.CHUNK)
            check_place(head, number, before)
            return head, unpack(body, head.raw_bytes)
        except ArchiveError as error:
            raise ArchiveError(
                f"{self.path}: {self._named(number)} {error}; `tapedeck tape verify` tells what"
                " else is damaged"
            ) from None

    def _named(self, number: int) -> str:
        place = self.end.chunks[number - 1]
        return chunk_name(number, len(self.end.chunks), (place.first_seq, place.last_seq))


class _ArchiveReader:
    """Reads an archive as a tape is read. `next` gives None at the end, at once."""

    recreations = 0

    def __init__(self, tape: ArchiveTape, patterns: Sequence[str], start_seq: int) -> None:
        self._patterns = tuple(patterns)
        self._covers: dict[str, bool] = {}
        self._chunks = tape.chunks(start_seq)
        self._start_seq = start_seq
        self._ready: Iterator[Entry] = iter(())
        self._ahead: Entry | None = None
        self._interrupted = False

    @property
    def is_idle(self) -> bool:
        """True at the end only: nothing here has to be waited for."""
        if self._ahead is None:
            self._ahead = self._find()
        return self._ahead is None

    def interrupt(self) -> None:
        self._interrupted = True

    async def next(self, timeout_s: float) -> Entry | None:  # noqa: ARG002 - the interface
        if self._interrupted:
            return None
        entry, self._ahead = self._ahead, None
        if entry is None:
            entry = next(self._ready, None)
        if entry is None:
            await asyncio.sleep(0)  # a chunk takes a millisecond: let the others run between two
            entry = self._find()
        return entry

    def _find(self) -> Entry | None:
        while (entry := next(self._ready, None)) is None:
            chunk = next(self._chunks, None)
            if chunk is None:
                return None
            self._ready = (e for e in chunk if e.seq >= self._start_seq and self._wants(e.subject))
        return entry

    def _wants(self, subject: str) -> bool:
        wanted = self._covers.get(subject)
        if wanted is None:
            wanted = any(matches(pattern, subject) for pattern in self._patterns)
            self._covers[subject] = wanted
        return wanted

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._chunks = iter(())
        self._ready = iter(())


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an archive for reading and check that it begins as one; ArchiveError otherwise."""
    try:
        with path.open("rb") as file:
            _check_beginning(file.read(len(MAGIC) + VERSION.size), path)
            yield file
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {(error.strerror or '').lower()}") from None


def _check_beginning(data: bytes, path: Path) -> None:
    if not data:
        raise ArchiveError(f"{path} is empty: it is no archive of a tape")
    if not data.startswith(MAGIC[: len(data)]):
        raise ArchiveError(f"{path} is no archive of a tape: `tapedeck tape export` makes one")
    if len(data) < len(MAGIC) + VERSION.size:
        raise ArchiveError(f"{path} is cut: only its first {len(data)} bytes are there")
    (version,) = VERSION.unpack_from(data, len(MAGIC))
    if version > FORMAT:
        raise ArchiveError(
            f"{path} has archive format {version}, this release reads up to {FORMAT}: update"
            " Tapedeck"
        )
    if version < 1:
        raise ArchiveError(f"{path} has archive format {version}, which there never was")


def read_header(file: BinaryIO, path: Path) -> tuple[ArchiveHeader, FrameHead]:
    """Read the header of an archive that was opened."""
    file.seek(len(MAGIC) + VERSION.size)
    try:
        head, body = read_frame(file, Kind.HEADER)
        check_place(head, 0, GENESIS)
        return msgspec.json.decode(body, type=ArchiveHeader), head
    except (ArchiveError, msgspec.MsgspecError) as error:
        raise ArchiveError(f"{path}: the header {error}") from None


def read_end(file: BinaryIO, path: Path) -> ArchiveEnd:
    """Read the index of an archive that was opened."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TRAILER.size, 0))
    offset, mark = TRAILER.unpack(file.read(TRAILER.size).rjust(TRAILER.size))
    if mark != END_MARK or offset >= size:
        raise ArchiveError(
            f"{path} is cut: its end is missing; `tapedeck tape verify` tells what is left"
        )
    file.seek(offset)
    try:
        head, body = read_frame(file, Kind.END)
        return unpack_index(body, head.raw_bytes)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: the index {error}") from None


def check_place(head: FrameHead, number: int, before: bytes) -> None:
    """Raise ArchiveError unless a frame is the one that follows."""
    if head.number != number or digest(before, head.own) != head.chain:
        raise ArchiveError("does not follow the one before it")


def read_frame(file: BinaryIO, kind: Kind) -> tuple[FrameHead, bytes]:
    """Read the frame that begins here; ArchiveError says what of it is wrong."""
    data = file.read(HEAD_BYTES)
    head = read_head(data)
    if len(data) < HEAD_BYTES:
        raise ArchiveError("is cut")
    if head is None or head.kind != kind:
        raise ArchiveError("is not where it belongs")
    body = file.read(head.body_bytes)
    if len(body) < head.body_bytes:
        raise ArchiveError("is cut")
    if digest(head.packed, body) != head.own:
        raise ArchiveError("does not match its checksum")
    return head, body


def chunk_name(number: int, count: int, seqs: tuple[int, int]) -> str:
    """Name a chunk as a person finds it; `count` 0: nobody knows."""
    of = f" of {count:,}" if count else ""
    return f"chunk {number:,}{of} (sequences {seqs[0]:,}-{seqs[1]:,})"
