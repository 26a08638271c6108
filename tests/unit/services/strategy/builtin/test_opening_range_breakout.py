import pytest

from services.strategy.builtin.opening_range_breakout import NS_PER_MINUTE, OpeningRangeBreakout
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.domain.errors import ConfigurationError
from shared.domain.values import Intent, Side
from shared.messages.signals import Signal
from tests.unit.services.strategy.talk import Talk, codes, opening, signal_in, signals

LONG, SHORT = (Side.BUY, Intent.OPEN), (Side.SELL, Intent.OPEN)
LEAVE, COVER = (Side.SELL, Intent.CLOSE), (Side.BUY, Intent.CLOSE)
HALF_DAY = "2025-07-03"  # closes at 13:00


def after_range(date: str = "2025-05-13", /, **parameters: object) -> Talk:
    """Return a talk in which the range 99..101 is complete."""
    talk = Talk(OpeningRangeBreakout(**parameters), start_ns=opening(date))
    assert talk.bar(100.0, high=101.0, low=99.0) == ()
    return talk


def long_position(**parameters: object) -> Talk:
    talk = after_range(**parameters)
    talk.fill(signal_in(talk.bar(101.5, open_=100.5)), price="101.5")
    return talk


def at(talk: Talk, minutes: int, date: str = "2025-05-13") -> Talk:
    """Move to a number of minutes after the open."""
    talk.now_ns = opening(date) + minutes * NS_PER_MINUTE
    return talk


def test_a_break_above_opens_long_with_the_low_as_stop() -> None:
    signal = signal_in(after_range().bar(101.01, open_=100.5))
    assert (signal.side, signal.intent) == LONG
    assert signal.stop_price == 99.0
    assert signal.values == {"range_high": 101.0, "range_low": 99.0, "body": pytest.approx(1.0)}


def test_a_break_below_opens_short_with_the_high_as_stop() -> None:
    signal = signal_in(after_range().bar(98.5, open_=99.5))
    assert (signal.side, signal.intent) == SHORT
    assert signal.stop_price == 101.0


def test_a_touch_without_the_buffer_is_no_break() -> None:
    assert after_range().bar(101.0, open_=100.5) == ()


def test_exactly_the_buffer_is_a_break_whatever_binary_makes_of_it() -> None:
    talk = Talk(OpeningRangeBreakout())
    talk.bar(100.0, high=100.13, low=99.0)
    assert signals(talk.bar(100.14, open_=99.5)) == [LONG]


def test_a_bar_with_a_small_body_is_no_break() -> None:
    assert after_range().bar(100.6, open_=100.5, high=102.0, low=100.4) == ()


def test_in_body_mode_a_wick_is_no_break() -> None:
    for mode, expected in (("wick", [LONG]), ("body", [])):
        talk = after_range(mode=mode)
        assert signals(talk.bar(100.9, open_=99.6, high=101.5, low=99.5)) == expected


@pytest.mark.parametrize(("open_", "close", "side"), [(99.5, 101.2, LONG), (101.0, 98.8, SHORT)])
def test_a_break_of_both_sides_goes_where_it_moved_further_from_its_open(
    open_: float, close: float, side: tuple[Side, Intent]
) -> None:
    assert signals(after_range().bar(close, open_=open_, high=101.5, low=98.5)) == [side]


def test_without_shorts_a_break_below_is_not_traded() -> None:
    assert after_range(allow_short=False).bar(98.0, open_=99.5) == ()


def test_there_is_one_attempt_a_day_also_when_risk_denied_it() -> None:
    talk = after_range()
    talk.deny(signal_in(talk.bar(101.5, open_=100.5)))
    assert talk.bar(103.0, open_=101.5) == ()


def test_the_next_day_has_a_range_and_an_attempt_of_its_own() -> None:
    talk = after_range()
    talk.deny(signal_in(talk.bar(101.5, open_=100.5)))
    at(talk, 0, "2025-05-14").bar(110.0, high=111.0, low=109.0)
    assert signal_in(talk.bar(111.5, open_=110.0)).stop_price == 109.0


def test_a_day_whose_first_bar_was_missed_is_not_traded() -> None:
    talk = Talk(OpeningRangeBreakout(range_minutes=10), start_ns=opening() + 5 * NS_PER_MINUTE)
    talk.bar(100.0, high=101.0, low=99.0)
    assert talk.bar(105.0, open_=100.0) == ()


