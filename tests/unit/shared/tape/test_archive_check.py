"""Whatever happens to an archive is found and named."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.tape import archive_writer
from shared.tape.archive import ArchiveTape
from shared.tape.archive_check import check_archive
from shared.tape.archive_format import MAGIC, TRAILER, VERSION, ArchiveError
from shared.tape.entry import Entry
from tests.unit.shared.tape.archives import archive, messages

COUNT = 9_000  # five chunks


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """The bytes of an archive, and where its frames begin: header, chunks, index."""
    path = archive(tmp_path_factory.mktemp("whole") / "a", messages(COUNT))
    data = path.read_bytes()
    offsets = [place.offset for place in ArchiveTape.open(path).end.chunks]
    (index,) = (TRAILER.unpack(data[-TRAILER.size :])[0],)
    return data, [len(MAGIC) + VERSION.size, *offsets, index]


def faults(tmp_path: Path, data: bytes) -> list[str]:
    path = tmp_path / "a"
    path.write_bytes(data)
    return check_archive(path).faults


def test_a_whole_archive_has_no_fault(tmp_path: Path, whole: tuple[bytes, list[int]]) -> None:
    path = tmp_path / "a"
    path.write_bytes(whole[0])
    report = check_archive(path)
    assert (report.faults, report.chunks, report.messages) == ([], 5, COUNT)


def test_a_changed_byte_is_found_wherever_it_is(
    tmp_path: Path, whole: tuple[bytes, list[int]]
) -> None:
    data, offsets = whole
    places = random.Random(1).sample(range(len(MAGIC) + VERSION.size, len(data)), 60)
    for place in (*places, *offsets, *(o + 50 for o in offsets), *(o + 30 for o in offsets)):
        changed = bytearray(data)
        changed[place] ^= 0x40
        assert faults(tmp_path, bytes(changed)), place


def test_a_chunk_that_was_changed_is_named_and_the_others_are_not_accused(
    tmp_path: Path, whole: tuple[bytes, list[int]]
) -> None:
    data, offsets = whole
    changed = bytearray(data)
    changed[offsets[2] + 1_000] ^= 1
    assert faults(tmp_path, bytes(changed)) == [
        "chunk 2 of 5 (sequences 2,001-4,000) does not match its checksum"
    ]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            lambda d, o: d[: o[2] + 900],
            "the file is cut in the middle of chunk 2 (sequences 2,001-",
        ),
        (lambda d, o: d[: o[3]], "the file ends at sequence 4,000 of 9,000: its end is missing"),
        (lambda d, o: d[:-5], "belongs to no chunk"),
        (lambda d, o: d[: o[2]] + d[o[3] :], "chunk 2 is missing before chunk 3"),
        (lambda d, o: d[: o[2]] + d[o[4] :], "chunks 2-3 are missing before chunk 4"),
        (lambda d, o: d[: o[3]] + d[o[2] :], "chunk 2 (sequences 2,001-4,000) stands behind"),
        (
            lambda d, o: d[: o[1]] + d[o[2] : o[3]] + d[o[1] : o[2]] + d[o[3] :],
            "chunk 1 of 5 (sequences 1-2,000) stands behind chunk 2",
        ),
        (lambda d, o: d[: o[2]] + bytes(300) + d[o[2] :], "belongs to no chunk"),
        (lambda d, o: d + b"more", "belongs to no chunk"),
        (lambda d, o: d[: o[0] + 100], "the header is cut"),
        (lambda d, o: d[: -TRAILER.size], "the last bytes of the file do not lead to its index"),
    ],
)
def test_what_is_lost_moved_repeated_or_added_is_named(
    tmp_path: Path,
    whole: tuple[bytes, list[int]],
    damage: Callable[[bytes, list[int]], bytes],
    expected: str,
) -> None:
    found = faults(tmp_path, damage(*whole))
    assert any(expected in fault for fault in found), found


def test_parts_of_two_archives_do_not_make_one(
    tmp_path: Path, whole: tuple[bytes, list[int]]
) -> None:
    others = messages(COUNT, gap_every=2_000)
    path = archive(tmp_path / "other", others)
    tape = ArchiveTape.open(path)
    other = path.read_bytes()
    data, offsets = whole
    mixed = data[: offsets[4]] + other[tape.end.chunks[3].offset :]
    found = faults(tmp_path, mixed)
    assert any("does not follow the one before it" in fault for fault in found), found


@pytest.mark.parametrize("data", [b"", b"hello\n", MAGIC + VERSION.pack(9)])
def test_what_does_not_begin_as_an_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"no archive|archive format 9"):
        faults(tmp_path, data)


def test_an_index_that_hides_a_command_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [Entry(1, "control.op.kill", b"{}", 1), Entry(2, "risk.main.halted", b"{}", 2)]
    archive(tmp_path / "honest", told)
    assert check_archive(tmp_path / "honest").faults == []
    monkeypatch.setattr(archive_writer, "is_of_desk", lambda _subject: False)
    archive(tmp_path / "forged", told)
    (fault,) = check_archive(tmp_path / "forged").faults
    assert fault == "the index does not say where certificates and commands stand"
