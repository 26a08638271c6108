"""Archives for tests: some thousand messages, and ways to damage a file."""

from collections.abc import Sequence
from pathlib import Path

from shared.tape.archive_format import ArchiveHeader
from shared.tape.archive_writer import writing
from shared.tape.entry import Entry

TAPE_ID = "00112233445566ff"


def messages(count: int, *, gap_every: int = 0) -> list[Entry]:
    """Entries of several lanes; with `gap_every` each so many-th sequence is missing."""
    made = []
    for seq in range(1, count + 1):
        if gap_every and seq % gap_every == 0:
            continue
        subject = f"data.file.bar.1m.S{seq % 7}" if seq % 3 else "risk.main.approved.BRK%2EB"
        made.append(
            Entry(
                seq=seq,
                subject=subject,
                payload=b'{"id":"%032x"}' % seq,
                recorded_ns=1_790_000_000_000_000_000 + seq * 1_001,
                cause=0 if seq % 3 else seq - 1,
                index=seq % 2,
                count=2,
                trace="" if seq % 3 else f"00-{seq:032x}-{seq:016x}-01",
                fenced=seq % 5 != 0,
            )
        )
    return made


def header(entries: Sequence[Entry]) -> ArchiveHeader:
    last = entries[-1].seq if entries else 0
    return ArchiveHeader(
        tape_id=TAPE_ID,
        first_seq=entries[0].seq if entries else 1,
        last_seq=last,
        tape_last_seq=last,
        made_ns=1_790_000_000_000_000_000,
        release="0.1.0",
        schema_version=1,
    )


def archive(path: Path, entries: Sequence[Entry]) -> Path:
    """Write an archive of these."""
    with writing(path, header(entries), force=False) as writer:
        for entry in entries:
            writer.add(entry)
        writer.finish()
    return path
