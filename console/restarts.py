"""How often a process of the desk may end within a minute before the desk gives it up."""

from collections import deque

WINDOW_S = 60.0
PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 3.0


class Restarts:
    """Counts the restarts of one process."""

    def __init__(self, per_minute_max: int) -> None:
        self._per_minute_max = per_minute_max
        self._recent: deque[float] = deque()

    def next_pause_s(self, now_s: float) -> float | None:
        """Count one more; return how long to wait before it, None when it is one too many."""
        while self._recent and self._recent[0] < now_s - WINDOW_S:
            self._recent.popleft()
        if len(self._recent) >= self._per_minute_max:
            return None
        self._recent.append(now_s)
        pause_s: float = min(PAUSE_MIN_S * 2 ** (len(self._recent) - 1), PAUSE_MAX_S)
        return pause_s
