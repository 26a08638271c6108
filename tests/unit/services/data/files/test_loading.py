"""What is checked before anything is played; every refusal is one sentence."""

from pathlib import Path

import pytest

from shared.domain.values import Timeframe
from tests.bar_files import GOOD, csv, play, refusal, row


def test_a_rounding_error_is_mended(tmp_path: Path) -> None:
    path = csv(tmp_path, *row(1, "AAPL,2026-01-05 14:30:00,10,11,9,11.000001,100"))
    assert play(path)[0].high == 11.000001


WRONG = [
    (1, "AAPL,2026-01-05 14:30:00,10,11,9,abc,1", "row 1 (AAPL): close is 'abc', a number"),
    (1, "AAPL,2026-01-05 14:30:00,10,11,9,,1", "row 1 (AAPL): close is empty, a number"),
    (2, "AAPL,2026-01-05 14:31:00,nan,11,9,10,1", "row 2 (AAPL): open is nan, a finite"),
    (2, "AAPL,2026-01-05 14:31:00,inf,11,9,10,1", "row 2 (AAPL): open is inf, a finite"),
    (3, "SPY,2026-01-05 14:30:00,20,21,-19,20,1", "row 3 (SPY): low is -19.0, a price above"),
    (3, "SPY,2026-01-05 14:30:00,0,21,19,20,1", "row 3 (SPY): open is 0.0, a price above"),
    (4, "SPY,2026-01-05 14:31:00,20,21,19,20,-5", "row 4 (SPY): volume is -5.0, zero or more"),
    (4, "SPY,2026-01-05 14:31:00,20,19.5,19,20,5", "row 4 (SPY): high is 19.5, below"),
    (4, "SPY,2026-01-05 14:31:00,20,21,20.5,21,5", "row 4 (SPY): low is 20.5, above"),
    (2, "AAPL,2026-01-05 14:30:00,10,11,9,10,1", "row 2 (AAPL): ts 2026-01-05 14:30:00 stands in"),
    (2, "AAPL,2026-01-05 14:29:00,10,11,9,10,1", "row 2 (AAPL): ts 2026-01-05 14:29:00 is before"),
    (2, "AAPL,yesterday,10,11,9,10,1", "row 2 (AAPL): ts is 'yesterday', a time"),
    (2, "AAPL,,10,11,9,10,1", "row 2 (AAPL): ts is empty, a time"),
    (2, "AAPL,1925-01-05 14:31:00,10,11,9,10,1", "row 2 (AAPL): ts is '1925-01-05"),
    (2, " ,2026-01-05 14:31:00,10,11,9,10,1", "row 2: symbol is empty, a name"),
    (2, "AAPL,2026-01-05 14:31:00,10,11", "cannot be read: CSV parse error: Expected 7 columns"),
]


@pytest.mark.parametrize(("index", "text", "wanted"), WRONG)
def test_a_bad_row_is_refused_by_file_row_symbol_and_column(
    tmp_path: Path, index: int, text: str, wanted: str
) -> None:
    path = csv(tmp_path, *row(index, text))
    said = refusal(path)
    assert said.startswith(f"{path}: ")
    assert wanted in said


def test_the_same_bar_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    one = csv(tmp_path, *GOOD, name="one.csv")
    other = csv(tmp_path, GOOD[3], name="other.csv")
    assert f"{other}: row 1 (SPY): the bar of 2026-01-05 14:31:00 stands in {one}, row 4" in (
        refusal(one, other)
    )


def test_two_daily_rows_of_one_date_are_one_bar_twice(tmp_path: Path) -> None:
    path = csv(tmp_path, *GOOD[:2])
    assert "row 2 (AAPL): the bar of" in refusal(path, timeframe=Timeframe.D1)


def test_files_of_different_timeframes_are_refused(tmp_path: Path) -> None:
    one = csv(tmp_path, *GOOD[:2], name="one.csv")
    other = csv(
        tmp_path,
        "SPY,2026-01-05 14:30:00,1,1,1,1,1",
        "SPY,2026-01-05 14:35:00,1,1,1,1,1",
        name="other.csv",
    )
    assert "holds 1m bars" in refusal(one, other)
    assert len(play(one, other, timeframe=Timeframe.M1)) == 4
    assert "too close for 5m bars" in refusal(one, other, timeframe=Timeframe.M5)


def test_a_spacing_that_is_no_timeframe_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,2026-01-05 14:30:00,1,1,1,1,1", "SPY,2026-01-05 14:30:37,1,1,1,1,1")
    assert "37 s apart at the closest, which is none of 1s, 1m" in refusal(path)


def test_a_single_bar_needs_its_timeframe_named(tmp_path: Path) -> None:
    path = csv(tmp_path, GOOD[0])
    assert "set data.file.timeframe" in refusal(path)
    assert play(path, timeframe=Timeframe.H1)[0].timeframe is Timeframe.H1
