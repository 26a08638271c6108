"""A tape in a file reads like the tape it was, and never as something else."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.tape.archive import ArchiveTape
from shared.tape.archive_format import FORMAT, MAGIC, VERSION, ArchiveError
from shared.tape.entry import Entry
from shared.tape.interface import Bounds
from tests.unit.shared.tape.archives import TAPE_ID, archive, messages


def test_everything_of_a_message_is_kept(tmp_path: Path) -> None:
    entries = messages(5_000, gap_every=11)
    tape = ArchiveTape.open(archive(tmp_path / "a", entries))
    assert list(tape.entries()) == entries
    assert (tape.id, tape.end.messages, len(tape.end.chunks)) == (TAPE_ID, len(entries), 3)
    assert asyncio.run(tape.bounds()) == Bounds(1, 5_000)


def test_an_archive_of_nothing_is_an_archive(tmp_path: Path) -> None:
    tape = ArchiveTape.open(archive(tmp_path / "a", []))
    assert list(tape.entries()) == []
    assert asyncio.run(tape.bounds()) == Bounds(1, 0)
    assert asyncio.run(tape.last(">")) is None


def test_single_messages_are_found_in_their_chunks(tmp_path: Path) -> None:
    entries = messages(5_000, gap_every=1_000)
    tape = ArchiveTape.open(archive(tmp_path / "a", entries))

    async def scenario() -> None:
        for seq in (1, 2_001, 4_999, 1_999, 2_000):
            found = await tape.get(seq)
            assert found == next((e for e in entries if e.seq == seq), None)
        assert await tape.get(0) is None
        assert await tape.get(6_000) is None
        assert await tape.last("risk.>") == [e for e in entries if e.lane.service == "risk"][-1]
        assert await tape.last("ledger.>") is None

    asyncio.run(scenario())


def test_a_reader_gives_what_its_filters_cover_and_ends(tmp_path: Path) -> None:
    entries = messages(4_500)
    tape = ArchiveTape.open(archive(tmp_path / "a", entries))

    async def scenario() -> None:
        found = []
        async with tape.reader(["risk.>", "data.*.bar.1m.S3"], 1_234) as reader:
            was_idle = reader.is_idle
            while (entry := await reader.next(0)) is not None:
                found.append(entry)
            assert (was_idle, reader.is_idle) == (False, True)
        wanted = [e for e in entries if e.seq >= 1_234 and e.subject[-2:] in ("EB", "S3")]
        assert found == wanted
        async with tape.reader([">"], 1) as reader:
            reader.interrupt()
            assert await reader.next(0) is None

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty: it is no archive"),
        (b"seq,subject\n1,data.file.bar\n", "is no archive of a tape"),
        (MAGIC[:5], "is cut: only its first 5 bytes"),
        (MAGIC + VERSION.pack(FORMAT + 1), f"has archive format {FORMAT + 1}, this release reads"),
        (MAGIC + VERSION.pack(0), "has archive format 0, which there never was"),
        (MAGIC + VERSION.pack(FORMAT), "the header is cut"),
    ],
)
def test_what_is_no_archive_is_refused_in_one_sentence(
    tmp_path: Path, data: bytes, sentence: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=sentence):
        ArchiveTape.open(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be read: no such file"):
        ArchiveTape.open(tmp_path / "a")


def test_a_cut_file_is_not_opened(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", messages(5_000))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArchiveError, match="is cut: its end is missing"):
        ArchiveTape.open(path)


def test_reading_stops_at_a_changed_byte_and_names_its_chunk(tmp_path: Path) -> None:
    entries = messages(6_000)
    path = archive(tmp_path / "a", entries)
    tape = ArchiveTape.open(path)
    data = bytearray(path.read_bytes())
    data[tape.end.chunks[1].offset + 500] ^= 1
    path.write_bytes(data)
    sentence = r"chunk 2 of 3 \(sequences 2,001-4,000\) does not match its checksum"
    with pytest.raises(ArchiveError, match=sentence):
        list(tape.entries())
    with pytest.raises(ArchiveError, match="chunk 2 of 3"):
        asyncio.run(tape.get(2_500))
    assert asyncio.run(tape.get(4_500)) == entries[4_499]


def test_chunks_that_changed_places_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", messages(6_000))
    tape = ArchiveTape.open(path)
    data = path.read_bytes()
    first, second, third = (place.offset for place in tape.end.chunks)
    path.write_bytes(data[:first] + data[second:third] + data[first:second] + data[third:])
    with pytest.raises(ArchiveError, match="chunk 1 of 3"):
        list(tape.entries())


def test_certificates_and_commands_are_found_without_reading_the_rest(tmp_path: Path) -> None:
    entries = messages(7_000)
    born = Entry(7_001, "risk.main.state", b"{}", 1)
    command = Entry(7_002, "control.strategy.activate", b"{}", 1)
    path = archive(tmp_path / "a", [*entries, born, command])
    tape = ArchiveTape.open(path)
    assert tape.end.of_desk == [4]
    assert list(tape.of_desk()) == [born, command]

    older = ArchiveTape(path, tape.header, replace(tape.end, of_desk=None))
    assert list(older.of_desk()) == [born, command]
    wrong = ArchiveTape(path, tape.header, replace(tape.end, of_desk=[5]))
    with pytest.raises(ArchiveError, match="chunks that are not there"):
        list(wrong.of_desk())
