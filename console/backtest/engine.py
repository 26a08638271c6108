"""A backtest: the desk's own cores in this process, from bars to a `Result`.

`run` has no state of its own and changes nothing outside: call it as often as you like, in one
process or in many. The result is that of `tapedeck up --until-done` on the same files under the
same configuration, to the sequence of the last fill.
"""

import time
from collections.abc import Callable, Sequence

from console.backtest.curves import curve_of, prices_of
from console.backtest.notebook import Notebook
from console.backtest.result import Result
from console.backtest.timeline import Timeline
from console.backtest.unread import SilentAggregator
from console.collector import without_collector
from console.configuration import DeskConfiguration
from console.in_process import actors_of, books_of
from services.data.files.bars import Bars, between
from services.data.files.source import FileSource
from services.ledger import books
from services.strategy.assembly import strategy_lanes
from services.strategy.catalogue import resolve
from shared.domain.values import Timeframe
from shared.messages.decisions import Approved, Denied
from shared.messages.orders import Filled, Submitting
from shared.messages.signals import Signal
from shared.runtime.actor import Actor
from shared.runtime.drain import Drain
from shared.runtime.playback import Playback
from shared.runtime.routes import Listener
from shared.subjects import AGGREGATED, lane

BARS_PER_REPORT = 4_096
NO_TAPE = "0" * 16

type Progress = Callable[[int], bool]
"""Is told the time reached now and then; False ends the run there, after a whole slice."""


def run(
    desk: DeskConfiguration,
    data: FileSource | Bars | Timeline,
    *,
    tape_id: str = NO_TAPE,
    from_ns: int = 0,
    until_ns: int | None = None,
    on_progress: Progress | None = None,
    listeners: Sequence[Listener] = (),
) -> Result:
    """Play bars that end in [from_ns, until_ns] and return what came of it.

    A `Timeline` saves the work of finding the slices when the same bars are played many times.
    `tape_id` enters into the ids of orders, and into nothing else. `listeners` hear what they
    read, after everybody else. Raises ConfigurationError for a strategy that cannot be made.
    """
    started_s = time.perf_counter()
    timeline = _timeline(data, from_ns, until_ns)
    stage = _Stage(desk, timeline, tape_id, listeners)
    with without_collector():
        is_complete = stage.play(on_progress)
    return stage.result(is_complete=is_complete, seconds=time.perf_counter() - started_s)


def _timeline(data: FileSource | Bars | Timeline, from_ns: int, until_ns: int | None) -> Timeline:
    if isinstance(data, Timeline):
        if not from_ns and until_ns is None:
            return data
        data = data.bars
    bars = data.bars if isinstance(data, FileSource) else data
    return Timeline(between(bars, from_ns, until_ns))


class _Stage:
    """One run."""

    def __init__(
        self,
        desk: DeskConfiguration,
        timeline: Timeline,
        tape_id: str,
        listeners: Sequence[Listener],
    ) -> None:
        self._desk = desk
        self._timeline = timeline
        self._tape_id = tape_id
        self._ledger = books_of(desk)
        actors = actors_of(desk, tape_id, timeline.bars.timeframe, self._ledger)
        unread: Sequence[Timeframe] = ()
        if _is_alone(desk, timeline.bars.timeframe):
            unread = desk.data.timeframes
            actors = [silenced(actor) for actor in actors]
        self._notebook = Notebook(desk.book, self._price_of)
        self._drain = Drain(actors, tape_id, listeners=[self._notebook, *listeners])
        self._playback = Playback(self._drain, lane("data", "file"), timeline.blocks(unread))
        self._slices = 0
        bars_per_slice = len(timeline.bars.end_ns) / max(len(timeline.ts_ns), 1)
        self._report_every = max(1, round(BARS_PER_REPORT / max(bars_per_slice, 1.0)))

    def play(self, on_progress: Progress | None) -> bool:
        """Play to the end; False when it was stopped before."""
        notebook, state = self._notebook, self._ledger.state
        self._drain.be_born()
        told = 0
        is_complete = True
        for slices, ts_ns in self._playback.play():
            if notebook.is_touched:
                notebook.settle(ts_ns, state)
            if on_progress is not None and slices - told >= self._report_every:
                told = slices
                if not on_progress(ts_ns):
                    is_complete = slices == len(self._timeline.ts_ns)
                    break
        self._playback.settle()
        self._slices = slices if not is_complete else len(self._timeline.ts_ns)
        return is_complete

    def result(self, *, is_complete: bool, seconds: float) -> Result:
        """Return what was found."""
        rows = int(self._timeline.first_row[self._slices])
        prices = prices_of(self._timeline.bars, rows)
        changes = self._notebook.changes
        return Result(
            document=self._document(rows, seconds),
            starting_cash=self._desk.execution.paper.starting_cash,
            currency=self._desk.execution.paper.currency,
            curve=curve_of(self._timeline, self._slices, changes, prices),
            prices=prices,
            fills=self._notebook.fills,
            charges=self._notebook.charges,
            is_complete=is_complete,
        )

    def _document(self, bars: int, seconds: float) -> dict[str, object]:
        drain, state, book = self._drain, self._ledger.state, self._desk.book
        risk, execution = lane("risk", book), lane("execution", book)
        strategies = strategy_lanes(self._desk.strategies)
        equity = state.totals.cash + books.value(state).market_value
        held = {s: q for s, q in sorted(books.holdings(state).items()) if q}
        faults = list(books.faults(state))
        return {
            "bars": bars,
            "signals": sum(drain.count(one, Signal) for one in strategies),
            "approved": drain.count(risk, Approved),
            "denied": drain.count(risk, Denied),
            "orders": drain.count(execution, Submitting),
            "fills": drain.count(execution, Filled),
            "cash": f"{state.totals.cash:f}",
            "equity": f"{equity:f}",
            "positions": {symbol: f"{quantity:f}" for symbol, quantity in held.items()},
            "balanced": not faults,
            "faults": faults,
            "tape": {"id": self._tape_id, "first": 1, "last": drain.seq},
            "seconds": round(seconds, 3),
        }

    def _price_of(self, symbol: str) -> float | None:
        return self._playback.newest_price(symbol)


def _is_alone(desk: DeskConfiguration, native: Timeframe) -> bool:
    """Tell whether no strategy reads a bar that the aggregator would build.

    Risk, the paper broker and the ledger read those bars, too, and take nothing from them. With a
    `grace_s` it is a later clock that completes a bar, which `unread` does not count: the
    aggregator plays.
    """
    read = (
        settings.timeframe or resolve(settings.use).timeframe
        for settings in desk.strategies.values()
    )
    return not desk.data.grace_s and all(timeframe == native for timeframe in read)


def silenced(actor: Actor) -> Actor:
    """Return an actor that says nothing in place of the aggregator; any other as it is."""
    if actor.core.lane != AGGREGATED:
        return actor
    return Actor(core=SilentAggregator(), rank=actor.rank, configuration={}, packages=())
