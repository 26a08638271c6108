"""Which bucket a moment belongs to."""

from datetime import UTC, datetime

import pytest

from services.data.rules.buckets import Bucket, derive_bucket
from shared.domain.values import NS_PER_S, Timeframe


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("moment", "timeframe", "start", "end"),
    [
        # A winter session: 14:30 to 21:00 UTC.
        ("2026-01-05T14:30:00", Timeframe.M1, "2026-01-05T14:30", "2026-01-05T14:31"),
        ("2026-01-05T14:34:59", Timeframe.M5, "2026-01-05T14:30", "2026-01-05T14:35"),
        ("2026-01-05T15:29:59", Timeframe.H1, "2026-01-05T14:30", "2026-01-05T15:30"),
        ("2026-01-05T20:59:59", Timeframe.H1, "2026-01-05T20:30", "2026-01-05T21:00"),
        ("2026-01-05T17:00:00", Timeframe.D1, "2026-01-05T14:30", "2026-01-05T21:00"),
        # A summer session starts an hour earlier.
        ("2026-07-06T13:30:00", Timeframe.H1, "2026-07-06T13:30", "2026-07-06T14:30"),
        # A half day ends at 18:00.
        ("2026-11-27T17:45:00", Timeframe.H1, "2026-11-27T17:30", "2026-11-27T18:00"),
        ("2026-11-27T17:45:00", Timeframe.D1, "2026-11-27T14:30", "2026-11-27T18:00"),
        # Extended hours follow UTC and stop at the session.
        ("2026-01-05T14:10:00", Timeframe.H1, "2026-01-05T14:00", "2026-01-05T14:30"),
        ("2026-11-27T18:10:00", Timeframe.H1, "2026-11-27T18:00", "2026-11-27T19:00"),
        ("2026-01-04T14:10:00", Timeframe.H1, "2026-01-04T14:00", "2026-01-04T15:00"),
    ],
)
def test_a_bucket_follows_the_session(
    moment: str, timeframe: Timeframe, start: str, end: str
) -> None:
    assert derive_bucket(ns(moment), timeframe) == Bucket(ns(start), ns(end))


@pytest.mark.parametrize(
    "moment", ["2026-01-05T14:29:59", "2026-01-05T21:00:00", "2026-01-04T15:00:00"]
)
def test_no_daily_bar_covers_extended_hours(moment: str) -> None:
    assert derive_bucket(ns(moment), Timeframe.D1) is None
