"""Blocks hold the slices, and the counted bars are those that the aggregator says."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from console.backtest.timeline import Timeline
from services.data.core import BarAggregator
from services.data.files.bars import Bars
from services.data.files.source import FileSource
from shared.core import Stamp
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.market import Clock, CorporateAction
from shared.subjects import lane
from tests.backtests import made_up_bars
from tests.real_data import real

LONGER = (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1)
FILES = (
    "bars_1min/yahoo_2025-05.parquet",
    "bars_1sec/lean_tradebars.parquet",
    "bars_15min/alpaca_iex_2025-2026.parquet",
)


def assert_same(bars: Bars, longer: tuple[Timeframe, ...] = LONGER) -> None:
    aggregator = BarAggregator(feed="file", native=bars.timeframe, timeframes=longer)
    timeline = Timeline(bars)
    blocks = timeline.blocks(longer)
    slices = list(FileSource.of(bars).slices(-1))
    assert len(slices) == len(timeline.ts_ns)
    before = None
    places = ((block, place) for block in blocks for place in range(len(block.ts_ns)))
    for part, (block, place) in zip(slices, places, strict=True):
        clock = blocks.clock(block.ts_ns[place])
        rows = slice(block.first[place], block.first[place + 1])
        actions = block.actions.get(place, ())
        assert part.ts_ns == block.ts_ns[place]
        assert part.messages == (*actions, *block.bars[rows], clock)
        assert block.closes[rows] == [bar.close for bar in block.bars[rows]]
        assert block.bar_ts_ns[rows] == [part.ts_ns] * len(block.bars[rows])
        turns = bool(actions) or before != (clock.session, clock.is_open)
        assert turns == (place in block.turns)
        before = (clock.session, clock.is_open)
        stamp = Stamp(0, part.ts_ns, lane("data", "file"), "", "")
        said = [one for message in part.messages for one in aggregator.handle(stamp, message)]
        here = block.offsets[place + 1] - block.offsets[place]
        assert here == len(part.messages) + len(said)


@pytest.mark.parametrize("gaps", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("first", ["2025-05-09", "2025-11-26"])  # a weekend, a half day
def test_made_up_bars(gaps: float, first: str) -> None:
    assert_same(made_up_bars(sessions=3, gaps=gaps, first=first))


def test_only_some_timeframes() -> None:
    assert_same(made_up_bars(), (Timeframe.H1,))
    assert_same(made_up_bars(), ())


@pytest.mark.parametrize("name", FILES)
def test_real_bars(name: str) -> None:
    source = FileSource([real(name)])
    longer = tuple(t for t in LONGER if t.seconds > source.timeframe.seconds)
    assert_same(source.bars, longer)


def test_sessions_are_named_and_numbered() -> None:
    timeline = Timeline(made_up_bars(sessions=2))
    assert timeline.sessions == ("2025-05-12", "2025-05-13")
    for ts_ns, code in zip(timeline.ts_ns.tolist(), timeline.session.tolist(), strict=True):
        clock: Clock = timeline.blocks().clock(ts_ns)
        assert clock.session == (timeline.sessions[code] if code >= 0 else "")


def test_parts_hold_every_slice_once() -> None:
    timeline = Timeline(made_up_bars(tuple(f"S{i:03}" for i in range(80)), sessions=1, gaps=0.0))
    parts = list(timeline.parts())
    assert len(parts) > 1
    assert parts[0][0] == 0
    assert parts[-1][1] == len(timeline.ts_ns)
    assert all(one[1] == other[0] for one, other in pairwise(parts))


@pytest.mark.parametrize("gaps", [0.0, 0.9])
def test_splits_and_dividends_stand_where_the_slices_have_them(gaps: float) -> None:
    bars = made_up_bars(sessions=3, gaps=gaps)
    action = CorporateAction(symbol="AAA", kind="split", ex_date="2025-05-13", ratio=2.0)
    other = CorporateAction(symbol="BBB", kind="dividend", ex_date="2025-05-13", cash_per_share=0.1)
    night_ns, bar_ns = bars.end_ns[0] + 15 * 3_600 * NS_PER_S, bars.end_ns[-9]
    actions = ((night_ns, action), (bar_ns, action), (bar_ns, other))
    assert_same(replace(bars, actions=actions))
