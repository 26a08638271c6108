"""Bars as columns, and the bytes in which they travel from the process that read them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from shared.domain.values import Timeframe
from shared.messages.market import CorporateAction

# Lazily evaluated, because memoryview takes a parameter at run time from Python 3.14 on.
type Floats = memoryview[float]
type Integers = memoryview[int]
type Dated = tuple[int, CorporateAction]  # when everybody learns of it, ns

_ITEM_BYTES = 8


class Bars(Struct, frozen=True):
    """Bars sorted by (end, symbol), as columns. `vwap` NaN and `trades` -1: not stated.

    `symbol` is an index into `symbols`; `prices` are open, high, low and close. `actions` are what
    happened to the shares between the first bar and the last, in the order of time.
    """

    timeframe: Timeframe
    symbols: tuple[str, ...]
    symbol: Integers
    start_ns: Integers
    end_ns: Integers
    prices: tuple[Floats, ...]
    volume: Floats
    vwap: Floats | None
    trades: Integers | None
    actions: tuple[Dated, ...] = ()


def between(bars: Bars, from_ns: int, until_ns: int | None) -> Bars:
    """Return the bars that end in [from_ns, until_ns]; the columns are views.

    Of the actions, those between the first of these bars and the last.
    """
    last = len(bars.end_ns) if until_ns is None else bisect_right(bars.end_ns, until_ns)
    rows = slice(bisect_left(bars.end_ns, from_ns), last)
    ends = bars.end_ns[rows]
    return Bars(
        timeframe=bars.timeframe,
        symbols=bars.symbols,
        symbol=bars.symbol[rows],
        start_ns=bars.start_ns[rows],
        end_ns=ends,
        prices=tuple(column[rows] for column in bars.prices),
        volume=bars.volume[rows],
        vwap=None if bars.vwap is None else bars.vwap[rows],
        trades=None if bars.trades is None else bars.trades[rows],
        actions=within(bars.actions, ends),
    )


def within(actions: Sequence[Dated], end_ns: Integers) -> tuple[Dated, ...]:
    """Return what happens after the first bar and not after the last."""
    if not len(end_ns):
        return ()
    first_ns, last_ns = end_ns[0], end_ns[-1]
    return tuple(dated for dated in actions if first_ns < dated[0] <= last_ns)


class _Header(Struct, frozen=True):
    """What stands before the columns, as one line of JSON."""

    timeframe: Timeframe
    symbols: tuple[str, ...]
    bars: int
    has_vwap: bool
    has_trades: bool
    actions: tuple[Dated, ...]


def pack(bars: Bars) -> Iterator[bytes]:
    """Yield the bytes of the bars: a header line, then column after column."""
    header = _Header(
        timeframe=bars.timeframe,
        symbols=bars.symbols,
        bars=len(bars.end_ns),
        has_vwap=bars.vwap is not None,
        has_trades=bars.trades is not None,
        actions=bars.actions,
    )
    yield msgspec.json.encode(header) + b"\n"
    yield from (bars.symbol.tobytes(), bars.start_ns.tobytes(), bars.end_ns.tobytes())
    yield from (column.tobytes() for column in (*bars.prices, bars.volume))
    if bars.vwap is not None:
        yield bars.vwap.tobytes()
    if bars.trades is not None:
        yield bars.trades.tobytes()


def unpack(data: bytes) -> Bars:
    """Return the bars that `pack` made bytes of; their columns are views of `data`."""
    first, _, _ = data.partition(b"\n")
    header = msgspec.json.decode(first, type=_Header)
    size = header.bars * _ITEM_BYTES
    body = memoryview(data)[len(first) + 1 :]
    columns = (body[begin : begin + size] for begin in range(0, len(body), size))
    return Bars(
        timeframe=header.timeframe,
        symbols=header.symbols,
        symbol=next(columns).cast("q"),
        start_ns=next(columns).cast("q"),
        end_ns=next(columns).cast("q"),
        prices=tuple(next(columns).cast("d") for _ in range(4)),
        volume=next(columns).cast("d"),
        vwap=next(columns).cast("d") if header.has_vwap else None,
        trades=next(columns).cast("q") if header.has_trades else None,
        actions=header.actions,
    )
