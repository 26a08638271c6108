"""From files to tables of raw columns; names what cannot be read."""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from shared.domain.errors import DataError

PRICES = ("open", "high", "low", "close")
REQUIRED = ("symbol", *PRICES, "volume")
TIMES = ("ts", "date")
OPTIONAL = ("vwap", "trades")


def read_columns(path: Path) -> pa.Table:
    """Return the columns we know, under our names; numbers and times of a CSV still as text."""
    try:
        table = _read_parquet(path) if path.name.endswith(".parquet") else _read_csv(path)
    except (pa.ArrowException, EOFError, UnicodeDecodeError, csv.Error) as error:
        why = (str(error).splitlines() or ["it ends too early"])[0]
        raise DataError(f"{path}: cannot be read: {why}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not table.num_rows:
        raise DataError(f"{path}: no rows")
    return table


def _read_parquet(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        wanted = _wanted(path, file.schema_arrow.names)
        return file.read(columns=list(wanted)).rename_columns(wanted)


def _read_csv(path: Path) -> pa.Table:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if not header:
        raise DataError(f"{path}: empty file")
    wanted = _wanted(path, header)
    options = pacsv.ConvertOptions(
        include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string())
    )
    return pacsv.read_csv(path, convert_options=options).rename_columns(wanted)


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
