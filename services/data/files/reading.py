"""From files to tables of raw columns; names what cannot be read."""

import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from shared.domain.errors import DataError

PRICES = ("open", "high", "low", "close")
REQUIRED = ("symbol", *PRICES, "volume")
TIMES = ("ts", "date")
OPTIONAL = ("vwap", "trades")


type Wanted = Callable[[Path, Sequence[str]], dict[str, str]]
"""Chooses among a file's columns: its name of each that is taken, mapped to ours."""


def read_columns(path: Path) -> pa.Table:
    """Return the columns of bars, under our names; numbers and times of a CSV still as text."""
    return read_table(path, _wanted)


def read_table(path: Path, wanted: Wanted) -> pa.Table:
    """Return the columns that are wanted, under our names; of a CSV as text."""
    is_parquet = path.name.endswith(".parquet")
    try:
        table = _read_parquet(path, wanted) if is_parquet else _read_csv(path, wanted)
    except (pa.ArrowException, EOFError, UnicodeDecodeError, csv.Error) as error:
        why = (str(error).splitlines() or ["it ends too early"])[0]
        raise DataError(f"{path}: cannot be read: {why}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not table.num_rows:
        raise DataError(f"{path}: no rows")
    return table


def _read_parquet(path: Path, wanted: Wanted) -> pa.Table:
    with pq.ParquetFile(path) as file:
        names = wanted(path, file.schema_arrow.names)
        return file.read(columns=list(names)).rename_columns(names)


def _read_csv(path: Path, wanted: Wanted) -> pa.Table:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if not header:
        raise DataError(f"{path}: empty file")
    names = wanted(path, header)
    options = pacsv.ConvertOptions(
        include_columns=list(names), column_types=dict.fromkeys(names, pa.string())
    )
    return pacsv.read_csv(path, convert_options=options).rename_columns(names)


def _wanted(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the file's name of each column we take, mapped to ours."""
    ours: dict[str, str] = {}
    for name in names:
        plain = name.strip().lower()
        if plain in (*REQUIRED, *TIMES, *OPTIONAL):
            if plain in ours:
                raise DataError(f"{path}: column {plain} appears twice")
            ours[plain] = name
    missing = [name for name in REQUIRED if name not in ours]
    if not any(name in ours for name in TIMES):
        missing.insert(0, " or ".join(TIMES))
    if missing:
        has = ", ".join(names) or "none"
        raise DataError(f"{path}: missing columns: {', '.join(missing)} (it has {has})")
    return {name: plain for plain, name in ours.items()}
