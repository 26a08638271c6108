"""One column of a file, turned into what the desk computes with, or refused by row."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from services.data.files.bars import Floats, Integers
from shared.domain.errors import DataError
from shared.domain.sessions import FIRST_YEAR, LAST_YEAR
from shared.domain.values import NS_PER_S

# Integers are epoch times: up to each limit they count in that unit. A limit lies in the year 2255
# of its own unit (the nanoseconds still fit 64 bits) and in early 1970 of the next finer one.
_EPOCH_UNITS = ((9 * 10**9, NS_PER_S), (9 * 10**12, 10**6), (9 * 10**15, 10**3))
_DATES = (19_000_000, 21_000_000)  # integers between these spell a date: 20260105
_NS = pa.timestamp("ns")


class Rows:
    """Where a file's rows come from, to name one in a complaint."""

    def __init__(self, path: Path, symbols: pa.Array | None = None) -> None:
        self.path = path
        self.symbols = symbols

    def error(self, index: int, what: str) -> DataError:
        """Return a complaint about the row at `index` (from 0)."""
        symbol = f" ({self.symbols[index].as_py()})" if self.symbols is not None else ""
        return DataError(f"{self.path}: row {index + 1}{symbol}: {what}")

    def refuse_where(self, mask: pa.Array, column: str, values: pa.Array, wanted: str) -> None:
        """Raise for the first row where `mask` is true."""
        index = first_true(mask)
        if index is not None:
            raise self.error(index, f"{column} is {_spell(values[index].as_py())}, {wanted}")


def first_true(mask: pa.Array) -> int | None:
    """Return the index of the first true element."""
    index = pc.index(mask, value=True).as_py()
    return None if index < 0 else int(index)


def to_symbols(rows: Rows, column: pa.ChunkedArray) -> pa.Array:
    """Return the symbols as text; none may be empty."""
    text = pc.utf8_trim_whitespace(column.cast(pa.large_string()).combine_chunks())
    empty = pc.equal(pc.fill_null(text, ""), "")
    rows.refuse_where(empty, "symbol", text, "a name is expected")
    return text


def to_numbers(
    rows: Rows, name: str, column: pa.ChunkedArray, *, optional: bool = False
) -> pa.Array:
    """Return finite floats; where `optional`, what is not said is null."""
    kind = column.type
    if _is_text(kind):
        values = _parse_numbers(rows, name, column, optional=optional)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.combine_chunks().cast(pa.float64(), safe=False)
    else:
        raise DataError(f"{rows.path}: column {name} holds {kind}, numbers are expected")
    if optional:
        return pc.if_else(pc.is_nan(values), None, values)
    rows.refuse_where(pc.is_null(values), name, values, "a number is expected")
    rows.refuse_where(pc.invert(pc.is_finite(values)), name, values, "a finite number is expected")
    return values


def _parse_numbers(rows: Rows, name: str, column: pa.ChunkedArray, *, optional: bool) -> pa.Array:
    text = pc.utf8_trim_whitespace(column.combine_chunks())
    if optional:
        text = pc.if_else(pc.equal(text, ""), None, text)
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        raise _first_that_is_no_number(rows, name, text) from None


def _first_that_is_no_number(rows: Rows, name: str, text: pa.Array) -> DataError:
    for index, value in enumerate(text.to_pylist()):
        if value is not None and not _is_number(value):
            return rows.error(index, f"{name} is {_spell(value)}, a number is expected")
    return DataError(f"{rows.path}: column {name} holds text that is not a number")


def _is_number(text: str) -> bool:
    try:
        pa.scalar(text).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def to_times(rows: Rows, name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return epoch nanoseconds (int64). Times that name no zone are UTC."""
    kind = column.type
    values = column.combine_chunks()
    rows.refuse_where(pc.is_null(values), name, values, "a time is expected")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        times = _to_ns(rows, name, values)
    elif pa.types.is_integer(kind):
        times = _from_integers(rows, name, values.cast(pa.int64()))
    elif _is_text(kind):
        times = _parse_times(rows, name, values)
    else:
        raise DataError(f"{rows.path}: column {name} holds {kind}, times are expected")
    return _within_calendar(rows, name, times)


def _to_ns(rows: Rows, name: str, values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.timestamp("ns", tz=getattr(values.type, "tz", None))).cast(pa.int64())
    except pa.ArrowInvalid:
        raise DataError(
            f"{rows.path}: column {name} holds times outside {FIRST_YEAR} to {LAST_YEAR}"
        ) from None


def _from_integers(rows: Rows, name: str, values: pa.Array) -> pa.Array:
    smallest, largest = pc.min(values).as_py(), pc.max(values).as_py()
    if _DATES[0] < smallest and largest < _DATES[1]:
        days = pc.strptime(values.cast(pa.string()), "%Y%m%d", unit="s", error_is_null=True)
        rows.refuse_where(pc.is_null(days), name, values, "a date is expected")
        return days.cast(_NS).cast(pa.int64())
    for limit, factor in _EPOCH_UNITS:
        if max(-smallest, largest) < limit:
            return pc.multiply(values, factor)
    return values


def _parse_times(rows: Rows, name: str, values: pa.Array) -> pa.Array:
    text = pc.utf8_trim_whitespace(values)
    for kind in (pa.int64(), _NS, pa.timestamp("ns", tz="UTC")):
        try:
            times = text.cast(kind)
        except pa.ArrowInvalid:
            continue
        return _from_integers(rows, name, times) if kind == pa.int64() else times.cast(pa.int64())
    parsed = []
    for index, value in enumerate(text.to_pylist()):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise rows.error(index, f"{name} is {_spell(value)}, a time is expected") from None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        parsed.append(int(aware.timestamp()) * NS_PER_S + aware.microsecond * 1_000)
    return pa.array(parsed, pa.int64())


def _within_calendar(rows: Rows, name: str, times: pa.Array) -> pa.Array:
    first = int(datetime(FIRST_YEAR, 1, 2, tzinfo=UTC).timestamp()) * NS_PER_S
    last = int(datetime(LAST_YEAR, 12, 30, tzinfo=UTC).timestamp()) * NS_PER_S
    outside = pc.or_(pc.less(times, first), pc.greater(times, last))
    wanted = f"a time from {FIRST_YEAR} to {LAST_YEAR} is expected"
    rows.refuse_where(outside, name, times.cast(_NS).cast(pa.string()), wanted)
    return times


def spell_time(ts_ns: int) -> str:
    """Return a time as people write it: UTC, to the second."""
    return datetime.fromtimestamp(ts_ns // NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")


def floats_of(values: pa.Array) -> Floats:
    """Return a float64 column without nulls as a view of its numbers, not copied."""
    return _view(values).cast("d")[values.offset : values.offset + len(values)]


def integers_of(values: pa.Array) -> Integers:
    """Return an int64 column without nulls as a view of its numbers, not copied."""
    return _view(values).cast("q")[values.offset : values.offset + len(values)]


def _view(values: pa.Array) -> memoryview:
    return memoryview(values.buffers()[1])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _spell(value: object) -> str:
    return "empty" if value is None or value == "" else repr(value)
