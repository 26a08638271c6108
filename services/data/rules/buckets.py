"""Which interval a moment belongs to: bars follow the exchange's session, not the wall clock.

Within a session buckets are counted from its open (an hourly bar starts at 09:30 New York time)
and the last one is cut at the close. Outside sessions they are aligned to UTC and cut where a
session begins or ends. A daily bar is the session; extended hours belong to no daily bar. So
every boundary of a longer timeframe is one of each shorter timeframe too.
"""

from typing import NamedTuple

from shared.domain.sessions import session_of_utc_day
from shared.domain.values import NS_PER_S, Timeframe


class Bucket(NamedTuple):
    """The interval [start_ns, end_ns) of one bar."""

    start_ns: int
    end_ns: int


def derive_bucket(ts_ns: int, timeframe: Timeframe) -> Bucket | None:
    """Return the bucket of a moment, None when no bar of that timeframe covers it."""
    session = session_of_utc_day(ts_ns)
    length_ns = timeframe.seconds * NS_PER_S
    if session is not None and session.open_ns <= ts_ns < session.close_ns:
        if timeframe is Timeframe.D1:
            return Bucket(session.open_ns, session.close_ns)
        start_ns = ts_ns - (ts_ns - session.open_ns) % length_ns
        return Bucket(start_ns, min(start_ns + length_ns, session.close_ns))
    if timeframe is Timeframe.D1:
        return None
    start_ns = ts_ns - ts_ns % length_ns
    end_ns = start_ns + length_ns
    if session is None:
        return Bucket(start_ns, end_ns)
    if ts_ns < session.open_ns:
        return Bucket(start_ns, min(end_ns, session.open_ns))
    return Bucket(max(start_ns, session.close_ns), end_ns)
