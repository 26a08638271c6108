"""The file feed as time slices."""

from pathlib import Path

from services.data.files.source import FileSource
from shared.domain.values import Timeframe
from shared.messages.market import Bar, Clock
from tests.bar_files import GOOD, HEADER, MINUTE, OPEN_NS, csv, play


def test_a_slice_holds_the_bars_of_a_moment_by_symbol_and_its_clock(tmp_path: Path) -> None:
    source = FileSource([csv(tmp_path, *GOOD[2:], *GOOD[:2])])
    first, second = source.slices(0)
    assert first.ts_ns == OPEN_NS + MINUTE
    assert second.ts_ns == OPEN_NS + 2 * MINUTE
    assert first.messages == (
        Bar(
            symbol="AAPL",
            timeframe=Timeframe.M1,
            start_ns=OPEN_NS,
            open=10.0,
            high=11.0,
            low=9.0,
            close=10.5,
            volume=100.0,
        ),
        Bar(
            symbol="SPY",
            timeframe=Timeframe.M1,
            start_ns=OPEN_NS,
            open=20.0,
            high=21.0,
            low=19.0,
            close=20.5,
            volume=300.0,
        ),
        Clock(ts_ns=OPEN_NS + MINUTE, session="2026-01-05", is_open=True),
    )
    assert (source.total, source.timeframe, source.symbols) == (4, Timeframe.M1, ("AAPL", "SPY"))


def test_slices_go_on_after_a_moment(tmp_path: Path) -> None:
    source = FileSource([csv(tmp_path, *GOOD)])
    every = list(source.slices(0))
    assert list(source.slices(every[0].ts_ns)) == every[1:]
    assert list(source.slices(every[1].ts_ns)) == []


def test_a_daily_bar_is_its_session(tmp_path: Path) -> None:
    header = HEADER.replace("ts", "date")
    path = csv(tmp_path, "SPY,2026-11-25,1,1,1,1,0", "SPY,2026-11-27,1,1,1,1,0", header=header)
    source = FileSource([path])
    assert source.timeframe is Timeframe.D1
    slices = list(source.slices(0))
    assert [s.messages[-1] for s in slices] == [
        Clock(ts_ns=1_795_640_400 * 10**9, session="2026-11-25"),
        Clock(ts_ns=1_795_802_400 * 10**9, session="2026-11-27"),  # a half day
    ]


def test_a_daily_bar_without_a_session_ends_with_the_utc_day(tmp_path: Path) -> None:
    header = HEADER.replace("ts", "date")
    path = csv(tmp_path, "X,2026-01-03,1,1,1,1,0", header=header)
    (bar,) = play(path)
    (part,) = FileSource([path]).slices(0)
    assert part.ts_ns - bar.start_ns == 86_400 * 10**9


def test_a_midnight_of_new_york_names_the_same_day(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,2026-03-06 05:00,1,1,1,1,0", "SPY,2026-03-09 04:00,1,1,1,1,0")
    assert [m.session for s in FileSource([path]).slices(0) for m in s.messages[1:]] == [  # type: ignore[attr-defined]
        "2026-03-06",
        "2026-03-09",
    ]


def test_a_session_that_stops_early_in_the_file_is_closed_by_its_clock(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "SPY,2026-01-05 20:00,1,1,1,1,0",
        "SPY,2026-01-05 20:01,1,1,1,1,0",
        "SPY,2026-01-06 15:00,1,1,1,1,0",
    )
    source = FileSource([path])
    every = list(source.slices(0))
    close_ns = OPEN_NS + 390 * MINUTE
    assert every[2].messages == (Clock(ts_ns=close_ns, session="2026-01-05"),)
    assert len(every) == 4
    for i, part in enumerate(every):
        assert list(source.slices(part.ts_ns)) == every[i + 1 :]
