"""Who of several instances of one actor speaks.

Every instance handles the same inputs and makes the same outputs. The leader publishes them at
once. The others, its standbys, hold them back and compare each with what the leader put on the
lane; when an expected output has not come for `after_s`, a standby publishes its own. The fence
decides who was first: there is no lease, no election and no clock to compare. Whoever loses the
fence is a standby again, in place.
"""

TAKEOVER_S = 0.25  # of an instance that lost the fence, if it was configured to stand alone
BEHIND_FACTOR = 4.0


class Role:
    """Leader or standby. `after_s` 0: alone, the first to speak. Times are the event loop's."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._due_since_s: float | None = None
        self.leads = False

    @property
    def is_alone(self) -> bool:
        """True when it was configured without another instance, and has met none."""
        return not self._after_s

    def expect(self, now_s: float) -> None:
        """Note that an output is due, if none was."""
        if self._due_since_s is None:
            self._due_since_s = now_s

    def heard(self) -> None:
        """The lane has moved on: whoever leads is alive."""
        self._due_since_s = None

    def win(self) -> None:
        """Our output was taken."""
        self.leads = True
        self._due_since_s = None

    def lose(self) -> None:
        """Somebody else's output was taken."""
        self.leads = False
        self._after_s = self._after_s or TAKEOVER_S
        self._due_since_s = None

    def may_speak(self, now_s: float, *, is_behind: bool) -> bool:
        """Tell whether what is due may be published now.

        Who `is_behind` has not read the lane to its end: the output may stand there already.
        """
        if self.leads or not self._after_s:
            return True
        self.expect(now_s)
        return self.patience_s(now_s, is_behind=is_behind) <= 0

    def patience_s(self, now_s: float, *, is_behind: bool = False) -> float:
        """Return how long to wait for the leader yet, seconds."""
        if self._due_since_s is None:
            return self._after_s
        limit_s = self._after_s * BEHIND_FACTOR if is_behind else self._after_s
        return self._due_since_s + limit_s - now_s
