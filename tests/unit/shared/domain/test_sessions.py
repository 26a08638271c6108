"""The exchange clock against the library it was generated from, and at its edges."""

from datetime import UTC, date, datetime, timedelta

import exchange_calendars
import pytest

from shared.domain import sessions
from shared.domain.errors import DataError
from shared.domain.values import NS_PER_S


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


# pandas announces a change of its own inside the library.
@pytest.mark.filterwarnings("ignore:Series.values:DeprecationWarning")
def test_every_session_of_the_table_equals_the_library() -> None:
    first, last = date(sessions.FIRST_YEAR, 1, 1), date(sessions.LAST_YEAR, 12, 31)
    calendar = exchange_calendars.get_calendar("XNYS", start=str(first), end=str(last))
    theirs = {
        str(label.date()): (opened, closed)
        for label, opened, closed in zip(
            calendar.schedule.index,
            calendar.opens_nanos.tolist(),
            calendar.closes_nanos.tolist(),
            strict=True,
        )
    }
    ours = {}
    for i in range((last - first).days + 1):
        session = sessions.session_of_date(str(first + timedelta(days=i)))
        if session is not None:
            ours[session.date] = (session.open_ns, session.close_ns)
    assert ours == theirs


def test_the_open_belongs_to_the_session_and_the_close_does_not() -> None:
    session = sessions.session_of_date("2026-01-02")
    assert session is not None
    assert sessions.session_at(session.open_ns - 1) is None
    assert sessions.session_at(session.open_ns) == session
    assert sessions.session_at(session.close_ns - 1) == session
    assert sessions.session_at(session.close_ns) is None


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-03-06", "2026-03-06T14:30", "2026-03-06T21:00"),  # Friday before summer time
        ("2026-03-09", "2026-03-09T13:30", "2026-03-09T20:00"),
        ("2026-10-30", "2026-10-30T13:30", "2026-10-30T20:00"),
        ("2026-11-02", "2026-11-02T14:30", "2026-11-02T21:00"),
        ("2026-11-27", "2026-11-27T14:30", "2026-11-27T18:00"),  # the day after Thanksgiving
        ("1974-01-07", "1974-01-07T13:30", "1974-01-07T20:00"),  # the oil crisis' early summer
    ],
)
def test_opens_and_closes_follow_new_york(day: str, opens: str, closes: str) -> None:
    session = sessions.session_of_date(day)
    assert session is not None
    assert (session.open_ns, session.close_ns) == (ns(opens), ns(closes))
    assert session.is_half_day == (day == "2026-11-27")


@pytest.mark.parametrize(
    "day", ["2001-09-11", "2012-10-29", "2025-01-09", "2026-07-03", "2026-01-03"]
)
def test_there_is_no_session_on_a_closed_day(day: str) -> None:
    assert sessions.session_of_date(day) is None
    assert sessions.session_at(ns(f"{day}T15:00")) is None


def test_the_next_session_skips_the_weekend() -> None:
    saturday = ns("2026-01-03T12:00")
    assert sessions.next_session(saturday).date == "2026-01-05"


def test_the_next_session_is_not_the_one_that_is_open() -> None:
    inside = ns("2026-01-05T15:00")
    assert sessions.next_session(inside).date == "2026-01-06"


def test_the_session_at_its_own_open_and_close() -> None:
    monday = sessions.session_of_date("2026-01-05")
    assert monday is not None
    assert sessions.next_session(monday.open_ns).date == "2026-01-06"
    assert sessions.session_of_utc_day(monday.close_ns) == monday


@pytest.mark.parametrize("ts_ns", [ns("1969-12-31T15:00"), ns("2070-01-02T15:00")])
def test_a_time_outside_the_table_is_an_error_with_the_years(ts_ns: int) -> None:
    with pytest.raises(DataError, match="covers 1970 to 2069"):
        sessions.session_at(ts_ns)


def test_a_date_that_is_none_is_an_error_with_the_text() -> None:
    with pytest.raises(DataError, match="'2026-02-30' is not a date"):
        sessions.session_of_date("2026-02-30")
