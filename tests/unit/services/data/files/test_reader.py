"""Files read in a process of their own."""

import asyncio
from pathlib import Path

import pytest

from services.data.files.reader import read_apart
from services.data.files.source import FileSource
from shared.domain.errors import DataError
from shared.domain.values import Timeframe
from tests.bar_files import GOOD, csv


def test_what_is_read_apart_plays_the_same(tmp_path: Path) -> None:
    path = csv(tmp_path, *GOOD)
    apart = FileSource.of(asyncio.run(read_apart([path], None)))
    here = FileSource([path])
    assert list(apart.slices(0)) == list(here.slices(0))
    assert (apart.total, apart.timeframe, apart.span) == (4, Timeframe.M1, here.span)


def test_a_given_timeframe_is_handed_on(tmp_path: Path) -> None:
    bars = asyncio.run(read_apart([csv(tmp_path, GOOD[0])], Timeframe.H1))
    assert bars.timeframe is Timeframe.H1


def test_the_sentence_that_refuses_a_file_comes_back(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,2026-01-05 14:30,1,1,1,x,1")
    with pytest.raises(DataError) as caught:
        asyncio.run(read_apart([path], None))
    assert str(caught.value) == f"{path}: row 1 (SPY): close is 'x', a number is expected"


def test_a_reader_that_breaks_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyarrow.py").write_text("raise RuntimeError('no room left')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[5]}")
    with pytest.raises(DataError, match="ended with 1: RuntimeError: no room left"):
        asyncio.run(read_apart([csv(tmp_path, *GOOD)], None))
