"""Splits and dividends in a file: what is taken, when it stands, what is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.data.files.actions import load_actions
from services.data.files.source import FileSource
from shared.domain.errors import DataError
from shared.messages.market import CorporateAction
from tests.bar_files import GOOD, HEADER

SPLIT = CorporateAction(symbol="AAPL", kind="split", ex_date="2026-01-06", ratio=4.0)
PAID = CorporateAction(symbol="SPY", kind="dividend", ex_date="2026-01-06", cash_per_share=1.5)
MIDNIGHT_NS = int(datetime(2026, 1, 6, 5, tzinfo=UTC).timestamp()) * 10**9  # in New York


def written(folder: Path, *lines: str) -> Path:
    path = folder / "actions.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "lines",
    [
        ("symbol,ex_date,ratio,cash_per_share", "SPY,2026-01-06,,1.5", "AAPL,2026-01-06,4,"),
        ("Date,Symbol,Dividends,Stock Splits", "2026-01-06,SPY,1.5,0", "2026-01-06,AAPL,0.0,4.0"),
        ("symbol,date,close,div_cash,split_factor", "SPY,20260106,1,1.5,1", "AAPL,20260106,1,0,4"),
    ],
    ids=["ours", "Yahoo's", "Tiingo's"],
)
def test_actions_stand_at_midnight_of_their_ex_date(tmp_path: Path, lines: tuple[str, ...]) -> None:
    paid, split = load_actions(written(tmp_path, *lines))
    assert paid == (MIDNIGHT_NS, PAID)
    assert split == (MIDNIGHT_NS + 10**9, SPLIT)


def test_a_dividend_on_the_day_of_a_split_is_paid_for_the_old_shares(tmp_path: Path) -> None:
    path = written(tmp_path, "symbol,ex_date,ratio,cash_per_share", "A,2026-01-06,2,0.5")
    assert [action.kind for _, action in load_actions(path)] == ["dividend", "split"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("symbol,ratio", "A,2"), "missing columns: ex_date (it has symbol, ratio)"),
        (("symbol,date", "A,2026-01-06"), "missing columns: ratio or cash_per_share"),
        (("symbol,date,ratio", "A,2026-01-06,-2"), "row 1 (A): ratio is -2.0, zero or more"),
        (("symbol,date,ratio", "A,2026-01-06,inf"), "row 1 (A): ratio is inf, zero or more"),
        (("symbol,date,ratio", "A,soon,2"), "row 1 (A): ex_date is 'soon', a time is expected"),
        (
            ("symbol,date,ratio", "A,2026-01-06,2", "A,2026-01-06,3"),
            "row 2 (A): the split of 2026-01-06 stands in row 1 already",
        ),
    ],
)
def test_what_is_wrong_is_named_by_row(
    tmp_path: Path, lines: tuple[str, ...], sentence: str
) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(DataError) as caught:
        load_actions(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_only_what_happens_among_the_bars_is_played(tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    next_day = [line.replace("2026-01-05", "2026-01-06") for line in GOOD]
    bars.write_text("\n".join((HEADER, *GOOD, *next_day)), encoding="utf-8")
    actions = written(
        tmp_path,
        "symbol,ex_date,ratio",
        *("AAPL,2026-01-05,2", "AAPL,2026-01-06,4", "AAPL,2026-01-07,2", "OTHER,2026-01-06,2"),
    )
    source = FileSource([bars], None, actions)
    assert source.bars.actions == ((MIDNIGHT_NS + 10**9, SPLIT),)
    said = [part for part in source.slices(0) if SPLIT in part.messages]
    (part,) = said
    assert part.ts_ns == MIDNIGHT_NS + 10**9
    assert [type(message).__name__ for message in part.messages] == ["CorporateAction", "Clock"]
    assert [p.ts_ns for p in source.slices(part.ts_ns)] == [
        p.ts_ns for p in source.slices(0) if p.ts_ns > part.ts_ns
    ]
