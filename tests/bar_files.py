"""Small files of bars, and what the file feed makes of them."""

from pathlib import Path

import pytest

from services.data.files.source import FileSource
from shared.domain.errors import DataError
from shared.domain.values import Timeframe
from shared.messages.market import Bar

HEADER = "symbol,ts,open,high,low,close,volume"
GOOD = (
    "AAPL,2026-01-05 14:30:00,10,11,9,10.5,100",
    "AAPL,2026-01-05 14:31:00,10.5,11,10,10,200",
    "SPY,2026-01-05 14:30:00,20,21,19,20.5,300",
    "SPY,2026-01-05 14:31:00,20.5,21,20,20,400",
)
OPEN_NS = 1_767_623_400 * 10**9
MINUTE = 60 * 10**9


def csv(folder: Path, *rows: str, header: str = HEADER, name: str = "bars.csv") -> Path:
    """Write rows as a CSV file and return its path."""
    path = folder / name
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def row(index: int, text: str) -> list[str]:
    """The good rows with one replaced; `index` from 1."""
    return [text if i == index else good for i, good in enumerate(GOOD, start=1)]


def play(*paths: Path, timeframe: Timeframe | None = None, after_ns: int = 0) -> list[Bar]:
    """Return the bars that files give, in the order of the tape."""
    source = FileSource(paths, timeframe)
    return [m for s in source.slices(after_ns) for m in s.messages if isinstance(m, Bar)]


def refusal(*paths: Path, timeframe: Timeframe | None = None) -> str:
    """Return the one sentence with which files are refused."""
    with pytest.raises(DataError) as caught:
        FileSource(paths, timeframe)
    text = str(caught.value)
    assert "\n" not in text
    return text
