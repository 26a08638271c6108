"""The file feed as time slices."""

from pathlib import Path

from services.data.files.source import FileSource
from shared.domain.sessions import session_at
from shared.domain.values import Timeframe
from shared.messages.market import Bar, Clock
from tests.bar_files import GOOD, HEADER, MINUTE, OPEN_NS, csv, play


def test_a_slice_holds_the_bars_of_a_moment_by_symbol_and_its_clock(tmp_path: Path) -> None:
    source = FileSource([csv(tmp_path, *GOOD[2:], *GOOD[:2])])
    bell, first, second = source.slices(0)
    assert bell.messages == (Clock(ts_ns=OPEN_NS, session="2026-01-05", is_open=True),)
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
    for i, part in enumerate(every):
        assert list(source.slices(part.ts_ns)) == every[i + 1 :]


def test_a_daily_bar_is_its_session(tmp_path: Path) -> None:
    header = HEADER.replace("ts", "date")
    path = csv(tmp_path, "SPY,2026-11-25,1,1,1,1,0", "SPY,2026-11-27,1,1,1,1,0", header=header)
    source = FileSource([path])
    assert source.timeframe is Timeframe.D1
    assert [part.messages[-1] for part in source.slices(0)] == [
        Clock(ts_ns=1_795_617_000 * 10**9, session="2026-11-25", is_open=True),
        Clock(ts_ns=1_795_640_400 * 10**9, session="2026-11-25"),
        Clock(ts_ns=1_795_789_800 * 10**9, session="2026-11-27", is_open=True),
        Clock(ts_ns=1_795_802_400 * 10**9, session="2026-11-27"),  # a half day
    ]
    assert [bar.start_ns for bar in play(path)] == [
        1_795_617_000 * 10**9,
        1_795_789_800 * 10**9,
    ]


def test_a_daily_bar_without_a_session_ends_with_the_utc_day(tmp_path: Path) -> None:
    header = HEADER.replace("ts", "date")
    path = csv(tmp_path, "X,2026-01-03,1,1,1,1,0", header=header)
    (bar,) = play(path)
    (part,) = FileSource([path]).slices(0)
    assert part.ts_ns - bar.start_ns == 86_400 * 10**9


def test_a_midnight_of_new_york_names_the_same_day(tmp_path: Path) -> None:
    path = csv(tmp_path, "SPY,2026-03-06 05:00,1,1,1,1,0", "SPY,2026-03-09 04:00,1,1,1,1,0")
    sessions = [session_at(bar.start_ns) for bar in play(path)]
    assert [session.date for session in sessions if session] == ["2026-03-06", "2026-03-09"]


def test_a_session_begins_and_ends_with_a_clock_where_the_file_has_no_bar(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "SPY,2026-01-05 20:00,1,1,1,1,0",
        "SPY,2026-01-05 20:01,1,1,1,1,0",
        "SPY,2026-01-06 15:00,1,1,1,1,0",
    )
    source = FileSource([path])
    every = list(source.slices(0))
    close_ns, next_open_ns = OPEN_NS + 390 * MINUTE, OPEN_NS + 1_440 * MINUTE
    bells = [part.messages for part in every if len(part.messages) == 1]
    assert bells == [
        (Clock(ts_ns=OPEN_NS, session="2026-01-05", is_open=True),),
        (Clock(ts_ns=close_ns, session="2026-01-05"),),
        (Clock(ts_ns=next_open_ns, session="2026-01-06", is_open=True),),
    ]
    assert len(every) == 6
    for i, part in enumerate(every):
        assert list(source.slices(part.ts_ns)) == every[i + 1 :]


def test_a_bell_is_not_rung_twice_where_bars_end_at_it(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "SPY,2026-01-05 14:29,1,1,1,1,0",
        "SPY,2026-01-05 14:30,1,1,1,1,0",
        "SPY,2026-01-05 20:59,1,1,1,1,0",
        "SPY,2026-01-05 21:00,1,1,1,1,0",
    )
    assert [len(part.messages) for part in FileSource([path]).slices(0)] == [2, 2, 2, 2]
