"""What goes wrong in a round, drawn from its seed: the odds of each fault, and its story."""

from collections import Counter
from enum import StrEnum
from random import Random


class Fate(StrEnum):
    """What becomes of one request."""

    FAIR = "fair"
    LOST_REQUEST = "lost request"
    LOST_ACK = "lost ack"
    TWICE = "delivered twice"
    LATE = "arrives after its timeout"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"


class Weather:
    """The odds of one round. `calm` ends all faults, so that what is under way can come to rest.

    A mild round has few kinds of faults and a wild one all of them; most bugs need two.
    """

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.story: list[str] = []
        self.counts: Counter[str] = Counter()
        self.is_calm = False
        scale = draw.choice((0.0, 0.01, 0.03, 0.06))
        self._odds = [
            (fate, scale * draw.choice((0.0, 0.3, 1.0))) for fate in Fate if fate is not Fate.FAIR
        ]
        self._bad = sum(odds for _, odds in self._odds)
        self.hop_s = draw.choice((0.0002, 0.001, 0.005))
        self.lag_s = draw.choice((0.0, 0.002, 0.05))
        self.gap_odds = draw.choice((0.0, 0.002, 0.01))

    def fair(self) -> "Weather":
        """Return the weather of who is spared all faults, in the same story."""
        fair = Weather(Random(self.draw.random()))
        fair.is_calm, fair.story = True, self.story
        return fair

    def fate(self) -> Fate:
        """Draw what becomes of a request."""
        if self.is_calm:
            return Fate.FAIR
        drawn = self.draw.random()
        if drawn >= self._bad:
            return Fate.FAIR
        for fate, odds in self._odds:
            drawn -= odds
            if drawn < 0:
                return fate
        return Fate.FAIR

    def hop(self) -> float:
        """Draw how long a message is on its way, seconds; now and then much longer."""
        draw = self.draw
        if not self.is_calm and draw.random() < 0.01:
            return self.hop_s * draw.uniform(5, 50)
        return self.hop_s * draw.uniform(0.2, 1.5)

    def happens(self, odds: float) -> bool:
        """Tell whether something of these odds happens now."""
        return not self.is_calm and odds > 0 and self.draw.random() < odds

    def tell(self, now_s: float, what: str) -> None:
        """Add a fault to the story."""
        self.story.append(f"{now_s:9.4f} s  {what}")
