"""`tapedeck tape verify`: is a tape, or the file that it was exported to, what it should be?"""

import asyncio
from pathlib import Path

import msgspec
from msgspec import Struct, field

from console.output import print_json
from console.tape_source import open_source, progress
from shared.runtime.clock import monotonic_s
from shared.runtime.exits import Exit
from shared.tape.archive_check import check_archive
from shared.tape.interface import ReadableTape
from shared.tape.verification import Fault, TapeCheck

FAULTS_SHOWN_MAX = 1_000  # a tape that is wrong from end to end says nothing new after these


class _Verdict(Struct):
    """What was looked at and what is wrong with it."""

    id: str = ""
    first: int = 1
    last: int = 0
    messages: int = 0
    missing: int = 0
    seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)


def verify(state: Path | None, file: Path | None, *, as_json: bool) -> Exit:
    """Print one line a fault; UNEXPECTED when there is any."""
    began_s = monotonic_s()
    verdict = _file_faults(file) if file else _Verdict()
    if not verdict.faults:
        asyncio.run(_check(state, file, verdict, as_json=as_json))
    verdict.seconds = round(monotonic_s() - began_s, 3)
    if as_json:
        print_json(msgspec.to_builtins(verdict))
    else:
        _print(verdict, file)
    return Exit.UNEXPECTED if verdict.faults else Exit.OK


def _file_faults(file: Path) -> _Verdict:
    """Check the bytes first: what a damaged file says about the tape is no evidence."""
    report = check_archive(file)
    header = report.header
    return _Verdict(
        id=header.tape_id if header else "",
        first=header.first_seq if header else 1,
        last=header.last_seq if header else 0,
        messages=report.messages,
        faults=[Fault(0, "", text) for text in report.faults],
    )


async def _check(
    state: Path | None, file: Path | None, verdict: _Verdict, *, as_json: bool
) -> None:
    async with open_source(state, file) as tape:
        verdict.id = tape.id
        await _walk(tape, verdict, as_json=as_json)


async def _walk(tape: ReadableTape, verdict: _Verdict, *, as_json: bool) -> None:
    bounds = await tape.bounds()
    check = TapeCheck(tape, bounds)
    with progress("verifying", bounds.last, quiet=as_json) as told:
        async for fault in check.run(told):
            verdict.faults.append(fault)
            if len(verdict.faults) >= FAULTS_SHOWN_MAX:
                break
    verdict.first, verdict.last = bounds.first, bounds.last
    verdict.messages, verdict.missing = check.messages, check.missing


def _print(verdict: _Verdict, file: Path | None) -> None:
    for fault in verdict.faults:
        place = f"{fault.seq:>8} {fault.subject}".rstrip() + " " if fault.seq else ""
        print(f"{place}{fault.text}")
    found = len(verdict.faults)
    faults = "no fault" if not found else f"{found:,} fault{'s' if found > 1 else ''}"
    if found >= FAULTS_SHOWN_MAX:
        faults += ", the rest was not looked at"
    missing = f", {verdict.missing:,} expired or trimmed" if verdict.missing and not found else ""
    print(
        f"{file or 'tape'} {verdict.id}, {verdict.first:,} to {verdict.last:,}:"
        f" {verdict.messages:,} messages{missing}, {faults}, {verdict.seconds:.1f} s"
    )
