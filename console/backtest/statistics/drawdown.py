"""How deep and how long an account was below its peak."""

import numpy as np
from msgspec import Struct

from console.backtest.result import Floats, Times


class Drawdown(Struct, frozen=True):
    """The deepest fall: a negative fraction of the peak, and when it began, hit bottom and ended.

    `recovery_ns` is None while the peak was not reached again; `longest_s` is the longest time
    below any peak, also of another fall.
    """

    depth: float
    peak_ns: int
    trough_ns: int
    recovery_ns: int | None
    longest_s: float


def underwater(equity: Floats, start: float) -> Floats:
    """Return, (n,), how far below its highest value so far an account stands; 0 to -1."""
    peak = np.maximum(np.maximum.accumulate(equity), start)
    below: Floats = equity / peak - 1.0
    return below


def deepest(times_ns: Times, equity: Floats, start: float) -> Drawdown | None:
    """Return the deepest drawdown of an account that began at `start`; None when it never fell."""
    below = underwater(equity, start)
    if not len(below) or below.min() >= 0:
        return None
    trough = int(below.argmin())
    at_peak = np.flatnonzero(below >= 0)
    before, after = at_peak[at_peak < trough], at_peak[at_peak > trough]
    return Drawdown(
        depth=float(below[trough]),
        peak_ns=int(times_ns[before[-1]] if len(before) else times_ns[0]),
        trough_ns=int(times_ns[trough]),
        recovery_ns=int(times_ns[after[0]]) if len(after) else None,
        longest_s=_longest_s(times_ns, at_peak),
    )


def _longest_s(times_ns: Times, at_peak: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
    marks = np.concatenate(([times_ns[0]], times_ns[at_peak], [times_ns[-1]]))
    return float(np.diff(marks).max()) / 1e9
