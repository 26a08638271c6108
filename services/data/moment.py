"""The clock message of a moment."""

from shared.domain.sessions import session_of_utc_day
from shared.messages.market import Clock


def clock_at(ts_ns: int) -> Clock:
    """Return the clock of a moment.

    At its close a session is no longer open but still named, so that the last bars of a day,
    known at that very moment, come with a clock that says whose day it was.
    """
    session = session_of_utc_day(ts_ns)
    if session is None or not session.open_ns <= ts_ns <= session.close_ns:
        return Clock(ts_ns=ts_ns)
    return Clock(ts_ns=ts_ns, session=session.date, is_open=ts_ns < session.close_ns)
