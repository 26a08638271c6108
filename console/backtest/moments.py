"""Moments as people write them."""

from datetime import UTC, date, datetime, time, timedelta

from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S


def moment_of(text: str | None, option: str, *, is_end: bool) -> int | None:
    """Return a date (the whole day) or a time, UTC unless it says otherwise, in nanoseconds."""
    if text is None:
        return None
    try:
        try:
            day = date.fromisoformat(text) + timedelta(days=int(is_end))
            moment = datetime.combine(day, time(), UTC)
        except ValueError:
            moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r}: a date or a time is expected, as in 2025-05-12 or"
            " 2025-05-12T15:30Z"
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * NS_PER_S


def spell(ts_ns: int) -> str:
    """Return a time in nanoseconds as text, to the minute."""
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
