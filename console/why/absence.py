"""Why nothing happened: the strategy as it stood at that moment, and what kept it from trading.

The strategy's own core is run over the recorded inputs up to that moment, so its values are those
it looked at, not those of a reconstruction.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from msgspec import Struct

from console.configuration import DeskConfiguration
from console.describe import describe, moment
from console.in_process import actors_of
from console.replay.recorded import Survey, desk_of, survey
from console.tape_source import everything
from console.why.knowledge import Notebook, values_of
from services.strategy.config import StrategySettings
from services.strategy.core import StrategyCore
from services.strategy.shards import actor_name, shard_of
from shared.domain.errors import ConfigurationError
from shared.domain.sessions import session_at
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.decisions import Approved, Denied, Halted, Resumed
from shared.messages.market import Bar, Clock, MarketStatus
from shared.messages.signals import Signal, Suppressed
from shared.runtime.replay import Replay
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape


class Reason(Struct, frozen=True):
    """One strategy's answer: a code for programs, a sentence, and the values it looked at."""

    strategy: str
    code: str
    sentence: str
    values: list[str]


class Absence(Struct, frozen=True):
    """What was asked, the slice that was known then, and the reasons."""

    symbol: str
    asked_ns: int
    slice_ns: int
    seq: int
    notes: list[str]
    reasons: list[Reason]


class _Window(NamedTuple):
    """The tape around a moment: everything up to a slice's clock, and up to the next clock."""

    clock: Clock
    entries: list[Entry]
    after: list[Entry]

    @property
    def is_followed(self) -> bool:
        """True when the tape has a later clock."""
        return bool(self.after) and self.after[-1].subject.endswith(".clock")

    def silence(self, asked_ns: int, timeframe: Timeframe) -> tuple[str, str] | None:
        """Return why no bar could have come at the time asked for, None when one could."""
        if asked_ns - self.clock.ts_ns <= timeframe.seconds * NS_PER_S:
            return None
        newest = f"the newest data before is of {moment(self.clock.ts_ns)}"
        if not self.is_followed:
            return "tape_ended", f"the tape ends before that time: {newest}"
        if session_at(asked_ns) is None:
            return "closed", f"the exchange was closed then: {newest}"
        after = moment(self.after[-1].open()[0].ts_ns)
        return "no_data_then", f"no data came then: {newest}, the next of {after}"

    def said(self) -> Iterator[tuple[Entry, Message]]:
        """Yield what was said about this slice: live, an answer may come before its clock."""
        near = takewhile(lambda one: not one.subject.endswith(".clock"), self.entries[-2::-1])
        for entry in (*reversed(list(near)), *self.after):
            stamp, message = entry.open()
            if stamp.ts_ns == self.clock.ts_ns:
                yield entry, message


async def why_not(tape: ReadableTape, symbol: str, asked_ns: int, strategy: str | None) -> Absence:
    """Return why no order in `symbol` went out at a market time, by strategy.

    Raises ConfigurationError for a strategy that the tape does not know and a time it does not
    reach.
    """
    found = await survey(tape)
    desk = desk_of(found.certificates)
    names = sorted(desk.strategies) if strategy is None else [strategy]
    if strategy is not None and strategy not in desk.strategies:
        known = ", ".join(sorted(desk.strategies)) or "none"
        raise ConfigurationError(f"no strategy {strategy!r} on this tape; it knows {known}")
    window = await _window(tape, asked_ns)
    lanes = {name: _lane(name, desk.strategies[name], symbol) for name in names}
    notebook = Notebook(symbol)
    cores = _cores(tape, desk, found, window, set(lanes.values()), notebook)
    return Absence(
        symbol=symbol,
        asked_ns=asked_ns,
        slice_ns=window.clock.ts_ns,
        seq=window.entries[-1].seq,
        notes=list(_notes(window, symbol, asked_ns)),
        reasons=[
            _reason(
                _Question(name, desk.strategies[name], symbol, asked_ns),
                cores.get(lanes[name]),
                window,
                notebook,
            )
            for name in names
        ],
    )


async def _window(tape: ReadableTape, asked_ns: int) -> _Window:
    entries: list[Entry] = []
    since: list[Entry] = []
    clock: Clock | None = None
    async for entry in everything(tape, (await tape.bounds()).last):
        since.append(entry)
        if entry.subject.endswith(".clock"):
            message = entry.open()[1]
            assert isinstance(message, Clock)
            if message.ts_ns > asked_ns:
                break
            clock = message
            entries += since
            since = []
    if clock is None:
        raise ConfigurationError(f"the tape begins after {moment(asked_ns)} UTC")
    return _Window(clock, entries, since)


def _lane(name: str, settings: StrategySettings, symbol: str) -> str:
    shard = shard_of(symbol, settings.shards)
    return f"strategy.{actor_name(name, shard, settings.shards)}"


def _cores(
    tape: ReadableTape,
    desk: DeskConfiguration,
    found: Survey,
    window: _Window,
    lanes: set[str],
    notebook: Notebook,
) -> dict[str, StrategyCore]:
    actors = [
        actor for actor in actors_of(desk, tape.id, found.native) if str(actor.core.lane) in lanes
    ]
    for actor in actors:
        found.foretell(actor.core)
    run = Replay(tape.id, actors, found.certificates)
    run.handle = notebook.handle
    for entry in window.entries:
        run.feed(entry)
    return {lane: core for lane, core in run.cores.items() if isinstance(core, StrategyCore)}


