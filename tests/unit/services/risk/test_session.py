"""The session's loss."""

from decimal import Decimal

from services.risk.config import RiskSettings
from shared.messages.control import Resume
from shared.messages.decisions import Approved, Halted, Resumed, Violation
from tests.unit.services.risk.talk import Talk, codes


def _invested(**limits: object) -> Talk:
    """200 AAPL at 100: a fall of 10 loses 2 % of 100,000."""
    talk = Talk(RiskSettings(**limits))  # type: ignore[arg-type]
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=200)
    assert isinstance(opened, Approved)
    talk.fill(opened, "100")
    return talk


def test_a_purchase_is_no_loss() -> None:
    assert _invested().minute(AAPL=100.0) == ()


def test_the_loss_limit_halts_the_desk_once() -> None:
    talk = _invested()
    assert talk.minute(AAPL=90.01) == ()
    violation, halted = talk.minute(AAPL=90.0)
    assert isinstance(violation, Violation)
    assert (violation.value, violation.limit) == (Decimal(2_000), Decimal(2_000))
    assert isinstance(halted, Halted)
    assert talk.minute(AAPL=89.0) == ()
    assert codes(talk.signal(quantity=1)) == ["halted", "daily_loss"]


def test_the_smaller_of_two_loss_limits_counts() -> None:
    talk = _invested(max_daily_loss=Decimal(500))
    assert talk.minute(AAPL=97.51) == ()
    assert len(talk.minute(AAPL=97.5)) == 2


def test_the_next_session_ends_the_halt_and_counts_anew() -> None:
    talk = _invested()
    talk.minute(AAPL=90.0)
    (resumed,) = talk.minute("2026-01-06", AAPL=90.0)
    assert isinstance(resumed, Resumed)
    assert talk.state.session.equity == 98_000
    assert isinstance(talk.signal(quantity=1), Approved)


def test_an_overnight_gap_counts_for_the_new_session() -> None:
    talk = _invested()
    talk.minute("", AAPL=100.0)
    assert len(talk.minute("2026-01-06", AAPL=89.0)) == 2


def test_resume_counts_from_the_equity_of_that_moment() -> None:
    talk = _invested()
    talk.minute(AAPL=90.0)
    talk.order(Resume(expected_seq=talk.seq))
    assert talk.minute(AAPL=90.0) == ()
    assert talk.minute(AAPL=85.0) == ()
    assert len(talk.minute(AAPL=80.0)) == 2


def test_costs_and_profits_are_realized_in_the_session() -> None:
    talk = _invested()
    assert talk.state.session.realized_pnl == 0
    talk.minute("2026-01-06", AAPL=100.0)
    assert talk.state.session.date == "2026-01-06"
