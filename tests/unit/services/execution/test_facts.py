"""What the broker says becomes the lives of orders."""

from decimal import Decimal

import pytest

from services.execution import facts
from shared.domain.errors import InvariantError
from shared.messages.base import Message
from shared.messages.broker import Ack, BrokerSnapshot, Charge, Doubtful, Report, Sending
from shared.messages.orders import (
    Accepted,
    Account,
    Cancelled,
    Charged,
    Expired,
    External,
    Filled,
    Rejected,
    Submitting,
    Unknown,
)
from tests.unit.services.execution.talk import BROKER, ExecutionTalk


def _talk() -> tuple[ExecutionTalk, Submitting]:
    talk = ExecutionTalk()
    (order,) = talk.approve()
    assert isinstance(order, Submitting)
    return talk, order


def _ack(order: Submitting) -> Ack:
    return Ack(
        client_order_id=order.client_order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        broker_order_id="b1",
    )


def _one[M: Message](answer: list[Message], kind: type[M]) -> M:
    (message,) = answer
    assert isinstance(message, kind)
    return message


def test_an_order_lives_from_submission_to_its_last_fill() -> None:
    talk, order = _talk()
    assert _one(talk.say(BROKER, _ack(order)), Accepted).broker_order_id == "b1"
    part = _one(talk.fill(order, 30, "e1"), Filled)
    assert (part.cumulative_quantity, part.is_complete) == (Decimal(30), False)
    rest = _one(talk.fill(order, 70, "e2"), Filled)
    assert (rest.cumulative_quantity, rest.is_complete) == (Decimal(100), True)
    assert not talk.core.state.orders


def test_an_execution_counts_once() -> None:
    talk, order = _talk()
    talk.fill(order, 30, "e1")
    assert talk.fill(order, 30, "e1") == []
    talk.fill(order, 70, "e2")
    assert talk.fill(order, 70, "e2") == []


def test_a_fill_may_come_before_the_acknowledgement() -> None:
    talk, order = _talk()
    talk.fill(order, 30, "e1")
    assert talk.say(BROKER, _ack(order)) == []
    talk.fill(order, 70, "e2")
    assert talk.say(BROKER, _ack(order)) == []


@pytest.mark.parametrize(
    ("end", "kind"), [("cancelled", Cancelled), ("expired", Expired), ("refused", Rejected)]
)
def test_each_end_is_told_once(end: str, kind: type[Message]) -> None:
    talk, order = _talk()
    _one(talk.end(order, end), kind)
    assert talk.end(order, end) == []
    assert not talk.core.state.orders


def test_what_was_filled_before_the_end_stays_filled() -> None:
    talk, order = _talk()
    talk.fill(order, 30, "e1")
    assert _one(talk.end(order, "cancelled"), Cancelled).filled_quantity == 30


def test_more_than_was_ordered_stops_the_process() -> None:
    talk, order = _talk()
    talk.fill(order, 99, "e1")
    with pytest.raises(InvariantError, match="INV-FILL"):
        talk.fill(order, 2, "e2")


def test_a_fill_after_the_end_stops_the_process() -> None:
    talk, order = _talk()
    talk.end(order, "cancelled")
    with pytest.raises(InvariantError, match="INV-ORDER-STATE"):
        talk.fill(order, 1, "e1")


def test_a_refusal_after_a_fill_stops_the_process() -> None:
    talk, order = _talk()
    talk.fill(order, 1, "e1")
    with pytest.raises(InvariantError, match="INV-ORDER-STATE"):
        talk.end(order, "refused")


def test_an_execution_needs_an_id_and_a_report_a_known_kind() -> None:
    talk, order = _talk()
    with pytest.raises(InvariantError, match="INV-BROKER-FACT"):
        talk.fill(order, 1, "")
    with pytest.raises(InvariantError, match="INV-BROKER-FACT"):
        talk.end(order, "bust")


def test_what_this_desk_did_not_order_is_external() -> None:
    talk, order = _talk()
    stranger = Report(client_order_id="x", signal_id="", symbol="IBM", kind="fill",
                      execution_id="e9", quantity=Decimal(5), price=Decimal(1))  # fmt: skip
    assert "x" in _one(talk.say(BROKER, stranger), External).detail
    for lost in (_ack(order),):
        other = Ack(client_order_id="y", signal_id="", symbol="IBM", broker_order_id="b")
        assert _one(talk.say(BROKER, other), External).symbol == "IBM"
        assert isinstance(talk.say(BROKER, lost)[0], Accepted)


def test_sending_needs_no_answer() -> None:
    talk, order = _talk()
    sending = Sending(
        client_order_id=order.client_order_id, signal_id="s", symbol="AAPL", attempt=1
    )
    assert talk.say(BROKER, sending) == []


def test_a_statement_that_differs_is_told_and_adopted() -> None:
    talk, order = _talk()
    talk.fill(order, 100, "e1")
    stated = BrokerSnapshot(cash=Decimal(1), currency="USD", positions={"IBM": Decimal(3)})
    ibm, aapl, account = talk.say(BROKER, stated)
    assert isinstance(ibm, External)
    assert isinstance(aapl, External)
    assert (ibm.symbol, aapl.symbol) == ("IBM", "AAPL")
    assert isinstance(account, Account)
    assert account.positions == {"IBM": Decimal(3)}
    assert len(talk.say(BROKER, stated)) == 1


def test_the_first_statement_is_where_we_begin() -> None:
    talk = ExecutionTalk()
    assert talk.answers[-1] == (Account(cash=Decimal(1_000), currency="USD", positions={}),)


def test_memory_of_what_is_over_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "FINISHED_MAX", 3)
    talk = ExecutionTalk()
    for n in range(5):
        (order,) = talk.approve(f"a{n}")
        assert isinstance(order, Submitting)
        talk.fill(order, 100, f"e{n}")
    assert len(talk.core.state.finished) == 3
    assert list(talk.core.state.executions) == ["e2", "e3", "e4"]


def test_a_charge_counts_once_and_goes_to_the_books() -> None:
    talk, _ = _talk()
    charge = Charge(
        charge_id="c1", kind="borrow", amount=Decimal("0.32"), symbol="AAPL", detail="one night"
    )
    (charged,) = talk.say(BROKER, charge)
    assert charged == Charged(
        charge_id="c1", kind="borrow", amount=Decimal("0.32"), symbol="AAPL", detail="one night"
    )
    assert talk.say(BROKER, charge) == []


def test_the_parts_of_a_fills_fees_are_passed_on() -> None:
    talk, order = _talk()
    report = Report(
        client_order_id=order.client_order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        kind="fill",
        execution_id="e1",
        quantity=Decimal(1),
        price=Decimal(10),
        fees=Decimal("0.02"),
        fee_parts={"sec": Decimal("0.01"), "taf": Decimal("0.01")},
    )
    (filled,) = talk.say(BROKER, report)
    assert isinstance(filled, Filled)
    assert filled.fee_parts == report.fee_parts


def test_a_doubtful_order_is_unknown_until_the_broker_says_something_of_it() -> None:
    talk, order = _talk()
    doubt = Doubtful(
        client_order_id=order.client_order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        detail="no answer",
    )
    (unknown,) = talk.say(BROKER, doubt)
    assert isinstance(unknown, Unknown)
    assert talk.say(BROKER, doubt) == []  # said once
    (accepted,) = talk.say(BROKER, _ack(order))
    assert isinstance(accepted, Accepted)
