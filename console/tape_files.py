"""`tapedeck tape export | import | info`: the tape in a file, and back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

from console.configuration import DEMO, Sources, load_desk
from console.describe import moment
from console.home import home_of
from console.output import show_document
from console.running import find_desk, open_tape
from console.servers import Servers
from console.tape_source import READ_S, open_source, progress, resolve
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.messages.base import SCHEMA_VERSION
from shared.permissions import ADMIN
from shared.runtime.clock import monotonic_s, now_ns
from shared.runtime.snapshot_store import init_snapshots
from shared.subjects import LANES
from shared.tape.archive import ArchiveTape
from shared.tape.archive_format import ArchiveEnd, ArchiveHeader
from shared.tape.archive_writer import ArchiveWriter, writing
from shared.tape.interface import ReadableTape
from shared.tape.restore import Restored, restore


def export(
    state: Path | None,
    file: Path,
    *,
    start: str | None,
    end: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the tape, or a part of it, into a file."""
    began_s = monotonic_s()

    async def run() -> tuple[ArchiveHeader, ArchiveEnd]:
        async with open_tape(find_desk(state, may_rest=True)) as tape:
            header = await _header(tape, start, end)
            total = header.last_seq - header.first_seq + 1
            with (
                progress("exporting", total, quiet=as_json) as told,
                writing(file, header, force=force) as writer,
            ):
                async for seq in _copy(tape, header, writer):
                    told(seq - header.first_seq + 1)
                return header, writer.finish()

    header, index = asyncio.run(run())
    document = {
        "file": str(file),
        "tape": header.tape_id,
        "first": header.first_seq,
        "last": header.last_seq,
        "messages": index.messages,
        "chunks": len(index.chunks),
        "bytes": file.stat().st_size,
        "seconds": round(monotonic_s() - began_s, 3),
    }
    show_document(document, as_json=as_json, title="Exported")


async def _header(tape: ReadableTape, start: str | None, end: str | None) -> ArchiveHeader:
    bounds = await tape.bounds()
    first, last = bounds.first, bounds.last
    if start is not None:
        first = max(first, await resolve(tape, bounds, start, "--from"))
    if end is not None:
        last = await _last_meant(tape, end)
    if first > last and (start or end):
        raise ConfigurationError(
            f"there is nothing between {start or 'the beginning'} and {end or 'the end'}: the tape"
            f" holds {bounds.first:,} to {bounds.last:,}"
        )
    return ArchiveHeader(
        tape_id=tape.id,
        first_seq=first,
        last_seq=last,
        tape_last_seq=bounds.last,
        made_ns=now_ns(),
        release=version("tapedeck"),
        schema_version=SCHEMA_VERSION,
        trimmed_before=bounds.trimmed_before,
        kept_days=bounds.kept_days,
    )


async def _last_meant(tape: ReadableTape, end: str) -> int:
    """Return the last sequence of `--to`: a sequence itself, or what was recorded before a time."""
    bounds = await tape.bounds()
    seq = await resolve(tape, bounds, end, "--to")
    is_number = end.replace(",", "").replace("_", "").isdecimal()
    return min(bounds.last, seq if is_number else seq - 1)


async def _copy(
    tape: ReadableTape, header: ArchiveHeader, writer: ArchiveWriter
) -> AsyncIterator[int]:
    """Add what was asked for; yield each sequence that was."""
    seq = header.first_seq - 1
    async with tape.reader(LANES, header.first_seq) as reader:
        while seq < header.last_seq:
            entry = await reader.next(READ_S)
            if entry is None and await tape.get(header.last_seq) is not None:
                raise UnavailableError(f"the tape does not answer after message {seq}: try again")
            if entry is None or entry.seq > header.last_seq:
                return  # the last of them have expired
            seq = entry.seq
            writer.add(entry)
            yield seq


def import_(state: Path | None, file: Path, sources: Sources, *, as_json: bool) -> None:
    """Bring an archive onto the servers of an empty state folder."""
    began_s = monotonic_s()
    archive = ArchiveTape.open(file)
    desk = load_desk(sources._replace(default_profile=DEMO))
    home = home_of(state)
    total = archive.header.last_seq - archive.header.first_seq + 1
    with (
        home.claim(),
        Servers(home, desk) as servers,
        progress("importing", total, quiet=as_json) as told,
    ):

        async def run() -> Restored:
            client = await servers.connect(ADMIN)
            try:
                await init_snapshots(client)
                return await restore(client, archive, told)
            finally:
                await client.close()

        restored = asyncio.run(run())
    document: dict[str, object] = {
        "tape": restored.tape_id,
        "first": restored.first_seq,
        "last": restored.last_seq,
        "messages": restored.messages,
        "missing": restored.missing,
        "continued_at": restored.continued_at,
        "is_whole": restored.first_seq == 1 and not restored.missing,
        "seconds": round(monotonic_s() - began_s, 3),
    }
    show_document(document, as_json=as_json, title="Imported")
    if not document["is_whole"]:
        print(
            "note: a part of this tape's history is not in the archive: it can be read, but a desk"
            " that starts from it needs all of it",
            file=sys.stderr,
        )


def info(state: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Say what a tape or an archive is, without reading all of it."""

    async def run() -> dict[str, object]:
        async with open_source(state, file) as tape:
            return await _about(tape)

    show_document(asyncio.run(run()), as_json=as_json, title="Archive" if file else "Tape")


async def _about(tape: ReadableTape) -> dict[str, object]:
    bounds = await tape.bounds()
    first, last = await tape.get(bounds.first), await tape.get(bounds.last)
    document: dict[str, object] = {
        "id": tape.id,
        "first": bounds.first,
        "last": bounds.last,
        "first_recorded": moment(first.recorded_ns if first else 0),
        "last_recorded": moment(last.recorded_ns if last else 0),
        "complete_from": bounds.trimmed_before,
        "market_data_kept_days": bounds.kept_days or None,
    }
    if isinstance(tape, ArchiveTape):
        document |= _about_file(tape)
    return document


def _about_file(archive: ArchiveTape) -> dict[str, object]:
    header, end = archive.header, archive.end
    return {
        "messages": end.messages,
        "chunks": len(end.chunks),
        "bytes": archive.path.stat().st_size,
        "bytes_of_messages": end.payload_bytes,
        "made": moment(header.made_ns),
        "release": header.release,
        "tape_ended_at": header.tape_last_seq,
        "lanes": {lane: summary.messages for lane, summary in end.lanes.items()},
    }
