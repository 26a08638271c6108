"""Is a file the archive that was written? Everything that is wrong with it, one sentence each.

Reading stops at the first fault; this goes on behind it: a chunk that was damaged, lost, moved
or repeated is named, and so is what the end of a cut file lacks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field

from shared.tape.archive import chunk_name, opened, read_end, read_header
from shared.tape.archive_format import (
    END_MARK,
    FRAME_MARK,
    HEAD_BYTES,
    TRAILER,
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

FAULTS_MAX = 1_000  # of a file that is noise; the rest would say nothing new
_SEARCH_BYTES = 1 << 20


class ArchiveReport(Struct):
    """What a file holds and what is wrong with it. `header` is None when it has none."""

    header: ArchiveHeader | None = None
    end: ArchiveEnd | None = None
    chunks: int = 0
    messages: int = 0
    faults: list[str] = field(default_factory=list)


def check_archive(path: Path) -> ArchiveReport:
    """Read every byte; ArchiveError when the file does not even begin as an archive."""
    report = ArchiveReport()
    with opened(path) as file:
        try:
            report.end = read_end(file, path)
        except ArchiveError:
            report.end = None  # the walk finds what is wrong with it
        try:
            report.header, head = read_header(file, path)
        except ArchiveError as error:
            report.faults.append(str(error).removeprefix(f"{path}: "))
            return report
        _Walk(file, report, head).run()
    return report


class _Walk:
    """From frame to frame, over whatever lies between two of them."""

    def __init__(self, file: BinaryIO, report: ArchiveReport, header: FrameHead) -> None:
        self._file = file
        self._report = report
        self._count = len(report.end.chunks) if report.end else 0
        self._expected = 1
        self._chains = {header.chain}  # what the next one may follow
        self._last_seq = 0
        self._of_desk: list[int] = []  # chunks with certificates or commands, as they are
        self._has_end = False

    def run(self) -> None:
        for head, body in self._frames():
            self._take(head, body)
            if len(self._report.faults) >= FAULTS_MAX:
                self._fault("and more: the rest was not looked at")
                return
        if not self._has_end:
            self._fault(self._missing_end())
        elif self._report.end is None and not self._report.faults:
            self._fault("the last bytes of the file do not lead to its index")

    def _take(self, head: FrameHead, body: bytes) -> None:
        self._place(head)
        self._has_end = head.kind == Kind.END
        if len(body) < head.body_bytes:
            self._fault(f"the file is cut in the middle of {self._named(head)}")
        elif digest(head.packed, body) != head.own:
            self._fault(f"{self._named(head)} does not match its checksum")
        else:
            if not any(digest(before, head.own) == head.chain for before in self._chains):
                self._fault(f"{self._named(head)} does not follow the one before it")
            self._open(head, body)
        # A digest that was changed itself must not accuse the next frame.
        self._chains = {head.chain, *(digest(before, head.own) for before in self._chains)}
        self._expected = head.number + 1

    def _place(self, head: FrameHead) -> None:
        """Say what is missing before a frame, or that it comes too late."""
        missing = head.number - self._expected
        if missing > 0:
            last = head.number - 1
            lost = (
                f"chunks {self._expected:,}-{last:,} are" if missing > 1 else f"chunk {last:,} is"
            )
            self._fault(f"{lost} missing before {self._named(head)}")
        elif missing < 0:
            self._fault(f"{self._named(head)} stands behind chunk {self._expected - 1:,}")

    def _open(self, head: FrameHead, body: bytes) -> None:
        try:
            if head.kind == Kind.END:
                told = unpack_index(body, head.raw_bytes).of_desk
                if told not in (None, self._of_desk) and not self._report.faults:
                    self._fault("the index does not say where certificates and commands stand")
            else:
                entries = unpack(body, head.raw_bytes)
                if any(is_of_desk(entry.subject) for entry in entries):
                    self._of_desk.append(head.number)
                self._report.messages += len(entries)
                self._report.chunks += 1
                self._last_seq = head.last_seq
        except ArchiveError as error:
            self._fault(f"{self._named(head)} {error}")

    def _frames(self) -> Iterator[tuple[FrameHead, bytes]]:
        """Yield what looks like frames; bytes between them are a fault."""
        while True:
            offset = self._file.tell()
            data = self._file.read(HEAD_BYTES)
            head = read_head(data)
            if head is not None:
                body = self._file.read(head.body_bytes)
                yield head, body
                if digest(head.packed, body) == head.own:
                    continue
                # It may be its length that was changed: look for the next one right behind it.
            elif self._is_trailer(data):
                return
            else:
                self._fault(f"what stands at byte {offset:,} belongs to no chunk")
            if not self._seek_mark(offset + 1):
                return

    def _is_trailer(self, data: bytes) -> bool:
        return not data or (self._has_end and len(data) == TRAILER.size and data.endswith(END_MARK))

    def _seek_mark(self, offset: int) -> bool:
        """Go to the next place that looks like a frame's beginning."""
        while True:
            self._file.seek(offset)
            data = self._file.read(_SEARCH_BYTES)
            found = data.find(FRAME_MARK)
            if found >= 0:
                self._file.seek(offset + found)
                return True
            if len(data) < _SEARCH_BYTES:
                return False
            offset += len(data) - len(FRAME_MARK)

    def _missing_end(self) -> str:
        header = self._report.header
        upto = f" of {header.last_seq:,}" if header else ""
        return f"the file ends at sequence {self._last_seq:,}{upto}: its end is missing"

    def _named(self, head: FrameHead) -> str:
        if head.kind == Kind.END:
            return "the index"
        return chunk_name(head.number, self._count, (head.first_seq, head.last_seq))

    def _fault(self, text: str) -> None:
        self._report.faults.append(text)
