"""Late, doubled, reordered and expired commands against everybody who obeys kills.

Whatever order commands arrive in, a kill is ended only by a `resume` that came in its time, the
first time it was seen, and that named the kill or something behind it. All cores agree.
"""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.execution.config import PaperSettings
from services.execution.core import ExecutionCore
from services.execution.paper.core import PaperBroker
from services.risk.config import RiskSettings
from services.risk.core import RiskCore
from services.strategy import Strategy
from services.strategy.state import Instance
from shared.core import Core, Stamp
from shared.messages.base import Message
from shared.messages.control import Activate, Deactivate, Kill, Resume, SetLimit
from shared.runtime.gate_book import GateBook
from shared.subjects import lane
from tests.unit.services.strategy.talk import Talk

OPERATOR = lane("control", "ada")
DUE_NS = 1_000
LATE_NS = DUE_NS + 1

arrivals = st.lists(
    st.tuples(
        st.sampled_from(["kill", "resume"]),
        st.integers(0, 5),  # which of the operator's commands: small, so that many are doubles
        st.integers(0, 12),  # what the resume names
        st.booleans(),  # whether it comes late
    ),
    max_size=12,
)


class Idle(Strategy):
    """Does nothing."""


def _state(core: Core) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(core.snapshot())
    return found


def _messages(parts: list[tuple[str, int, int, bool]]) -> list[tuple[Stamp, Message]]:
    made: list[tuple[Stamp, Message]] = []
    for seq, (kind, number, names, is_late) in enumerate(parts, start=1):
        identity = f"{kind}{number}"
        stamp = Stamp(seq, 1, OPERATOR, identity, identity, LATE_NS if is_late else DUE_NS)
        message = Kill() if kind == "kill" else Resume(expected_seq=names, valid_until_ns=DUE_NS)
        made.append((stamp, message))
    return made


def _kill_in_force(messages: list[tuple[Stamp, Message]]) -> int:
    """The rule, written down once more."""
    killed, seen = 0, set()
    for stamp, message in messages:
        if stamp.id in seen:
            continue
        seen.add(stamp.id)
        if isinstance(message, Kill):
            killed = stamp.seq
        elif (
            isinstance(message, Resume)
            and stamp.recorded_ns <= DUE_NS
            and message.expected_seq >= killed
        ):
            killed = 0
    return killed


@given(arrivals)
def test_no_command_undoes_a_newer_kill_and_all_agree(
    parts: list[tuple[str, int, int, bool]],
) -> None:
    messages = _messages(parts)
    execution = ExecutionCore("main", "0123456789abcdef")
    broker = PaperBroker(PaperSettings(starting_cash=Decimal(1_000)), "main")
    risk = RiskCore(RiskSettings(), "main")
    book = GateBook()
    for stamp, message in messages:
        for core in (execution, broker, risk):
            core.handle(stamp, message)
        book.take(stamp, message, 0.0)
    expected = _kill_in_force(messages)
    assert execution.state.killed_seq == expected
    assert broker.state.killed_seq == expected
    assert (_state(risk)["killed"] or {"seq": 0})["seq"] == expected
    assert book.killed_seq == expected


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 12)), max_size=12))
def test_no_activation_undoes_a_newer_stop(parts: list[tuple[bool, int, int]]) -> None:
    talk = Talk(Idle(), Instance(id="s", book="main"), active=False)
    seen: set[str] = set()
    is_active, changed = False, 0
    for is_activation, number, names in parts:
        identity = f"{is_activation}{number}"
        command = (
            Activate(strategy_id="s", expected_seq=names)
            if is_activation
            else Deactivate(strategy_id="s")
        )
        talk.command(command, identity)
        if identity in seen:
            continue
        seen.add(identity)
        if not is_activation or names >= changed:
            is_active, changed = is_activation, talk.seq
    assert _state(talk.core)["state"]["is_active"] is is_active


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12), st.booleans()), max_size=12))
def test_no_limit_replaces_one_that_its_operator_had_not_seen(
    parts: list[tuple[int, int, bool]],
) -> None:
    risk = RiskCore(RiskSettings(), "main")
    seen: set[str] = set()
    value, changed = "", 0
    for seq, (number, names, is_late) in enumerate(parts, start=1):
        identity, wanted = f"l{number}", str(number + 1)
        command = SetLimit(
            key="max_open_positions", value=wanted, expected_seq=names, valid_until_ns=DUE_NS
        )
        recorded_ns = LATE_NS if is_late else DUE_NS
        risk.handle(Stamp(seq, 1, OPERATOR, identity, identity, recorded_ns), command)
        if identity not in seen and not is_late and names >= changed:
            value, changed = wanted, seq
        seen.add(identity)
    assert _state(risk)["overrides"].get("max_open_positions", "") == value
