"""The only place that reads a clock. Cores never import it: their time stands on the tape."""

import time


def now_ns() -> int:
    """Return wall time in nanoseconds since the epoch, UTC. It may step; it never sorts."""
    return time.time_ns()


def monotonic_s() -> float:
    """Return seconds since an arbitrary moment; never goes back. For durations and staleness."""
    return time.monotonic()
