"""Columns in every form that files have them in."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bar_files import GOOD, HEADER, MINUTE, OPEN_NS, csv, play, refusal


@pytest.mark.parametrize(
    "times",
    [
        ("2026-01-05T14:30:00Z", "2026-01-05T14:31:00Z"),
        ("2026-01-05 09:30:00-05:00", "2026-01-05 09:31:00-05:00"),
        ("2026-01-05 14:30:00", "2026-01-05 09:31:00-05:00"),
        ("1767623400", "1767623460"),
        ("1767623400000", "1767623460000"),
        ("1767623400000000", "1767623460000000"),
        ("1767623400000000000", "1767623460000000000"),
    ],
)
def test_times_are_understood_in_every_usual_form(tmp_path: Path, times: tuple[str, str]) -> None:
    path = csv(tmp_path, *(f"SPY,{time},1,1,1,1,0" for time in times))
    assert [bar.start_ns for bar in play(path)] == [OPEN_NS, OPEN_NS + MINUTE]


def test_average_price_and_trades_are_taken_where_stated(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        GOOD[0] + ",10.2,7",
        GOOD[1] + ",,",
        header=HEADER + ",vwap,trades",
    )
    assert [(bar.vwap, bar.trades) for bar in play(path)] == [(10.2, 7), (None, None)]


def test_a_parquet_column_of_another_kind_is_refused(tmp_path: Path) -> None:
    columns = {name: pa.array([1.0]) for name in HEADER.split(",")}
    columns |= {"symbol": pa.array(["SPY"]), "ts": pa.array([1_767_623_400])}
    path = tmp_path / "bars.parquet"
    for name, values, wanted in (
        ("close", pa.array([True]), "column close holds bool, numbers are expected"),
        ("ts", pa.array([1.5]), "column ts holds double, times are expected"),
        ("close", pa.array([None], pa.float64()), "row 1 (SPY): close is empty"),
        ("symbol", pa.array([None], pa.string()), "row 1: symbol is empty"),
    ):
        pq.write_table(pa.table({**columns, name: values}), path)
        assert wanted in refusal(path)


@pytest.mark.parametrize("days", [("20260105", "20260106"), ("2026-01-05", "2026-01-06")])
def test_a_date_may_be_spelled_with_or_without_dashes(
    tmp_path: Path, days: tuple[str, str]
) -> None:
    header = HEADER.replace("ts", "date")
    path = csv(tmp_path, *(f"SPY,{day},1,1,1,1,0" for day in days), header=header)
    assert [bar.start_ns for bar in play(path)] == [OPEN_NS, OPEN_NS + 1_440 * MINUTE]


def test_a_number_that_spells_no_date_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,20260105,1,1,1,1,0", "SPY,20261305,1,1,1,1,0")
    assert "row 2 (SPY): ts is 20261305, a date is expected" in refusal(path)


def test_integers_beyond_any_calendar_are_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,1767623400,1,1,1,1,0", "SPY,4000000000,1,1,1,1,0")
    assert "a time from 1970 to 2069 is expected" in refusal(path)
