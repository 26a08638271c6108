"""Places on a tape as people name them, and the archive in place of the desk's tape."""

import asyncio
from pathlib import Path

import pytest

from console.tape_source import open_source, progress, resolve
from shared.domain.errors import ConfigurationError
from shared.tape.archive import ArchiveTape
from shared.tape.interface import ReadableTape
from tests.unit.shared.tape.archives import archive, messages

FIRST_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z; each message 1,001 ns later


def place(path: Path, text: str, *, gap_every: int = 0) -> int:
    tape = ArchiveTape.open(archive(path, messages(5_000, gap_every=gap_every)))

    async def scenario() -> int:
        return await resolve(tape, await tape.bounds(), text, "--from")

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "seq"),
    [
        ("17", 17),
        ("24,001", 24_001),
        ("2026-09-21", 1),
        ("2026-09-21T14:13:20", 1),
        ("2026-09-21T14:13:20.002000", 1_999),
        ("2026-09-21T16:13:20.002000+02:00", 1_999),
        ("2026-09-22", 5_001),
    ],
)
def test_a_place_is_a_sequence_or_a_time(tmp_path: Path, text: str, seq: int) -> None:
    assert place(tmp_path / "a", text) == seq


def test_a_time_is_found_over_gaps(tmp_path: Path) -> None:
    # Where nothing stands any more: the next message is the first one meant.
    assert place(tmp_path / "a", "2026-09-21T14:13:20.002000", gap_every=1_999) == 1_999


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-40", "-5", "1.5"])
def test_what_is_neither_is_refused_with_an_example(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="a sequence, or a time such as"):
        place(tmp_path / "a", text)


def test_an_archive_is_read_without_a_desk(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", messages(3))

    async def scenario() -> ReadableTape:
        async with open_source(tmp_path / "no desk here", path) as tape:
            return tape

    assert asyncio.run(scenario()).id == "00112233445566ff"


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("exporting", 10, quiet=False) as told:
        told(5)
    assert capsys.readouterr() == ("", "")
