"""Finding and opening files."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.data.files.finding import find_files
from tests.bar_files import GOOD, HEADER, csv, play, refusal


def test_parquet_csv_and_gzip_give_the_same_bars(tmp_path: Path) -> None:
    plain = csv(tmp_path, *GOOD)
    packed = tmp_path / "bars.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    columns = list(zip(*(text.split(",") for text in GOOD), strict=True))
    arrays: dict[str, pa.Array] = {"symbol": pa.array(columns[0]).dictionary_encode()}
    arrays["ts"] = pa.array(columns[1]).cast(pa.timestamp("us"))
    for name, values in zip(HEADER.split(",")[2:], columns[2:], strict=True):
        arrays[name] = pa.array(values).cast(pa.float32())
    table = tmp_path / "bars.parquet"
    pq.write_table(pa.table(arrays), table)
    assert play(plain) == play(packed) == play(table)


def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    one = csv(tmp_path, *GOOD[:2], name="a.csv")
    other = csv(tmp_path / "deep", *GOOD[2:], name="b.csv")
    (tmp_path / "notes.txt").write_text("not ours")
    assert play(tmp_path) == play(one, other)
    assert find_files([tmp_path]) == [one, other]


def test_names_of_columns_may_be_in_any_case_and_order(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "1,2026-01-05 14:30,SPY,9,1,1,1,x",
        "1,2026-01-05 14:31,SPY,9,1,1,1,x",
        header=" Close,TS,Symbol,Volume,Open,High,Low,Remark",
    )
    assert [bar.volume for bar in play(path)] == [9.0, 9.0]


def test_missing_columns_are_named_with_those_there_are(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,1", header="symbol,close")
    assert "missing columns: ts or date, open, high, low, volume (it has symbol, close)" in refusal(
        path
    )


@pytest.mark.parametrize(
    "content", [b"", b"symbol,ts,open,high,low,close,volume\n", b"\xff\xfe\x00"]
)
def test_a_file_without_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(content)
    assert str(path) in refusal(path)


@pytest.mark.parametrize("name", ["bars.parquet", "bars.csv.gz"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("hello")
    assert "cannot be read" in refusal(path)


def test_a_path_that_is_not_there_or_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    assert "no such file or folder" in refusal(tmp_path / "nope.csv")
    assert "must end in one of" in refusal(tmp_path / "notes.txt")
    assert "no .parquet, .csv, .csv.gz file in this folder" in refusal(tmp_path / "empty")
    assert "name some in data.file.paths" in refusal()
