"""From tables to one ordered set of bars: checks every value, then sorts by time and symbol.

Tolerance: vendors round adjusted prices, so a high may lie below a close by a rounding error.
Up to a relative 1e-6 it is mended (high = the largest price of the bar, low = the smallest); more
is refused. Of the real files this was tried on, the clean ones need no mending at all and the
broken one (bars of an unfinished day) is off by 4e-5 to 9e-3.
"""

from collections.abc import Sequence
from itertools import repeat, starmap
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from msgspec.structs import replace

from services.data.files.actions import load_actions
from services.data.files.bars import Bars, within
from services.data.files.columns import (
    Rows,
    first_true,
    floats_of,
    integers_of,
    spell_time,
    to_numbers,
    to_symbols,
    to_times,
)
from services.data.files.reading import OPTIONAL, PRICES, read_columns
from shared.domain.errors import DataError
from shared.domain.sessions import NS_PER_DAY, session_of_utc_day
from shared.domain.values import NS_PER_S, Timeframe

ROUNDING_MAX = 1e-6  # relative
_DAILY_FROM_S, _DAILY_TO_S = 23 * 3_600, 4 * 86_400  # a spring day, a long weekend


class _Part(Struct, frozen=True):
    """One checked file. `spacing_ns` is the smallest within a symbol, None with single bars."""

    rows: Rows
    table: pa.Table
    has_dates: bool
    spacing_ns: int | None


def load(paths: Sequence[Path], timeframe: Timeframe | None, actions: Path | None = None) -> Bars:
    """Read and check files; DataError naming the first thing that is wrong.

    `actions` may name splits and dividends of more symbols and more days than the bars have.
    """
    parts = [_check(path) for path in paths]
    found = timeframe or _detect(parts)
    for part in parts:
        shortest = part.spacing_ns
        if (
            shortest is not None
            and found is not Timeframe.D1
            and shortest < found.seconds * NS_PER_S
        ):
            raise DataError(
                f"{part.rows.path}: bars start {shortest / NS_PER_S:g} s apart: too close for"
                f" {found} bars"
            )
    numbered = starmap(_numbered, enumerate(parts))
    table = pa.concat_tables(numbered, promote_options="default")
    table = _with_intervals(table, found)
    _refuse_repeats(table, parts)
    bars = _ordered(table, found)
    if actions is None:
        return bars
    known = [dated for dated in load_actions(actions) if dated[1].symbol in bars.symbols]
    return replace(bars, actions=within(known, bars.end_ns))


def _check(path: Path) -> _Part:
    """Read one file and check every value in it."""
    raw = read_columns(path)
    symbols = to_symbols(Rows(path), raw["symbol"])
    rows = Rows(path, symbols)
    has_dates = "ts" not in raw.column_names
    name = "date" if has_dates else "ts"
    columns = {"symbol": symbols, "ts": to_times(rows, name, raw[name])}
    for price in PRICES:
        values = to_numbers(rows, price, raw[price])
        rows.refuse_where(pc.less_equal(values, 0), price, values, "a price above zero is expected")
        columns[price] = values
    columns["volume"] = to_numbers(rows, "volume", raw["volume"])
    for extra in OPTIONAL:
        if extra in raw.column_names:
            columns[extra] = to_numbers(rows, extra, raw[extra], optional=True)
    for size in ("volume", *OPTIONAL):
        if size in columns:
            negative = pc.fill_null(pc.less(columns[size], 0), fill_value=False)
            rows.refuse_where(negative, size, columns[size], "zero or more is expected")
    columns |= _within_range(rows, columns)
    spacing_ns = _spacing(rows, name, columns["symbol"], columns["ts"])
    return _Part(rows, pa.table(columns), has_dates, spacing_ns)


