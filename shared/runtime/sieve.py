"""The second sieve for market data that several instances publish side by side.

The server drops repeated message ids within two minutes. This one works by tape order and has
no window: a message not newer than the last of its subject (feed, kind, symbol) is dropped. It
is part of what an actor handled, so its state belongs into the actor's snapshot.
"""

from shared.tape.entry import Entry


class MarketSieve:
    """Remembers the newest time of each market subject. Fenced feeds need no sieve."""

    def __init__(self, newest_ns: dict[str, int] | None = None) -> None:
        self.newest_ns = newest_ns or {}

    def lets_through(self, entry: Entry, ts_ns: int) -> bool:
        """Tell whether a core should see the entry; remembers it if so."""
        if entry.fenced or not entry.subject.startswith("data."):
            return True
        if ts_ns <= self.newest_ns.get(entry.subject, -1):
            return False
        self.newest_ns[entry.subject] = ts_ns
        return True
