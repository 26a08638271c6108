"""Conversations with the execution core."""

from decimal import Decimal

import pytest

from services.execution.core import ExecutionCore
from shared.core import Core
from shared.domain.ids import client_order_id
from shared.domain.values import Intent, Side
from shared.messages.broker import BrokerSnapshot
from shared.messages.control import Cancel, Flatten, Kill, Resume
from shared.messages.market import CorporateAction
from shared.messages.orders import Account, Cancelling, Rejected, Submitting
from shared.subjects import Lane, matches
from tests.unit.services.execution.talk import (
    BROKER,
    FILE,
    OPERATOR,
    TAPE_ID,
    ExecutionTalk,
    approved,
)


def _submitted(talk: ExecutionTalk, name: str = "a1", **fields: object) -> Submitting:
    (order,) = talk.approve(name, **fields)  # type: ignore[arg-type]
    assert isinstance(order, Submitting)
    return order


def _code(answer: list[object]) -> str:
    (rejected,) = answer
    assert isinstance(rejected, Rejected)
    return rejected.code


def test_an_approval_becomes_one_submission() -> None:
    order = _submitted(ExecutionTalk())
    assert order.order_id == "a1"
    assert order.client_order_id == client_order_id(TAPE_ID, "a1")
    assert (order.side, order.quantity) == (Side.BUY, Decimal(100))


def test_only_this_books_risk_can_approve() -> None:
    talk = ExecutionTalk()
    for lane in (Lane("strategy", "main"), Lane("risk", "other")):
        assert _code([*talk.say(lane, approved(1))]) == "not_risk"


def test_an_expired_approval_is_not_acted_on() -> None:
    talk = ExecutionTalk()
    assert _code([*talk.approve(valid_until_ns=talk.now_ns - 1)]) == "expired"
    _submitted(talk, "a2", valid_until_ns=talk.now_ns)


def test_a_kill_cancels_what_works_and_lets_nothing_out() -> None:
    talk = ExecutionTalk()
    order = _submitted(talk)
    (cancelling,) = talk.say(OPERATOR, Kill(reason="drill"))
    assert isinstance(cancelling, Cancelling)
    assert cancelling.client_order_id == order.client_order_id
    assert talk.say(OPERATOR, Kill()) == []  # it is being cancelled already
    assert _code([*talk.approve("a2", intent=Intent.CLOSE)]) == "killed"
    talk.say(OPERATOR, Resume(expected_seq=talk.seq))
    _submitted(talk, "a3")


def test_a_resume_cannot_undo_a_newer_kill() -> None:
    talk = ExecutionTalk()
    talk.say(OPERATOR, Kill())
    seen = talk.seq
    talk.say(OPERATOR, Kill())
    talk.say(OPERATOR, Resume(expected_seq=seen))
    talk.say(OPERATOR, Resume(valid_until_ns=1), recorded_ns=2)
    assert _code([*talk.approve()]) == "killed"
    talk.say(OPERATOR, Resume(expected_seq=seen + 1))
    _submitted(talk, "a2")


def test_one_order_can_be_cancelled() -> None:
    talk = ExecutionTalk()
    _submitted(talk, "a1")
    _submitted(talk, "a2")
    (cancelling,) = talk.say(OPERATOR, Cancel(order_id="a2"))
    assert isinstance(cancelling, Cancelling)
    assert cancelling.order_id == "a2"
    assert talk.say(OPERATOR, Cancel(order_id="a2")) == []
    assert talk.say(OPERATOR, Cancel(order_id="unheard-of")) == []


def test_a_command_counts_once() -> None:
    talk = ExecutionTalk()
    _submitted(talk)
    assert len(talk.say(OPERATOR, Kill(), "k1")) == 1
    talk.say(OPERATOR, Resume(expected_seq=talk.seq), "r1")
    assert talk.say(OPERATOR, Kill(), "k1") == []
    assert talk.core.state.killed_seq == 0


def test_flatten_cancels_openings_and_lets_only_closings_pass() -> None:
    talk = ExecutionTalk()
    _submitted(talk, "a1")
    _submitted(talk, "a2", intent=Intent.CLOSE)
    (cancelling,) = talk.say(OPERATOR, Flatten())
    assert isinstance(cancelling, Cancelling)
    assert cancelling.order_id == "a1"
    assert _code([*talk.approve("a3")]) == "flattened"
    _submitted(talk, "a4", intent=Intent.CLOSE)
    talk.say(OPERATOR, Resume(expected_seq=talk.seq))
    _submitted(talk, "a5")


def test_a_split_changes_our_own_fold() -> None:
    talk = ExecutionTalk()
    talk.fill(_submitted(talk), 100, "e1")
    split = CorporateAction(symbol="AAPL", kind="split", ex_date="2026-01-06", ratio=2.0)
    talk.say(FILE, split)
    talk.say(FILE, split)
    stated = BrokerSnapshot(cash=Decimal(0), currency="USD", positions={"AAPL": Decimal(200)})
    (account,) = talk.say(BROKER, stated)
    assert isinstance(account, Account)


def test_a_restored_core_goes_on_as_if_nothing_had_happened() -> None:
    talk = ExecutionTalk()
    order = _submitted(talk)
    talk.fill(order, 40, "e1")
    at = len(talk.heard)
    talk.fill(order, 40, "e1")
    talk.fill(order, 60, "e2")
    _submitted(talk, "a2")
    talk.say(OPERATOR, Kill())
    talk.goes_on_after_restore(lambda: ExecutionCore("main", TAPE_ID), at)


def test_a_broken_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="truncated"):
        ExecutionCore("main", TAPE_ID).restore(b"{")


def test_no_filter_covers_another() -> None:
    core: Core = ExecutionCore("main", TAPE_ID)
    assert str(core.lane) == "execution.main"
    for one in core.reads:
        for other in core.reads:
            assert one is other or not matches(one, other.replace("*", "x").replace(">", "y"))
