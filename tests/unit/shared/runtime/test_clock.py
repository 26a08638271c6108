"""The clock reads the machine's own."""

import time

from shared.runtime.clock import monotonic_s, now_ns


def test_wall_time_is_nanoseconds_since_the_epoch() -> None:
    assert abs(now_ns() - time.time_ns()) < 60_000_000_000


def test_monotonic_time_never_goes_back() -> None:
    moments = [monotonic_s() for _ in range(100)]
    assert moments == sorted(moments)
