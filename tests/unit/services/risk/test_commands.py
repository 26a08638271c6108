"""What operators may do to risk."""

from decimal import Decimal

from shared.domain.values import Intent, Side
from shared.messages.control import Flatten, Kill, Resume, SetLimit
from shared.messages.decisions import Approved, Denied, Halted, Limits, Resumed, Violation
from tests.unit.services.risk.talk import Talk, codes


def _talk_with_position() -> Talk:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=100)
    assert isinstance(opened, Approved)
    talk.fill(opened, "100")
    return talk


def test_a_kill_stops_openings_and_closings() -> None:
    talk = _talk_with_position()
    assert talk.order(Kill(reason="smoke")) == [
        Halted(code="killed", detail="smoke", operator="ada")
    ]
    assert codes(talk.signal(quantity=1)) == ["halted"]
    assert codes(talk.signal(Side.SELL, Intent.CLOSE)) == ["halted"]


def test_resume_ends_a_kill() -> None:
    talk = _talk_with_position()
    talk.order(Kill())
    assert talk.order(Resume(reason="clear", expected_seq=talk.seq)) == [
        Resumed(operator="ada", detail="killed clear")
    ]
    assert isinstance(talk.signal(quantity=1), Approved)


def test_resume_for_an_older_kill_is_refused() -> None:
    talk = Talk()
    talk.order(Kill())
    seen = talk.seq
    talk.order(Kill())
    (answer,) = talk.order(Resume(expected_seq=seen))
    assert isinstance(answer, Violation)
    assert answer.code == "resume_refused"
    assert talk.state.killed is not None
    assert isinstance(talk.order(Resume(expected_seq=talk.seq - 1))[0], Resumed)


def test_resume_after_its_time_is_refused() -> None:
    talk = Talk()
    talk.order(Kill())
    (answer,) = talk.order(Resume(valid_until_ns=1_000), recorded_ns=2_000)
    assert isinstance(answer, Violation)
    assert talk.state.killed is not None


def test_a_kill_is_obeyed_however_late() -> None:
    talk = Talk()
    talk.order(Kill(valid_until_ns=1_000), recorded_ns=2_000)
    assert talk.state.killed is not None


def test_resume_without_a_halt_is_refused() -> None:
    (answer,) = Talk().order(Resume())
    assert isinstance(answer, Violation)
    assert answer.code == "resume_refused"


def test_flatten_closes_every_strategys_position_and_halts() -> None:
    talk = _talk_with_position()
    short = talk.signal(Side.SELL, quantity=30, by="reversion")
    assert isinstance(short, Approved)
    talk.fill(short, "100")
    halted, first, second = talk.order(Flatten(), "f1")
    assert isinstance(halted, Halted)
    assert isinstance(first, Approved)
    assert isinstance(second, Approved)
    assert (first.strategy_id, first.side, first.quantity) == ("trend", Side.SELL, Decimal(100))
    assert (second.strategy_id, second.side, second.quantity) == (
        "reversion",
        Side.BUY,
        Decimal(30),
    )
    assert first.intent is Intent.CLOSE
    assert first.signal_id == "f1"
    assert codes(talk.signal(quantity=1)) == ["halted"]
    assert len(talk.order(Flatten(), "f2")) == 1  # all of it is being closed already
    talk.fill(first, "100")
    talk.fill(second, "100")
    assert not talk.state.holdings
    assert not talk.state.working


def test_flatten_closes_what_no_strategy_bought() -> None:
    talk = Talk(cash="")
    talk.account("1000", IBM=7)
    talk.minute(IBM=10.0)
    _, closing = talk.order(Flatten())
    assert isinstance(closing, Approved)
    assert (closing.strategy_id, closing.symbol, closing.quantity) == ("", "IBM", Decimal(7))


def test_a_killed_desk_does_not_flatten() -> None:
    talk = _talk_with_position()
    talk.order(Kill())
    (answer,) = talk.order(Flatten())
    assert isinstance(answer, Violation)
    assert answer.code == "flatten_refused"


def test_a_limit_changes_at_once() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    assert isinstance(talk.signal(quantity=200), Approved)
    said = talk.order(SetLimit(key="max_position_fraction", value="0.10"))
    assert said == [
        Limits(key="max_position_fraction", value="0.10", previous="0.20", operator="ada")
    ]
    assert talk.core.limits.max_position_fraction == Decimal("0.10")
    assert isinstance(talk.signal(quantity=1), Denied)


def test_a_limit_that_cannot_be_is_refused() -> None:
    talk = Talk()
    for key, value in (("max_position_fraction", "-1"), ("allow_short", "false"), ("x", "1")):
        (answer,) = talk.order(SetLimit(key=key, value=value))
        assert isinstance(answer, Violation)
        assert answer.code == "set_limit_refused"


def test_a_limit_set_for_an_older_state_is_refused() -> None:
    talk = Talk()
    talk.order(SetLimit(key="max_open_positions", value="5"))
    (answer,) = talk.order(SetLimit(key="max_open_positions", value="9", expected_seq=1))
    assert isinstance(answer, Violation)
    (answer,) = talk.order(SetLimit(key="max_open_positions", value="9", valid_until_ns=1), "", 2)
    assert isinstance(answer, Violation)
    assert talk.core.limits.max_open_positions == 5