def _within_range(rows: Rows, columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return high and low that enclose the bar's prices; refuse more than a rounding error."""
    every = [columns[name] for name in PRICES]
    top, bottom = pc.max_element_wise(*every), pc.min_element_wise(*every)
    too_low = first_true(pc.less(columns["high"], pc.multiply(top, 1 - ROUNDING_MAX)))
    if too_low is not None:
        high, price = columns["high"][too_low].as_py(), top[too_low].as_py()
        raise rows.error(too_low, f"high is {high!r}, below another price of its bar, {price!r}")
    too_high = first_true(pc.greater(columns["low"], pc.multiply(bottom, 1 + ROUNDING_MAX)))
    if too_high is not None:
        low, price = columns["low"][too_high].as_py(), bottom[too_high].as_py()
        raise rows.error(too_high, f"low is {low!r}, above another price of its bar, {price!r}")
    return {"high": top, "low": bottom}


def _spacing(rows: Rows, name: str, symbols: pa.Array, times: pa.Array) -> int | None:
    """Return the smallest step in time within a symbol; refuse one that does not go forward."""
    codes = symbols.dictionary_encode().indices
    table = pa.table({"symbol": codes, "row": pa.array(range(len(codes)), pa.int64()), "ts": times})
    table = table.sort_by([("symbol", "ascending"), ("row", "ascending")]).combine_chunks()
    steps, is_same = _steps(table, "ts")
    wrong = first_true(pc.and_(is_same, pc.less_equal(steps, 0)))
    if wrong is not None:
        before, row = table["row"][wrong].as_py(), table["row"][wrong + 1].as_py()
        moment = spell_time(table["ts"][wrong + 1].as_py())
        if steps[wrong].as_py() == 0:
            raise rows.error(row, f"{name} {moment} stands in row {before + 1} already")
        raise rows.error(
            row, f"{name} {moment} is before that of row {before + 1}: sort each symbol by time"
        )
    spacing: int | None = pc.min(steps.filter(is_same)).as_py()
    return spacing


def _steps(table: pa.Table, name: str) -> tuple[pa.Array, pa.Array]:
    """Return each row's step from the one before, and whether both are of one symbol."""
    values, symbols = table[name].combine_chunks(), table["symbol"].combine_chunks()
    steps = pc.subtract(values[1:], values[:-1])
    return steps, pc.equal(symbols[1:], symbols[:-1])


def _detect(parts: Sequence[_Part]) -> Timeframe:
    """Return the timeframe that the spacing of the bars shows; all files must agree."""
    found: dict[Timeframe, _Part] = {}
    for part in parts:
        if part.has_dates:
            found.setdefault(Timeframe.D1, part)
        elif part.spacing_ns is not None:
            found.setdefault(_timeframe_of(part.rows.path, part.spacing_ns), part)
    if not found:
        raise DataError(
            f"{parts[0].rows.path}: one bar does not show its timeframe: set data.file.timeframe"
        )
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        raise DataError(
            f"{first.rows.path} holds {one} bars and {second.rows.path} {other} bars: play one"
            " timeframe at a time, or set data.file.timeframe"
        )
    return next(iter(found))


def _timeframe_of(path: Path, spacing_ns: int) -> Timeframe:
    spacing_s, rest = divmod(spacing_ns, NS_PER_S)
    if _DAILY_FROM_S <= spacing_s <= _DAILY_TO_S:
        return Timeframe.D1
    for timeframe in Timeframe:
        if timeframe.seconds == spacing_s and not rest:
            return timeframe
    known = ", ".join(Timeframe)
    raise DataError(
        f"{path}: bars start {spacing_ns / NS_PER_S:g} s apart at the closest, which is none of"
        f" {known}: set data.file.timeframe"
    )


def _numbered(index: int, part: _Part) -> pa.Table:
    count = part.table.num_rows
    table = part.table.append_column("file", pa.array(repeat(index, count), pa.int64()))
    return table.append_column("row", pa.array(range(count), pa.int64()))


def _with_intervals(table: pa.Table, timeframe: Timeframe) -> pa.Table:
    """Add `start_ns` and `end_ns`: [start, start + timeframe), for daily bars the session."""
    times = table["ts"].combine_chunks()
    if timeframe is Timeframe.D1:
        days = pc.divide(times, NS_PER_DAY)
        known = days.unique()
        intervals = [_interval_of_day(day) for day in known.to_pylist()]
        place = pc.index_in(days, known)
        starts = pa.array([start for start, _ in intervals], pa.int64()).take(place)
        ends = pa.array([end for _, end in intervals], pa.int64()).take(place)
    else:
        starts, ends = times, pc.add(times, timeframe.seconds * NS_PER_S)
    return table.append_column("start_ns", starts).append_column("end_ns", ends)


def _interval_of_day(day: int) -> tuple[int, int]:
    session = session_of_utc_day(day * NS_PER_DAY)
    if session is None:
        return day * NS_PER_DAY, (day + 1) * NS_PER_DAY
    return session.open_ns, session.close_ns


def _refuse_repeats(table: pa.Table, parts: Sequence[_Part]) -> None:
    """Refuse a bar that stands twice, most likely in two files."""
    order = [("symbol", "ascending"), ("start_ns", "ascending"), ("file", "ascending")]
    lines = table.select(["symbol", "start_ns", "file", "row"]).sort_by(order).combine_chunks()
    steps, is_same = _steps(lines, "start_ns")
    wrong = first_true(pc.and_(is_same, pc.equal(steps, 0)))
    if wrong is None:
        return
    first, second = lines.slice(wrong, 2).to_pylist()
    moment, origin = spell_time(second["start_ns"]), parts[first["file"]].rows.path
    raise parts[second["file"]].rows.error(
        second["row"], f"the bar of {moment} stands in {origin}, row {first['row'] + 1}, already"
    )


def _ordered(table: pa.Table, timeframe: Timeframe) -> Bars:
    """Sort by (end, symbol) and lay the columns out."""
    known = table["symbol"].unique()
    known = known.take(pc.sort_indices(known))
    codes = pc.index_in(table["symbol"].combine_chunks(), known).cast(pa.int64())
    table = table.set_column(table.column_names.index("symbol"), "symbol", codes)
    table = table.sort_by([("end_ns", "ascending"), ("symbol", "ascending")])

    columns = {name: table[name].combine_chunks() for name in table.column_names}
    vwap = trades = None
    if "vwap" in columns:
        vwap = floats_of(pc.fill_null(columns["vwap"], float("nan")))
    if "trades" in columns:
        stated = pc.fill_null(columns["trades"], -1)
        trades = integers_of(stated.cast(pa.int64(), safe=False))
    bars = Bars(
        timeframe=timeframe,
        symbols=tuple(known.to_pylist()),
        symbol=integers_of(columns["symbol"]),
        start_ns=integers_of(columns["start_ns"]),
        end_ns=integers_of(columns["end_ns"]),
        prices=tuple(floats_of(columns[name]) for name in PRICES),
        volume=floats_of(columns["volume"]),
        vwap=vwap,
        trades=trades,
    )
    pa.default_memory_pool().release_unused()
    return bars
