"""What a tape's stream says about itself in its metadata, beside the tape's id.

`trim` notes up to where messages may be missing, `market_data_kept_days` how long market data
stays, an import how far the tape's own times stand in a header instead of in the server's.
"""

from collections.abc import Mapping

from msgspec import Struct

from shared.subjects import parse
from shared.tape.entry import Outgoing

TRIMMED_BEFORE = "tapedeck-trimmed-before"
KEPT_DAYS = "tapedeck-market-data-kept-days"
KEPT_DAYS_SHORTEST = "tapedeck-market-data-kept-days-shortest"
IMPORTING = "tapedeck-importing"  # the id of the tape whose import is not finished
IMPORTED_TO = "tapedeck-imported-to"
RECORDED = "Tape-Recorded"
_TTL = "Nats-TTL"
_S_PER_DAY = 86_400.0
# What arrives at a high rate. A slice or a second of a feed ends with a `clock`, which stays, so
# that a lane's last message, its fence, is never one that expires.
_EXPIRING = ("bar", "quote", "trade", "news", "chain")


class Marks(Struct, frozen=True):
    """`kept_days` is for messages to come; `kept_days_shortest` what ever was in force. 0: none."""

    trimmed_before: int = 1
    kept_days: float = 0.0
    kept_days_shortest: float = 0.0
    imported_to: int = 0
    importing: str = ""

    def expiry(self, out: Outgoing) -> dict[str, str]:
        """Return the header that lets a message expire, none for what stays.

        Only what nothing on the tape caused: an actor's own outputs are what its next start
        compares with.
        """
        if not self.kept_days or out.cause or not out.subject.startswith("data."):
            return {}
        if parse(out.subject).event not in _EXPIRING:
            return {}
        return {_TTL: f"{max(round(self.kept_days * _S_PER_DAY), 1)}s"}


def marks_of(metadata: Mapping[str, str]) -> Marks:
    """Return what a stream's metadata says."""
    return Marks(
        trimmed_before=int(metadata.get(TRIMMED_BEFORE, 1)),
        kept_days=float(metadata.get(KEPT_DAYS, 0)),
        kept_days_shortest=float(metadata.get(KEPT_DAYS_SHORTEST, 0)),
        imported_to=int(metadata.get(IMPORTED_TO, 0)),
        importing=metadata.get(IMPORTING, ""),
    )


def with_kept_days(metadata: Mapping[str, str], days: float | None) -> dict[str, str]:
    """Return metadata under which market data to come is kept so long; None: for ever.

    What was published under a shorter limit expires all the same: the shortest is remembered.
    """
    shortest = marks_of(metadata).kept_days_shortest
    changed = {key: value for key, value in metadata.items() if key != KEPT_DAYS}
    if days:
        changed[KEPT_DAYS] = f"{days:g}"
        changed[KEPT_DAYS_SHORTEST] = f"{min(days, shortest) if shortest else days:g}"
    return changed
