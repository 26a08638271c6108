"""Commands of the operator: on the tape, then the wait for what they did.

A command that nobody answers in time is on the tape all the same; the sentence says so.
"""

import asyncio
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from console.configuration import DEMO, Sources, load_desk
from console.describe import describe
from console.home import home_of
from console.output import print_json
from console.running import Place, find_desk, open_tape
from console.services import ask_health, service_of
from services.strategy.shards import actor_name
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.domain.values import NS_PER_S
from shared.messages.control import Activate, Command, Deactivate, Resume
from shared.runtime.clock import now_ns
from shared.runtime.latch import clear_latch, is_on_tape, read_latch
from shared.subjects import lane
from shared.tape.entry import Entry, fact
from shared.tape.interface import Tape

VALID_S = 30
ANSWER_S = 10.0
POLL_S = 0.1
OPERATOR = lane("control", "console")


def resume(state: Path | None, reason: str, *, as_json: bool) -> None:
    """End the kill or halt that stands on the tape now, and none that comes after."""

    async def run() -> None:
        place = find_desk(state)
        async with open_tape(place) as tape:
            if latch is not None and not await is_on_tape(tape, latch):
                raise UnavailableError(
                    f"a kill is latched in {path} and not on the tape yet: execution puts it there"
                    " when it runs, then it can be resumed"
                )
            seen = await _stopped_since(tape, place)
        if seen:
            command = Resume(reason=reason, expected_seq=seen, **valid())
            await _command(place, command, as_json=as_json)
        if path is not None and read_latch(path) == latch:
            clear_latch(path)  # a newer kill stays latched
        if not seen:
            raise ConfigurationError("the desk is neither killed nor halted: nothing to resume")

    path = latch_of(state)
    latch = read_latch(path) if path is not None else None
    asyncio.run(run())


async def _stopped_since(tape: Tape, place: Place) -> int:
    """Return the newest kill or halt that nothing has ended, 0 for none.

    The kill counts also where risk has not halted yet: execution has stopped by itself.
    """
    risk = lane("risk", place.book)
    found = [await tape.last(p) for p in ("control.*.kill", f"{risk}.halted")]
    stopped = max((entry.seq for entry in found if entry is not None), default=0)
    resumed = await tape.last(f"{risk}.resumed")
    return stopped if resumed is None or resumed.seq < stopped else 0


def activate(state: Path | None, strategy_id: str, reason: str, *, as_json: bool) -> None:
    """Let a strategy trade from here on."""

    async def run() -> None:
        place = find_desk(state)
        async with open_tape(place) as tape:
            await _refuse_unknown(tape, place, strategy_id)
            seen = (await tape.bounds()).last  # its last quarantine need not be a command
        command = Activate(strategy_id=strategy_id, reason=reason, expected_seq=seen, **valid())
        await _command(place, command, as_json=as_json)
        if not as_json:
            print(f"  {strategy_id} is active: it trades on what comes from here on")

    asyncio.run(run())


def deactivate(state: Path | None, strategy_id: str, reason: str, *, as_json: bool) -> None:
    """Stop a strategy from trading; its positions stay."""

    async def run() -> None:
        place = find_desk(state)
        async with open_tape(place) as tape:
            await _refuse_unknown(tape, place, strategy_id)
        command = Deactivate(strategy_id=strategy_id, reason=reason, **valid())
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
        speaker = _answering(place, command)
        answers = await wait_for_answers(tape, place, speaker, seq, ANSWER_S)
    if answers is None:
        raise UnavailableError(
            f"{name} is on the tape as message {seq}, but {speaker} has not answered it within"
            f" {ANSWER_S:.0f} s; it is void after {VALID_S} s: see `tapedeck status`"
        )
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


def latch_of(state: Path | None) -> Path | None:
    """Return where a kill of this desk is latched; None when that is not on this machine.

    A desk of this folder has settled it in its effective configuration; for one that was started
    otherwise the configuration has to name it.
    """
    home = home_of(state)
    if home.config_path.exists():
        try:
            document = json.loads(home.config_path.read_bytes())
            return Path(document["execution"]["latch_file"] or home.latch_path)
        except (OSError, ValueError, KeyError, TypeError):
            return home.latch_path  # written by another release, or half: the folder's own
    configured = load_desk(Sources(default_profile=DEMO)).execution.latch_file
    if configured is not None:
        return Path(configured)
    return home.latch_path if home.path.is_dir() else None


def _answering(place: Place, command: Command) -> str:
    """Return the lane whose actor decides about a command."""
    if isinstance(command, Activate | Deactivate):
        return str(lane("strategy", _first_shard(place, command.strategy_id)))
    return str(lane("risk", place.book))


async def wait_for_answers(
    tape: Tape, place: Place, speaker: str, seq: int, wait_s: float
) -> Sequence[Entry] | None:
    """Return what `speaker` said about message `seq`, once it has handled it; None if it has not.

    Silence is consent for a strategy: its place on the tape shows that it has handled it.
    """
    try:
        async with asyncio.timeout(wait_s), tape.reader((f"{speaker}.>",), seq + 1) as reader:
            while True:
                entry = await reader.next(POLL_S)
                if entry is not None and entry.cause == seq:
                    return [entry]
                if entry is None and await has_handled(place, speaker, seq):
                    last = await reader.next(POLL_S)  # what it said, it said before
                    return [last] if last is not None and last.cause == seq else []
    except (TimeoutError, UnavailableError):
        return None


async def has_handled(place: Place, actor: str, seq: int) -> bool:
    """Tell whether an actor of the desk says that it is past message `seq`."""
    for service, address in place.instances.items():
        if address.port and service_of(service) == actor.partition(".")[0]:
            report = await ask_health(address.port, address.host)
            if report is not None and actor in report.actors and report.actors[actor].seq >= seq:
                return True
    return False


def _is_refusal(entry: Entry) -> bool:
    message = entry.open()[1]
    return str(getattr(message, "code", "")).endswith("_refused")


async def _refuse_unknown(tape: Tape, place: Place, strategy_id: str) -> None:
    actor = _first_shard(place, strategy_id)
    if await tape.last(f"strategy.{actor}.state") is not None:
        return
    known = ", ".join(configured_strategies(place)) or "none"
    raise ConfigurationError(f"there is no strategy {strategy_id!r} here; known are {known}")


def _first_shard(place: Place, strategy_id: str) -> str:
    """Return the actor that answers for a strategy: of a divided one the first shard for all."""
    settings = _configured(place).get(strategy_id, {})
    return actor_name(strategy_id, 1, int(settings.get("shards", 1)))


def configured_strategies(place: Place) -> list[str]:
    """Return the ids of the strategies that the running desk was configured with."""
    return sorted(_configured(place))


def _configured(place: Place) -> dict[str, dict[str, Any]]:
    if place.config_path is None:
        return {}
    try:
        text = place.config_path.read_text(encoding="utf-8")
    except OSError:
        return {}  # the desk has just ended
    found: dict[str, dict[str, Any]] = json.loads(text).get("strategies", {})
    return found


def valid() -> dict[str, int]:
    """Return the field that ends a command's time."""
    return {"valid_until_ns": now_ns() + VALID_S * NS_PER_S}
