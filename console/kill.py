"""`tapedeck kill`: latched first, then said on every way there is, then what came of it.

None of the ways waits for another, and none that fails keeps the others from being tried
(docs/kill-switch.md). What is told is what is known: which way the kill has taken, and who has
obeyed it.
"""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from nats.aio.client import Client

from console.control import OPERATOR, has_handled, latch_of, valid, wait_for_answers
from console.describe import describe
from console.output import print_json
from console.running import Place, connect_to, find_desk
from shared.domain.errors import TapedeckError, UnavailableError
from shared.messages.control import Kill
from shared.runtime.clock import now_ns
from shared.runtime.latch import Latch, tell_over_core, write_latch
from shared.subjects import lane
from shared.tape.entry import Entry, fact
from shared.tape.jetstream import JetStreamTape

CORE_S = 0.5  # for the answers over core NATS
TAPE_S = 6.0  # one request and a bit: a server that hangs must not keep the operator
ANSWER_S = 3.0  # for risk, and for execution


class KillOutcome(Struct):
    """Which way a kill has taken and who has obeyed it; what failed says why."""

    latched: Path | None = None
    heard: Sequence[str] = ()
    seq: int = 0
    answers: Sequence[Entry] = ()
    has_execution_obeyed: bool = False
    is_desk_here: bool = False
    latch_error: str = ""
    tape_error: str = ""

    @property
    def is_certain(self) -> bool:
        """True when nothing can be traded past this kill, as far as can be known from here."""
        return bool(self.latched or self.heard or self.answers or self.has_execution_obeyed)

    def sentences(self) -> list[str]:
        """Say each part of it, in the order of what matters."""
        told = [f"kill is message {self.seq} on the tape" if self.seq else self._not_on_tape()]
        told += [f"risk obeyed it: {describe(e.open()[1])} (message {e.seq})" for e in self.answers]
        if self.has_execution_obeyed:
            told.append("execution obeyed it: it sends nothing more and cancels what rests")
        if self.heard:
            who = ", ".join(self.heard)
            told.append(f"{who} heard it over core NATS: nothing leaves before it is on the tape")
        if self.latched is not None:
            told.append(f"latched in {self.latched}: {self._latch_effect()}")
        elif self.latch_error:
            told.append(self.latch_error)
        if self.seq and self.is_desk_here and not self.has_execution_obeyed:
            told.append("execution has not got to it: the broker refuses what it submits till then")
        if self.seq and not self.answers:
            told.append("risk has not answered: it obeys when it gets there, see `tapedeck status`")
        return told

    def _not_on_tape(self) -> str:
        return f"the kill is not on the tape: {self.tape_error}"

    def _latch_effect(self) -> str:
        if self.seq:
            return "it stays until `tapedeck resume`"
        if self.is_desk_here:
            return "execution publishes nothing until it has put the kill on the tape itself"
        return "execution, when it starts there, first puts the kill on the tape"


def kill(state: Path | None, reason: str, *, as_json: bool) -> None:
    """Stop all trading until `resume`; UnavailableError when nothing can be known to stop."""
    latch = Latch(id=secrets.token_hex(16), reason=reason)
    outcome = KillOutcome()
    _latch(state, latch, outcome)
    try:
        place = find_desk(state)
        outcome.is_desk_here = place.record is not None
        asyncio.run(_say(place, latch, outcome))
    except (TapedeckError, TimeoutError) as error:
        outcome.tape_error = outcome.tape_error or str(error) or "no answer in time"
    told = outcome.sentences()
    if not outcome.is_certain:
        more = "" if not outcome.seq else "nobody has obeyed it yet, and it is not latched"
        raise UnavailableError("; ".join(filter(None, (*told, more))))
    if as_json:
        print_json(_document(outcome, told))
    else:
        print("\n  ".join(told))


def _document(outcome: KillOutcome, told: Sequence[str]) -> dict[str, object]:
    effects = [
        {"seq": entry.seq, "subject": entry.subject, "text": describe(entry.open()[1])}
        for entry in outcome.answers
    ]
    return {
        "command": "kill",
        "seq": outcome.seq,
        "obeyed": bool(outcome.answers) or outcome.has_execution_obeyed,
        "effects": effects,
        "execution": outcome.has_execution_obeyed,
        "heard": list(outcome.heard),
        "latched": str(outcome.latched) if outcome.latched else "",
        "detail": "; ".join(told),
    }


def _latch(state: Path | None, latch: Latch, outcome: KillOutcome) -> None:
    """Write the latch where execution looks for it, if that is on this machine."""
    try:
        path = latch_of(state)
        if path is not None:
            write_latch(path, latch)
            outcome.latched = path
    except TapedeckError as error:  # the other ways have to be tried all the more
        outcome.latch_error = str(error)


async def _say(place: Place, latch: Latch, outcome: KillOutcome) -> None:
    """Say the kill on the tape and beside it, then wait for who obeys."""
    client = await connect_to(place)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_say_over_core(client, latch, outcome))
            group.create_task(_say_on_tape(client, place, latch, outcome))
    finally:
        await client.close()


async def _say_over_core(client: Client, latch: Latch, outcome: KillOutcome) -> None:
    outcome.heard = await tell_over_core(client, latch, CORE_S)


async def _say_on_tape(client: Client, place: Place, latch: Latch, outcome: KillOutcome) -> None:
    try:
        async with asyncio.timeout(TAPE_S):
            tape = await JetStreamTape.open(client)
            command = Kill(reason=latch.reason, **valid())
            out = fact(tape.id, OPERATOR, command, ts_ns=now_ns(), key=latch.id)
            outcome.seq = await tape.tell(out, once_id=latch.id)
    except (TapedeckError, TimeoutError) as error:
        outcome.tape_error = str(error) or "no answer in time"
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_hear_risk(tape, place, outcome))
        group.create_task(_watch_execution(place, outcome))


async def _hear_risk(tape: JetStreamTape, place: Place, outcome: KillOutcome) -> None:
    risk = str(lane("risk", place.book))
    outcome.answers = await wait_for_answers(tape, place, risk, outcome.seq, ANSWER_S) or ()


async def _watch_execution(place: Place, outcome: KillOutcome) -> None:
    """Note when execution has handled the kill; unknown of a desk on another machine."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + ANSWER_S
    execution = str(lane("execution", place.book))
    while place.instances and loop.time() < deadline_s:
        if await has_handled(place, execution, outcome.seq):
            outcome.has_execution_obeyed = True
            return
        await asyncio.sleep(0.1)
