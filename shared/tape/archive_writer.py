"""Writes a tape into a file: whole, under its name, or not at all.

`archive_format` has the bytes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from shared.subjects import Lane
from shared.tape.archive_format import (
    CHUNK_BYTES,
    CHUNK_ENTRIES,
    END_MARK,
    FORMAT,
    GENESIS,
    MAGIC,
    TRAILER,
    VERSION,
    ArchiveEnd,
    ArchiveError,
    ArchiveHeader,
    ChunkPlace,
    Kind,
    LaneSummary,
    is_of_desk,
    pack,
    pack_index,
    seal,
)
from shared.tape.entry import Entry


class ArchiveWriter:
    """Writes one archive to a binary file that it does not close."""

    def __init__(self, file: BinaryIO, header: ArchiveHeader) -> None:
        self._file = file
        self._offset = 0
        self._chain = GENESIS
        self._frames = 0
        self._waiting: list[Entry] = []
        self._waiting_bytes = 0
        self._last_seq = 0
        self._payload_bytes = 0
        self._messages = 0
        self._chunks: list[ChunkPlace] = []
        self._lanes: dict[Lane, LaneSummary] = {}
        self._of_desk: list[int] = []
        self._put(MAGIC + VERSION.pack(FORMAT))
        text = msgspec.json.encode(header)
        self._seal(Kind.HEADER, (header.first_seq, header.last_seq), text, len(text))

    def add(self, entry: Entry) -> None:
        """Take one message; they come in tape order."""
        if entry.seq <= self._last_seq:
            raise ValueError(f"an archive was handed message {entry.seq} after {self._last_seq}")
        self._last_seq = entry.seq
        self._waiting.append(entry)
        self._waiting_bytes += len(entry.payload)
        if len(self._waiting) >= CHUNK_ENTRIES or self._waiting_bytes >= CHUNK_BYTES:
            self._flush()

    def finish(self) -> ArchiveEnd:
        """Write what waits, and the index; nothing can be added any more."""
        self._flush()
        lanes = {str(lane): summary for lane, summary in sorted(self._lanes.items())}
        end = ArchiveEnd(
            messages=self._messages,
            payload_bytes=self._payload_bytes,
            chunks=self._chunks,
            lanes=lanes,
            of_desk=self._of_desk,
        )
        offset = self._offset
        self._seal(Kind.END, (0, self._last_seq), *pack_index(end))
        self._put(TRAILER.pack(offset, END_MARK))
        return end

    def _flush(self) -> None:
        entries, self._waiting = self._waiting, []
        if not entries:
            return
        self._payload_bytes += self._waiting_bytes
        self._waiting_bytes = 0
        self._messages += len(entries)
        for entry in entries:
            lane = self._lanes.setdefault(entry.lane, LaneSummary(0, entry.seq, entry.seq))
            lane.messages += 1
            lane.last_seq = entry.seq
        first, last = entries[0], entries[-1]
        self._chunks.append(
            ChunkPlace(
                offset=self._offset,
                first_seq=first.seq,
                last_seq=last.seq,
                messages=len(entries),
                first_ns=first.recorded_ns,
                last_ns=last.recorded_ns,
            )
        )
        if any(is_of_desk(entry.subject) for entry in entries):
            self._of_desk.append(len(self._chunks))
        self._seal(Kind.CHUNK, (first.seq, last.seq), *pack(entries))

    def _seal(self, kind: Kind, seqs: tuple[int, int], body: bytes, raw_bytes: int) -> None:
        data, self._chain = seal(kind, self._frames, seqs, body, raw_bytes, self._chain)
        self._frames += 1
        self._put(data)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._offset += len(data)


@contextmanager
def writing(path: Path, header: ArchiveHeader, *, force: bool) -> Iterator[ArchiveWriter]:
    """Yield a writer; the file appears whole, under its name, or not at all.

    Call its `finish`. Raises ArchiveError when the file exists (unless `force`) or cannot be
    written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _refuse_overwriting(path, force=force)
        with part.open("xb") as file:
            yield ArchiveWriter(file, header)
            file.flush()
            os.fsync(file.fileno())
        _refuse_overwriting(path, force=force)  # whoever came in the meantime keeps his file
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ArchiveError(f"{path} cannot be written: {reason}") from None
    finally:
        part.unlink(missing_ok=True)


def _refuse_overwriting(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise ArchiveError(f"{path} exists: choose another name, or replace it with --force")


def _sync_folder(folder: Path) -> None:
    """Have the new name on disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
