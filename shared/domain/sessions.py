"""The exchange clock: when XNYS, the New York Stock Exchange, is open.

A session is a half-open interval [open, close) of UTC nanoseconds that lies within one UTC day,
named by its New York date. Everything is looked up in a generated table: no clock, no time zone
database, no I/O. The table ends with the years `FIRST_YEAR` and `LAST_YEAR`; a time outside them
is a DataError, because silence would look like a holiday.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache

from msgspec import Struct

from shared.domain.errors import DataError
from shared.domain.sessions_table import BY_YEAR
from shared.domain.values import NS_PER_S

NS_PER_DAY = 86_400 * NS_PER_S
FIRST_YEAR, LAST_YEAR = min(BY_YEAR), max(BY_YEAR)

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal() - _EPOCH
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal() - _EPOCH
_SATURDAY = 5
_NS_PER_HOUR = 3_600 * NS_PER_S
_OPEN_NS = 9 * _NS_PER_HOUR + _NS_PER_HOUR // 2  # 09:30 New York time
_CLOSE_HOUR = 16
_WINTER_OFFSET_HOURS, _SUMMER_OFFSET_HOURS = 5, 4
_DAYS_REMEMBERED = 4_096  # sixteen years of sessions, under 1 MB


class Session(Struct, frozen=True):
    """One trading day: `date` in New York (YYYY-MM-DD), [open_ns, close_ns) in UTC."""

    date: str
    open_ns: int
    close_ns: int
    is_half_day: bool

    def holds(self, ts_ns: int) -> bool:
        """Tell whether the exchange is open for regular trading at that moment."""
        return self.open_ns <= ts_ns < self.close_ns


def session_at(ts_ns: int) -> Session | None:
    """Return the session that is open at that moment, None when the exchange is closed."""
    session = _session_of_day(ts_ns // NS_PER_DAY)
    if session is not None and session.open_ns <= ts_ns < session.close_ns:
        return session
    return None


def session_of_date(date_text: str) -> Session | None:
    """Return the session of a New York date (YYYY-MM-DD), None when there is none that day."""
    try:
        day = date.fromisoformat(date_text).toordinal() - _EPOCH
    except ValueError:
        raise DataError(f"{date_text!r} is not a date: YYYY-MM-DD is expected") from None
    return _session_of_day(day)


def session_of_utc_day(ts_ns: int) -> Session | None:
    """Return the session that lies within the UTC day of that moment, open or not."""
    return _session_of_day(ts_ns // NS_PER_DAY)


def next_session(ts_ns: int) -> Session:
    """Return the first session that opens after that moment."""
    return next(s for s in _sessions_from(ts_ns // NS_PER_DAY) if s.open_ns > ts_ns)


def _sessions_from(day: int) -> Iterator[Session]:
    while True:
        session = _session_of_day(day)
        if session is not None:
            yield session
        day += 1


@lru_cache(maxsize=_DAYS_REMEMBERED)
def _session_of_day(day: int) -> Session | None:
    """Return the session of a day, counted from 1970-01-01."""
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise DataError(
            f"a time {day - _LAST_DAY if day > _LAST_DAY else _FIRST_DAY - day} days outside the"
            f" exchange calendar, which covers {FIRST_YEAR} to {LAST_YEAR}"
        )
    on = date.fromordinal(day + _EPOCH)
    year = _year(on.year)
    month_day = f"{on.month:02}{on.day:02}"
    if on.weekday() >= _SATURDAY or month_day in year.closed:
        return None
    is_summer = year.summer_from <= month_day <= year.summer_to
    offset_ns = (_SUMMER_OFFSET_HOURS if is_summer else _WINTER_OFFSET_HOURS) * _NS_PER_HOUR
    midnight_ns = day * NS_PER_DAY + offset_ns  # New York's
    close_hour = year.early.get(month_day, _CLOSE_HOUR)
    return Session(
        date=on.isoformat(),
        open_ns=midnight_ns + _OPEN_NS,
        close_ns=midnight_ns + close_hour * _NS_PER_HOUR,
        is_half_day=close_hour != _CLOSE_HOUR,
    )


class _Year(Struct, frozen=True):
    """One line of the table, unpacked; days are MMDD."""

    closed: frozenset[str]
    early: dict[str, int]
    summer_from: str
    summer_to: str


@cache
def _year(year: int) -> _Year:
    closed, early, summer = BY_YEAR[year]
    closes = (entry.split("@") for entry in early.split())
    first, last = summer.split()
    return _Year(
        closed=frozenset(closed.split()),
        early={month_day: int(hour) for month_day, hour in closes},
        summer_from=first,
        summer_to=last,
    )
