"""A desk's run as an archive, made in this process: what a user would have exported."""

from pathlib import Path

from console.configuration import DeskConfiguration
from console.in_process import play
from services.data.files.bars import Bars
from services.data.files.source import FileSource
from shared.tape.archive_format import ArchiveHeader
from shared.tape.archive_writer import ArchiveWriter
from shared.tape.memory import MemoryTape
from tests.backtests import TAPE_ID, desk_of, made_up_bars


def record(
    path: Path, desk: DeskConfiguration | None = None, bars: Bars | None = None
) -> MemoryTape:
    """Play bars through a desk and write its tape to a file; return the tape."""
    source = FileSource.of(made_up_bars(sessions=1) if bars is None else bars)
    tape = play(desk or desk_of(), TAPE_ID, source.timeframe, source.slices(-1))
    write_archive(tape, path)
    return tape


def write_archive(tape: MemoryTape, path: Path) -> None:
    """Write a tape to a file, the same bytes for the same tape."""
    header = ArchiveHeader(
        tape_id=tape.id, first_seq=1, last_seq=tape.last_seq, tape_last_seq=tape.last_seq,
        made_ns=0, release="test", schema_version=1,
    )  # fmt: skip
    with path.open("wb") as file:
        writer = ArchiveWriter(file, header)
        for seq in range(1, tape.last_seq + 1):
            writer.add(tape.entry(seq))
        writer.finish()
