"""What may leave the tape, and how it leaves without hurting what stays.

Trimming removes what lies before a sequence, except what the tape still needs from there: the
last message of every lane (its fence), birth certificates, and every command. How far it may go
is for the caller to find out (snapshots, the ledger's cursor); this removes it lane by lane.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from nats.aio.client import Client

from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S
from shared.subjects import LANES, Lane, parse
from shared.tape.administration import (
    StreamInfo,
    purge,
    set_metadata,
    stream_info,
)
from shared.tape.interface import ReadableTape
from shared.tape.marks import TRIMMED_BEFORE, marks_of, with_kept_days

READ_S = 5.0
NS_PER_DAY = 86_400 * NS_PER_S
_KEPT_SERVICES = ("control",)  # commands in force; there are few, and they are the record of people
_KEPT_EVENTS = ("state",)  # birth certificates


class HistoryMissingError(ConfigurationError):
    """Messages that an actor would have to handle are not on the tape any more.

    Trying again does not bring them back: a service that ends with this is not started again.
    """


class Cut(Struct, frozen=True):
    """What a filter covers before a sequence is removed."""

    pattern: str
    before_seq: int


async def refuse_half_history(
    tape: ReadableTape, lane: Lane, start_seq: int, *, now_ns: int
) -> None:
    """Raise HistoryMissingError when the tape is not whole from `start_seq` on.

    For who is about to build a state from there: half a history makes another state, silently.
    """
    bounds = await tape.bounds()
    where = f"{lane} has to read the tape from message {start_seq:,} on"
    advice = (
        "start the release and configuration that its newest snapshot was made by, or import an"
        " archive of the whole tape into a new state folder (`tapedeck tape import`)"
    )
    if start_seq < bounds.trimmed_before <= bounds.last + 1:
        raise HistoryMissingError(
            f"{where}, but it was trimmed up to {bounds.trimmed_before:,}: {advice}"
        )
    if not bounds.kept_days or start_seq > bounds.last:
        return
    async with tape.reader(LANES, start_seq) as reader:
        entry = await reader.next(READ_S)
    if entry is not None and now_ns - entry.recorded_ns > bounds.kept_days * NS_PER_DAY:
        raise HistoryMissingError(
            f"{where}, but market data is kept for {bounds.kept_days:g} days only: {advice}"
        )


def plan_cuts(subjects: Iterable[str], before_seq: int, ends: Mapping[Lane, int]) -> list[Cut]:
    """Return how to remove what lies before a sequence.

    `ends` holds for every lane the message that must stay at least: its last one, or an earlier
    one that a snapshot rests on.
    """
    wanted: dict[str, int] = {}
    for subject in subjects:
        lane, event, detail = parse(subject)
        if lane.service in _KEPT_SERVICES or event in _KEPT_EVENTS:
            continue
        pattern = f"{lane}.{event}.>" if detail else f"{lane}.{event}"
        wanted[pattern] = min(before_seq, ends[lane])
    return [Cut(pattern, seq) for pattern, seq in sorted(wanted.items()) if seq > 1]


async def trim(client: Client, info: StreamInfo, cuts: Iterable[Cut], before_seq: int) -> int:
    """Remove, and remember up to where; return how many messages went.

    Interrupted, it is completed by the same call: the mark comes first.
    """
    metadata = info.metadata
    mark = max(before_seq, marks_of(metadata).trimmed_before)
    await set_metadata(client, info, metadata | {TRIMMED_BEFORE: str(mark)})
    removed = 0
    for cut in cuts:
        removed += await purge(client, cut.pattern, cut.before_seq)
    return removed


async def keep_market_data(client: Client, days: float | None) -> None:
    """Have market data to come expire after so many days; None: never."""
    info = await stream_info(client)
    if info is None:
        return
    wanted = with_kept_days(info.metadata, days)
    if wanted != info.metadata:
        await set_metadata(client, info, wanted)
