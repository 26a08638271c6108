"""What the bar aggregator remembers: the bars that are not complete yet."""

from msgspec import Struct, field

from shared.domain.values import Timeframe


class Candle(Struct):
    """One symbol's unfinished bar.

    `notional` is the sum of price times size, for the average price; it and `trades` are None
    once something came in that does not say them.
    """

    open: float
    high: float
    low: float
    close: float
    volume: float
    notional: float | None
    trades: int | None


class Window(Struct):
    """The unfinished bars, by symbol, of one bucket [start_ns, end_ns)."""

    start_ns: int
    end_ns: int
    candles: dict[str, Candle]


class Stage(Struct):
    """The open windows of one timeframe, oldest first; nearly always there is one."""

    timeframe: Timeframe
    windows: list[Window] = field(default_factory=list)


class AggregatorState(Struct):
    """Everything.

    `source` is the filter of what bars are built from. `clock_ns` is the newest time up to which
    buckets were closed. `late` counts the ticks and bars that came after their bucket was.
    """

    source: str
    stages: list[Stage]
    clock_ns: int = 0
    late: int = 0
