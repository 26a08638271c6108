"""Splits and cash dividends from a file, to be played among the bars they belong to.

An action stands at midnight in New York on its ex-date: after everything of the day before, and
before the first trade of the day, also in extended hours. A dividend on the day of a split is paid
for the old shares: the split stands a second later.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from services.data.files.bars import Dated
from services.data.files.columns import Rows, to_numbers, to_symbols, to_times
from services.data.files.reading import read_table
from shared.domain.errors import DataError
from shared.domain.positions import DIVIDEND, SPLIT
from shared.domain.values import NS_PER_S
from shared.messages.market import CorporateAction

_EXCHANGE = ZoneInfo("America/New_York")
_NAMES = {
    "symbol": ("symbol",),
    "ex_date": ("ex_date", "date"),
    "ratio": ("ratio", "split_factor", "stock splits"),
    "cash_per_share": ("cash_per_share", "div_cash", "dividends"),
}
"""Our names, and what vendors call the same (Tiingo, Yahoo)."""


def load_actions(path: Path) -> list[Dated]:
    """Return the actions of a file in the order of time; DataError names what is wrong.

    Columns: `symbol`, `ex_date`, and `ratio` (new shares for one old; empty, 0 or 1: no split),
    `cash_per_share` (empty or 0: no dividend), or one of the two.
    """
    table = read_table(path, _wanted)
    symbols = to_symbols(Rows(path), table["symbol"])
    rows = Rows(path, symbols)
    days = to_times(rows, "ex_date", table["ex_date"])
    ratios = _numbers(rows, table, "ratio")
    paid = _numbers(rows, table, "cash_per_share")
    seen: dict[tuple[str, str, str], int] = {}
    found = []
    for row, (symbol, day_ns, ratio, cash) in enumerate(
        zip(symbols.to_pylist(), days.to_pylist(), ratios, paid, strict=True)
    ):
        for dated in _of_row(symbol, day_ns, ratio, cash):
            action = dated[1]
            first = seen.setdefault((symbol, action.kind, action.ex_date), row)
            if first != row:
                what = f"the {action.kind} of {action.ex_date} stands in row {first + 1} already"
                raise rows.error(row, what)
            found.append(dated)
    return sorted(found, key=lambda dated: (dated[0], dated[1].symbol))


def _of_row(symbol: str, day_ns: int, ratio: float, cash: float) -> Iterator[Dated]:
    day = datetime.fromtimestamp(day_ns // NS_PER_S, UTC).date()
    midnight_ns, ex_date = _midnight_ns(day), day.isoformat()
    if cash:
        yield (
            midnight_ns,
            CorporateAction(symbol=symbol, kind=DIVIDEND, ex_date=ex_date, cash_per_share=cash),
        )
    if ratio not in (0.0, 1.0):
        yield (
            midnight_ns + NS_PER_S,
            CorporateAction(symbol=symbol, kind=SPLIT, ex_date=ex_date, ratio=ratio),
        )


def _midnight_ns(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=_EXCHANGE)
    return int(moment.timestamp()) * NS_PER_S


def _numbers(rows: Rows, table: pa.Table, name: str) -> Sequence[float]:
    """Return a column, 0.0 where it says nothing or is not there."""
    if name not in table.column_names:
        return [0.0] * table.num_rows
    values = pc.fill_null(to_numbers(rows, name, table[name], optional=True), 0.0)
    wrong = pc.or_(pc.less(values, 0), pc.invert(pc.is_finite(values)))
    rows.refuse_where(wrong, name, values, "zero or more is expected")
    found: list[float] = values.to_pylist()
    return found


def _wanted(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the file's name of each column we take, mapped to ours."""
    plain = {name.strip().lower(): name for name in names}
    ours = {
        our: next((plain[one] for one in known if one in plain), None)
        for our, known in _NAMES.items()
    }
    missing = [our for our in ("symbol", "ex_date") if ours[our] is None]
    if ours["ratio"] is None and ours["cash_per_share"] is None:
        missing.append("ratio or cash_per_share")
    if missing:
        has = ", ".join(names) or "none"
        raise DataError(f"{path}: missing columns: {', '.join(missing)} (it has {has})")
    return {theirs: our for our, theirs in ours.items() if theirs is not None}
