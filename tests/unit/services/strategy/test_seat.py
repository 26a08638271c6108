import pytest

from services.strategy import seat as seats
from services.strategy.indicators import Ema
from services.strategy.seat import Seat
from services.strategy.state import Instance, StrategyState
from shared.core import NEVER_NS
from tests.unit.services.strategy.talk import MINUTE_NS, opening


def a_seat() -> Seat:
    return Seat(Instance(id="s", book="main"), StrategyState(now_ns=1))


def test_the_session_is_that_of_the_moment_being_handled() -> None:
    seat = a_seat()
    dates = []
    for moment_ns in (opening() - 1, opening(), opening("2025-05-14"), opening() + 390 * MINUTE_NS):
        seat.moment_ns = moment_ns
        dates.append(seat.session.date if seat.session else None)
    assert dates == [None, "2025-05-13", "2025-05-14", None]


def test_one_indicator_is_made_for_one_set_of_settings() -> None:
    seat = a_seat()
    first = seat.indicator(("ema", "A", 3), Ema)
    assert seat.indicator(("ema", "A", 3), Ema) is first
    assert seat.indicator(("ema", "B", 3), Ema) is not first
    assert seat.indicator(("ema", "A", 4), Ema) is not first
    assert len(seat.feeds["A"]) == 2


def test_the_next_timer_is_known_without_looking() -> None:
    seat = a_seat()
    assert seat.patience.due_ns == NEVER_NS
    seat.set_timer("a", 30)
    seat.set_timer("b", 20)
    assert seat.patience.due_ns == 20
    seat.cancel_timer("b")
    seat.cancel_timer("b")
    assert seat.patience.due_ns == 30
    seat.state.now_ns = 30
    assert seat.pop_due() == [(30, "a")]
    assert seat.patience.due_ns == NEVER_NS


def test_timers_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "TIMERS_MAX", 1)
    seat = a_seat()
    seat.set_timer("a", 1)
    seat.set_timer("a", 2)
    with pytest.raises(ValueError, match="more than 1 timers"):
        seat.set_timer("b", 1)