def test_bars_before_the_open_do_not_count() -> None:
    talk = Talk(OpeningRangeBreakout(), start_ns=opening() - 5 * NS_PER_MINUTE)
    talk.bar(100.0, high=150.0, low=50.0)
    talk.bar(100.0, high=101.0, low=99.0)
    assert signals(talk.bar(101.5, open_=100.5)) == [LONG]


def test_a_longer_range_takes_in_all_its_bars() -> None:
    talk = Talk(OpeningRangeBreakout(range_minutes=10))
    talk.bar(100.0, high=101.0, low=99.0)
    assert talk.bar(101.5, open_=100.0, high=102.0) == ()
    assert talk.bar(101.9, open_=101.0) == ()
    assert signals(talk.bar(102.1, open_=101.0)) == [LONG]


@pytest.mark.parametrize(("minutes", "trades"), [(320, True), (325, False), (385, False)])
def test_entries_end_an_hour_before_the_close(minutes: int, trades: bool) -> None:
    talk = at(after_range(), minutes)
    assert bool(talk.bar(101.5, open_=100.5)) is trades


@pytest.mark.parametrize(("minutes", "trades"), [(140, True), (145, False)])
def test_on_a_half_day_everything_is_earlier(minutes: int, trades: bool) -> None:
    talk = at(after_range(HALF_DAY), minutes, HALF_DAY)
    assert bool(talk.bar(101.5, open_=100.5)) is trades


def test_the_stop_is_the_opposite_side_of_the_range() -> None:
    talk = long_position()
    assert talk.bar(99.2, low=99.01) == ()
    leave = talk.bar(99.5, low=99.0)
    assert signals(leave) == [LEAVE]
    assert signal_in(leave).reason == "stop at the opposite side of the range"


def test_the_target_is_ranges_from_the_average_fill() -> None:
    talk = after_range()
    entry = signal_in(talk.bar(101.5, open_=100.5))
    talk.fill(entry, 10, "101", is_complete=False)
    talk.fill(entry, 10, "102")
    assert talk.bar(105.4) == ()
    leave = talk.bar(105.0, high=105.5)
    assert signals(leave) == [LEAVE]
    assert signal_in(leave).reason == "target reached"


def test_without_a_target_it_holds() -> None:
    assert long_position(take_profit=0).bar(200.0) == ()


def test_of_stop_and_target_in_one_bar_the_stop_came_first() -> None:
    assert signal_in(long_position().bar(100.0, high=120.0, low=90.0)).reason.startswith("stop")


def test_a_short_leaves_at_its_stop_and_at_its_target() -> None:
    for price, reason in ((101.0, "stop"), (94.5, "target")):
        talk = after_range()
        talk.fill(signal_in(talk.bar(98.5, open_=99.5)), price="98.5")
        leave = talk.bar(price)
        assert signals(leave) == [COVER]
        assert signal_in(leave).reason.startswith(reason)


def test_it_is_flat_five_minutes_before_the_close_even_if_no_bar_comes() -> None:
    talk = long_position()
    assert talk.clock(opening() + 384 * NS_PER_MINUTE) == ()
    leave = talk.clock(opening() + 385 * NS_PER_MINUTE)
    assert signals(leave) == [LEAVE]
    assert signal_in(leave).reason == "end of day"


def test_a_bar_that_ends_then_closes_it_too_and_only_once() -> None:
    talk = at(long_position(), 380)
    assert signals(talk.bar(101.5)) == [LEAVE]
    assert talk.clock() == ()


def test_a_position_carried_over_is_closed_with_the_first_bar() -> None:
    talk = at(long_position(), 0, "2025-05-14")
    assert signal_in(talk.bar(101.0)).reason == "carried over from an earlier session"


def test_while_inactive_the_attempt_of_the_day_is_used_up() -> None:
    talk = Talk(OpeningRangeBreakout(), active=False)
    talk.bar(100.0, high=101.0, low=99.0)
    assert codes(talk.bar(101.5, open_=100.5)) == ["inactive"]
    assert talk.bar(103.0, open_=101.5) == ()


def test_symbols_have_days_of_their_own() -> None:
    talk = after_range()
    said = talk.bar(101.5, open_=100.5, symbol="MSFT")
    assert not any(isinstance(message, Signal) for message in said)


@pytest.mark.parametrize("minutes", [7, 1])
def test_a_range_that_bars_cannot_tile_is_refused(minutes: int) -> None:
    with pytest.raises(ConfigurationError, match=f"whole number of 5m bars, was {minutes}"):
        StrategyCore(Instance(id="s", book="main"), OpeningRangeBreakout(range_minutes=minutes))
