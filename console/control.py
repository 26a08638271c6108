"""Commands of the operator: on the tape, then the wait for what they did.

A command that nobody answers in time is on the tape all the same; the sentence says so.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from console.describe import describe
from console.home import home_of
from console.output import print_json
from console.running import Place, find_desk, open_tape
from console.services import ask_health
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.domain.values import NS_PER_S
from shared.messages.control import Activate, Command, Deactivate, Kill, Resume
from shared.runtime.clock import now_ns
from shared.runtime.latch import Latch, clear_latch, read_latch, write_latch
from shared.subjects import lane
from shared.tape.entry import Entry, fact
from shared.tape.interface import Tape

VALID_S = 30
ANSWER_S = 10.0
POLL_S = 0.1
OPERATOR = lane("control", "console")


def kill(state: Path | None, reason: str, *, as_json: bool) -> None:
    """Stop all trading until `resume`: latched first, then said on every way there is."""
    identity = secrets.token_hex(16)
    path = home_of(state).latch_path
    if path.parent.is_dir():
        write_latch(path, Latch(id=identity, reason=reason))
    try:
        place = find_desk(state)
        command = Kill(reason=reason, **_valid())
        asyncio.run(_command(place, command, as_json=as_json, identity=identity))
    except UnavailableError as error:
        if not path.exists():
            raise
        text = (
            f"the kill is latched in {path}: execution on this machine publishes nothing until it"
            f" has put the kill on the tape ({error})"
        )
        if as_json:
            print_json({"command": "kill", "latched": str(path), "detail": str(error)})
        else:
            print(text)


def resume(state: Path | None, reason: str, *, as_json: bool) -> None:
    """End the kill or halt that stands on the tape now, and none that comes after."""

    async def run() -> None:
        place = find_desk(state)
        async with open_tape(place) as tape:
            halted = await tape.last(f"{lane('risk', place.book)}.halted")
            resumed = await tape.last(f"{lane('risk', place.book)}.resumed")
        if halted is None or (resumed is not None and resumed.seq > halted.seq):
            raise ConfigurationError("the desk is neither killed nor halted: nothing to resume")
        command = Resume(reason=reason, expected_seq=halted.seq, **_valid())
        await _command(place, command, as_json=as_json)
        if read_latch(latch) == seen_latch:
            clear_latch(latch)  # a newer kill stays latched

    latch = home_of(state).latch_path
    seen_latch = read_latch(latch)
    asyncio.run(run())


def activate(state: Path | None, strategy_id: str, reason: str, *, as_json: bool) -> None:
    """Let a strategy trade from here on."""

    async def run() -> None:
        place = find_desk(state)
        async with open_tape(place) as tape:
            await _refuse_unknown(tape, place, strategy_id)
            seen = max(await _commands_to(tape, strategy_id), default=0)
        command = Activate(strategy_id=strategy_id, reason=reason, expected_seq=seen, **_valid())
        await _command(place, command, as_json=as_json)

    asyncio.run(run())


def deactivate(state: Path | None, strategy_id: str, reason: str, *, as_json: bool) -> None:
    """Stop a strategy from trading; its positions stay."""

    async def run() -> None:
        place = find_desk(state)
        async with open_tape(place) as tape:
            await _refuse_unknown(tape, place, strategy_id)
        command = Deactivate(strategy_id=strategy_id, reason=reason, **_valid())
        await _command(place, command, as_json=as_json)

    asyncio.run(run())


async def state_of(tape: Tape, strategy_id: str) -> str:
    """Return what the last command made of a strategy: active, inactive or quarantined."""
    found = await _commands_to(tape, strategy_id)
    return found[max(found)] if found else "inactive"


async def _commands_to(tape: Tape, strategy_id: str) -> dict[int, str]:
    """Return the last command of each kind by its sequence, and what it makes of the strategy."""
    states = {"activate": "active", "deactivate": "inactive", "quarantine": "quarantined"}
    return {
        entry.seq: state
        for command, state in states.items()
        if (entry := await tape.last(f"control.*.{command}.{strategy_id}")) is not None
    }


async def _command(place: Place, command: Command, *, as_json: bool, identity: str = "") -> None:
    """Put a command on the tape and report its effect."""
    identity = identity or secrets.token_hex(16)
    async with open_tape(place) as tape:
        out = fact(tape.id, OPERATOR, command, ts_ns=now_ns(), key=identity)
        seq = await tape.tell(out, once_id=identity)
        name = str(command.__struct_config__.tag)
        answers = await _wait_for_answers(tape, place, _answering(place, command), seq)
    told = [(entry, describe(entry.open()[1])) for entry in answers]
    refusal = next((text for entry, text in told if _is_refusal(entry)), "")
    if as_json:
        effects = [
            {"seq": entry.seq, "subject": entry.subject, "text": text} for entry, text in told
        ]
        print_json({"command": name, "seq": seq, "obeyed": not refusal, "effects": effects})
    if refusal:
        raise ConfigurationError(f"{name} (message {seq}) was refused: {refusal}")
    if not as_json:
        print(f"{name} is message {seq} on the tape and was obeyed")
        for entry, text in told:
            print(f"  {entry.seq} {entry.subject}: {text}")


def _answering(place: Place, command: Command) -> str:
    """Return the lane whose actor decides about a command."""
    if isinstance(command, Activate | Deactivate):
        return str(lane("strategy", command.strategy_id))
    return str(lane("risk", place.book))


async def _wait_for_answers(tape: Tape, place: Place, speaker: str, seq: int) -> Sequence[Entry]:
    """Return what `speaker` said about message `seq`, once it has handled it.

    Silence is consent for a strategy: its place on the tape shows that it has handled it.
    """
    deadline_s = time.monotonic() + ANSWER_S
    async with tape.reader((f"{speaker}.>",), seq + 1) as reader:
        while time.monotonic() < deadline_s:
            entry = await reader.next(POLL_S)
            if entry is not None and entry.cause == seq:
                return [entry]
            if entry is None and await _has_handled(place, speaker, seq):
                last = await reader.next(POLL_S)  # what it said, it said before
                return [last] if last is not None and last.cause == seq else []
    raise UnavailableError(
        f"the command is on the tape as message {seq}, but {speaker} has not answered it within"
        f" {ANSWER_S:.0f} s: see `tapedeck status`"
    )


async def _has_handled(place: Place, actor: str, seq: int) -> bool:
    port = place.record.ports.get(actor.partition(".")[0], 0) if place.record else 0
    report = await ask_health(port) if port else None
    return report is not None and actor in report.actors and report.actors[actor].seq >= seq


def _is_refusal(entry: Entry) -> bool:
    message = entry.open()[1]
    return str(getattr(message, "code", "")).endswith("_refused")


async def _refuse_unknown(tape: Tape, place: Place, strategy_id: str) -> None:
    if await tape.last(f"strategy.{strategy_id}.state") is not None:
        return
    known = ", ".join(configured_strategies(place)) or "none"
    raise ConfigurationError(f"there is no strategy {strategy_id!r} here; known are {known}")


def configured_strategies(place: Place) -> list[str]:
    """Return the ids of the strategies that the running desk was configured with."""
    if place.record is None:
        return []
    try:
        text = Path(place.record.config_path).read_text(encoding="utf-8")
    except OSError:
        return []  # the desk has just ended
    return sorted(json.loads(text).get("strategies", {}))


def _valid() -> dict[str, int]:
    return {"valid_until_ns": now_ns() + VALID_S * NS_PER_S}
