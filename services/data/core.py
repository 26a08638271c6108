"""The bar aggregator: longer bars from shorter ones or from trades, on session boundaries.

It reads one feed, either its trades or its native bars, and answers each `Clock` with the bars
whose interval has ended, all at once: shorter timeframes first, symbols in order. The clock comes
last in a time slice, so everything that belongs to the interval has been seen. A bar exists only
where something traded.

Timeframes form a chain. The shortest is built from the feed, each other one from the bars of the
timeframe before it; boundaries are nested (see `rules.buckets`), so the volume of a session's
bars is the same in every timeframe. A tick or bar goes to the bucket that holds its time, or its
start. One whose bucket was closed by an earlier clock is late: counted, and otherwise ignored, so
that a bar once published never changes and always agrees with the longer ones.
"""

from collections.abc import Sequence

import msgspec

from services.data.rules.buckets import derive_bucket
from services.data.state import AggregatorState, Candle, Stage, Window
from shared.core import Stamp
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, Clock, Trade, TradeTick
from shared.subjects import AGGREGATED, Lane, reading

_NEVER_NS = 2**63 - 1


class BarAggregator:
    """The core with the lane `data.bars`.

    `native` is the timeframe of the feed's own bars; None: the feed has trades, no bars. Of
    `timeframes` those longer than `native` are built. A bucket is closed by the first clock at
    or past its end plus `grace_s` seconds (for a venue that sends its bars a moment late).
    """

    def __init__(
        self,
        *,
        feed: str,
        native: Timeframe | None,
        timeframes: Sequence[Timeframe],
        grace_s: float = 0.0,
    ) -> None:
        event = ("trade",) if native is None else ("bar", native.value)
        self._reads = (reading("data", feed, *event, ">"), reading("data", feed, "clock"))
        shortest_s = 0 if native is None else native.seconds
        longer = {t.seconds: t for t in timeframes if t.seconds > shortest_s}
        stages = [Stage(longer[s]) for s in sorted(longer)]
        self._state = AggregatorState(source=self._reads[0], stages=stages)
        self._grace_ns = int(grace_s * NS_PER_S)
        self._due_ns = _NEVER_NS  # the earliest end of an open window: derived from the state

    @property
    def lane(self) -> Lane:
        """Where the bars are published."""
        return AGGREGATED

    @property
    def reads(self) -> Sequence[str]:
        """The feed's trades or native bars, and its clock."""
        return self._reads

    @property
    def configuration(self) -> dict[str, object]:
        """What the bars depend on besides the input and the code."""
        return {
            "source": self._state.source,
            "timeframes": [timeframe.value for timeframe in self.timeframes],
            "grace_ns": self._grace_ns,
        }

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """What is built, shortest first."""
        return tuple(stage.timeframe for stage in self._state.stages)

    @property
    def late(self) -> int:
        """How many ticks and bars came too late for their bucket."""
        return self._state.late

    def handle(self, _stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Gather a bar or trades; answer a clock with the bars that ended by then."""
        if type(message) is Clock:
            return self._close(message.ts_ns - self._grace_ns)
        if not self._state.stages:
            return ()
        if type(message) is Bar:
            self._add_bar(self._state.stages[0], message)
        elif type(message) is Trade:
            for tick in message.ticks:
                self._add_tick(message.symbol, tick)
        return ()

    def snapshot(self) -> bytes:
        """Return the state as canonical JSON."""
        return msgspec.json.encode(self._state, order="deterministic")

    def restore(self, state: bytes, /) -> None:
        """Take over a state of an aggregator with the same input and timeframes, or ValueError."""
        try:
            restored = msgspec.json.decode(state, type=AggregatorState)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a state of the bar aggregator: {error}") from error
        timeframes = tuple(stage.timeframe for stage in restored.stages)
        if (restored.source, timeframes) != (self._state.source, self.timeframes):
            raise ValueError(
                f"a state of other bars: {', '.join(timeframes)} from {restored.source}"
            )
        self._state = restored
        self._due_ns = self._earliest_end()

    def _add_bar(self, stage: Stage, bar: Bar) -> None:
        window = self._window(stage, bar.start_ns)
        if window is None:
            return
        candle = window.candles.get(bar.symbol)
        if candle is None:
            window.candles[bar.symbol] = Candle(
                bar.open, bar.high, bar.low, bar.close, bar.volume, _notional(bar), bar.trades
            )
            return
        candle.high = max(candle.high, bar.high)
        candle.low = min(candle.low, bar.low)
        candle.close = bar.close
        candle.volume += bar.volume
        if candle.notional is not None:
            more = _notional(bar)
            candle.notional = None if more is None else candle.notional + more
        if candle.trades is not None:
            candle.trades = None if bar.trades is None else candle.trades + bar.trades

    def _add_tick(self, symbol: str, tick: TradeTick) -> None:
        window = self._window(self._state.stages[0], tick.ts_ns)
        if window is None:
            return
        price, size = tick.price, tick.size
        candle = window.candles.get(symbol)
        if candle is None:
            window.candles[symbol] = Candle(price, price, price, price, size, price * size, 1)
            return
        candle.high = max(candle.high, price)
        candle.low = min(candle.low, price)
        candle.close = price
        candle.volume += size
        candle.notional = (candle.notional or 0.0) + price * size
        candle.trades = (candle.trades or 0) + 1

    def _window(self, stage: Stage, ts_ns: int) -> Window | None:
        """Return the open window of a moment, a new one if need be; None when there is none."""
        windows = stage.windows
        place = len(windows)
        while place and windows[place - 1].start_ns > ts_ns:
            place -= 1
        if place and ts_ns < windows[place - 1].end_ns:
            return windows[place - 1]
        bucket = derive_bucket(ts_ns, stage.timeframe)
        if bucket is None:
            return None
        if bucket.end_ns <= self._state.clock_ns:
            self._state.late += 1
            return None
        window = Window(bucket.start_ns, bucket.end_ns, {})
        windows.insert(place, window)
        self._due_ns = min(self._due_ns, bucket.end_ns)
        return window

    def _close(self, now_ns: int) -> tuple[Message, ...]:
        if now_ns >= self._due_ns:
            bars = self._close_windows(now_ns)
            self._due_ns = self._earliest_end()
        else:
            bars = ()
        self._state.clock_ns = max(self._state.clock_ns, now_ns)
        return bars

    def _close_windows(self, now_ns: int) -> tuple[Message, ...]:
        """Take the bars that ended out of every stage, feeding each stage from the one before."""
        bars: list[Bar] = []
        stages = self._state.stages
        for place, stage in enumerate(stages):
            ended = 0
            for window in stage.windows:
                if window.end_ns > now_ns:
                    break
                ended += 1
                made = [
                    _bar(symbol, stage.timeframe, window.start_ns, window.candles[symbol])
                    for symbol in sorted(window.candles)
                ]
                if place + 1 < len(stages):
                    for bar in made:
                        self._add_bar(stages[place + 1], bar)
                bars += made
            del stage.windows[:ended]
        return tuple(bars)

    def _earliest_end(self) -> int:
        ends = [stage.windows[0].end_ns for stage in self._state.stages if stage.windows]
        return min(ends, default=_NEVER_NS)


def _notional(bar: Bar) -> float | None:
    if bar.vwap is None:
        return None if bar.volume else 0.0
    return bar.vwap * bar.volume


def _bar(symbol: str, timeframe: Timeframe, start_ns: int, candle: Candle) -> Bar:
    notional, volume = candle.notional, candle.volume
    return Bar(
        symbol=symbol,
        timeframe=timeframe,
        start_ns=start_ns,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=volume,
        vwap=notional / volume if notional is not None and volume > 0 else None,
        trades=candle.trades,
    )