class _Question(NamedTuple):
    """Why did this strategy not trade this symbol at this time?"""

    name: str
    settings: StrategySettings
    symbol: str
    asked_ns: int


def _reason(
    asked: _Question, core: StrategyCore | None, window: _Window, notebook: Notebook
) -> Reason:
    values: list[str] = []
    if core is not None:
        noted = notebook.newest.get(str(core.lane))
        values = list(values_of(core, asked.symbol, noted, window.clock.ts_ns))
    for code, sentence in _causes(asked, core, window):
        return Reason(asked.name, code, sentence, values)
    return Reason(asked.name, "no_wish", "it looked, and wished for nothing", values)


def _causes(
    asked: _Question, core: StrategyCore | None, window: _Window
) -> Iterator[tuple[str, str]]:
    """Yield what kept it from trading, the nearest first."""
    name, settings, symbol, asked_ns = asked
    timeframe = core.strategy.timeframe if core else settings.timeframe
    silence = window.silence(asked_ns, Timeframe(timeframe or Timeframe.M1))
    if silence is None:
        yield from _said(name, window, symbol)
    if "*" not in settings.symbols and symbol not in settings.symbols:
        yield "not_subscribed", f"it trades {', '.join(settings.symbols)} only"
    if core is None:
        yield "not_born", "it did not exist yet"
        return
    state = core.state
    if state.is_quarantined:
        yield "quarantined", "it was quarantined after its code failed"
    if not state.is_active:
        yield "inactive", "it was not active"
    if silence is not None:
        yield silence
    yield from _of_symbol(core, window, symbol)


def _of_symbol(core: StrategyCore, window: _Window, symbol: str) -> Iterator[tuple[str, str]]:
    """Yield what of the symbol itself kept an active strategy from trading it."""
    state = core.state
    bar = _newest_bar(core, window.entries, symbol)
    if bar is None:
        yield "no_data", f"no {core.strategy.timeframe} bar of {symbol} had come by then"
    elif bar.open()[0].ts_ns != window.clock.ts_ns:
        yield (
            "no_bar",
            (
                f"no {core.strategy.timeframe} bar of {symbol} ended then: its newest was"
                f" {describe(bar.open()[1])}, message {bar.seq:,}"
            ),
        )
    muted = state.muted.get(symbol)
    if muted is not None:
        yield (
            "suppressed",
            f"its wish to {muted.intent} {muted.side} was still held back: {muted.code}",
        )
    pending = state.pending.get(symbol)
    if pending is not None:
        yield "under_way", f"its last wish to {pending.intent} {pending.side} was still under way"


def _said(name: str, window: _Window, symbol: str) -> Iterator[tuple[str, str]]:
    for entry, message in window.said():
        match message:
            case Denied(strategy_id=by, symbol=of) if (by, of) == (name, symbol):
                yield "denied", f"risk denied it: {describe(message)}; `why {entry.seq}` has all"
            case Approved(strategy_id=by, symbol=of) if (by, of) == (name, symbol):
                yield "approved", f"it did trade: {describe(message)}; `why {entry.seq}` has all"
            case Suppressed(strategy_id=by, symbol=of) if (by, of) == (name, symbol):
                yield "suppressed", f"its wish was held back: {describe(message)}"
            case Signal(strategy_id=by, symbol=of) if (by, of) == (name, symbol):
                yield from _unanswered(entry, window.after)
            case _:
                continue


def _unanswered(signal: Entry, after: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    if all(entry.cause != signal.seq for entry in after):
        yield "unanswered", f"it signalled at {signal.seq:,}, and risk had not answered yet"


def _newest_bar(core: StrategyCore, entries: Sequence[Entry], symbol: str) -> Entry | None:
    for entry in reversed(entries):
        if ".bar." not in entry.subject:
            continue
        bar = entry.open()[1]
        if isinstance(bar, Bar) and (bar.symbol, bar.timeframe) == (
            symbol,
            core.strategy.timeframe,
        ):
            return entry
    return None


def _notes(window: _Window, symbol: str, asked_ns: int) -> Iterator[str]:
    """Yield what held for the whole desk."""
    if asked_ns > window.clock.ts_ns and not window.is_followed:
        yield "the tape ends before the time that was asked for"
    if not window.clock.is_open:
        yield "the market was closed"
    halted: Entry | None = None
    status: MarketStatus | None = None
    for entry in window.entries:
        _, _, event, *_ = entry.subject.split(".", 3)
        if event not in ("halted", "resumed", "status"):
            continue
        message = entry.open()[1]
        match message:
            case Halted():
                halted = entry
            case Resumed():
                halted = None
            case MarketStatus(symbol=of) if of == symbol:
                status = message
            case _:
                continue
    if halted is not None:
        yield f"the desk was halted at {halted.seq:,}: {describe(halted.open()[1])}"
    if status is not None and status.halted:
        yield f"{symbol} was halted: {status.reason or 'no reason was given'}"
