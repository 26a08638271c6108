"""What every engine is given and tells; imported where our own code is not installed."""

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow.parquet as pq


class Told(NamedTuple):
    """What one run came to: `seconds` of CPU time, because the machine may have other work;
    `trades` are closed round trips.
    """

    engine: str
    bars: int
    seconds: float
    trades: int


def bars_of(path: str) -> dict[str, Any]:
    """Return the columns of a file of bars."""
    table = pq.read_table(path)
    names = [name for name in table.column_names if name != "symbol"]
    return {name: table[name].to_pandas().array.copy() for name in names}


def main(run: Callable[[str, int, int], Told]) -> None:
    """Run what the command line names, PATH FAST SLOW, and print it as one line of JSON."""
    path, fast, slow = sys.argv[1:]
    sys.stdout.write(json.dumps(run(path, int(fast), int(slow))._asdict()) + "\n")
