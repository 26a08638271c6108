"""Where the bars that strategies were given are not those that a rerun builds from the same feed.

The feed's own messages are the same in both: what can differ is what was built from them live (a
late tick, a grace period, a restart in the middle of a bar). Whoever reads such a bar decides by
other data from there on, for his indicators remember it.
"""

from collections.abc import Iterable, Mapping

from shared.core import Stamp
from shared.messages.base import Message
from shared.messages.market import Bar
from shared.subjects import AGGREGATED
from shared.tape.entry import Entry

type Series = tuple[str, str]
"""Symbol and timeframe."""

_PREFIX = f"{AGGREGATED}.bar."


class Rebuilt:
    """Writes down built bars: of a rerun as its listener, of a tape message by message."""

    reads = (f"{_PREFIX}>",)

    def __init__(self) -> None:
        self.bars: dict[tuple[Series, int], Bar] = {}

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Take one message."""
        if isinstance(message, Bar):
            self.bars[(message.symbol, str(message.timeframe)), stamp.ts_ns] = message
        return ()


def first_differences(recorded: Iterable[Entry], rebuilt: Rebuilt) -> Mapping[Series, int]:
    """Return from when on (ns, UTC) each series of built bars is another one than was recorded."""
    held = Rebuilt()
    for entry in recorded:
        if entry.subject.startswith(_PREFIX):
            held.handle(*entry.open())
    found: dict[Series, int] = {}
    for place in {**held.bars, **rebuilt.bars}:
        if held.bars.get(place) != rebuilt.bars.get(place):
            series, ts_ns = place
            found[series] = min(ts_ns, found.get(series, ts_ns))
    return found
