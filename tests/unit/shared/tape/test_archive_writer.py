"""A file appears whole, under its name, or not at all."""

from pathlib import Path

import pytest

from shared.tape.archive import ArchiveTape
from shared.tape.archive_format import CHUNK_BYTES, ArchiveError
from shared.tape.archive_writer import writing
from shared.tape.entry import Entry
from tests.unit.shared.tape.archives import archive, header, messages


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", messages(10))
    with pytest.raises(ArchiveError, match="exists: choose another name, or replace it with"):
        archive(path, messages(20))
    assert ArchiveTape.open(path).end.messages == 10
    with writing(path, header([]), force=True) as writer:
        writer.finish()
    assert ArchiveTape.open(path).end.messages == 0


def test_an_export_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    entries = messages(3_000)

    def interrupted() -> None:
        with writing(tmp_path / "a", header(entries), force=False) as writer:
            for entry in entries:
                writer.add(entry)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be written: no such file or directory"):
        archive(tmp_path / "no" / "a", messages(1))


def test_messages_come_in_tape_order(tmp_path: Path) -> None:
    entry = Entry(1, "data.x.clock", b"", 1)
    with writing(tmp_path / "a", header([]), force=False) as writer:
        writer.add(entry)
        with pytest.raises(ValueError, match="was handed message 1 after 1"):
            writer.add(entry)


def test_large_messages_make_more_chunks(tmp_path: Path) -> None:
    large = [Entry(seq, "data.x.clock", b"x" * (CHUNK_BYTES // 4), 1) for seq in range(1, 10)]
    tape = ArchiveTape.open(archive(tmp_path / "a", large))
    assert [place.messages for place in tape.end.chunks] == [4, 4, 1]
    assert list(tape.entries()) == large


def test_the_index_sums_up_every_lane(tmp_path: Path) -> None:
    tape = ArchiveTape.open(archive(tmp_path / "a", messages(9)))
    shown = {lane: (s.messages, s.first_seq, s.last_seq) for lane, s in tape.end.lanes.items()}
    assert shown == {"data.file": (6, 1, 8), "risk.main": (3, 3, 9)}
