"""What holds for bars built from any trades, in any order of symbols, across any restart."""

from collections import defaultdict
from datetime import UTC, datetime
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from services.data.core import BarAggregator
from services.data.rules.buckets import derive_bucket
from shared.core import Stamp
from shared.domain.sessions import session_at
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, Clock, Trade, TradeTick
from shared.subjects import lane

FRAMES = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.D1)
STEP = 20 * NS_PER_S
# From an hour before the open of a half day (2026-11-27) to four hours after its close.
BEGIN = int(datetime(2026, 11, 27, 13, 30, tzinfo=UTC).timestamp()) * NS_PER_S
STEPS = 8 * 180 + 60

type Slice = tuple[int, tuple[Trade, ...]]

ticks = st.tuples(
    st.integers(0, STEPS - 1),  # step
    st.sampled_from(["A", "B", "C.D"]),
    st.integers(0, STEP - 1),  # when in the step
    st.integers(1, 2_000).map(lambda cents: cents / 4),  # exact in binary, sums too
    st.integers(1, 1_000).map(float),
)


@st.composite
def days(draw: st.DrawFn) -> list[Slice]:
    """Slices with the trades of three symbols, in an arbitrary order of symbols."""
    drawn = sorted(draw(st.lists(ticks, max_size=60)))
    made = []
    for step, group in groupby(drawn, key=lambda tick: tick[0]):
        by_symbol: dict[str, list[TradeTick]] = defaultdict(list)
        for _, symbol, offset, price, size in group:
            by_symbol[symbol].append(TradeTick(BEGIN + step * STEP + offset, price, size))
        trades = [Trade(symbol=s, ticks=tuple(t)) for s, t in by_symbol.items()]
        made.append((BEGIN + (step + 1) * STEP, tuple(draw(st.permutations(trades)))))
    made.append((BEGIN + (STEPS + 180) * STEP, ()))
    return made


def aggregator() -> BarAggregator:
    return BarAggregator(feed="test", native=None, timeframes=FRAMES)


def run(core: BarAggregator, slices: list[Slice]) -> list[Bar]:
    made: list[Message] = []
    for ts_ns, trades in slices:
        stamp = Stamp(seq=1, ts_ns=ts_ns, lane=lane("data", "test"), id="", correlation_id="")
        for message in (*trades, Clock(ts_ns=ts_ns)):
            made += core.handle(stamp, message)
    return [bar for bar in made if isinstance(bar, Bar)]


def expected(slices: list[Slice]) -> dict[tuple[str, str, int], tuple[float, ...]]:
    """Every bar computed at once from all trades of its bucket, without any chain."""
    gathered: dict[tuple[str, str, int], list[TradeTick]] = defaultdict(list)
    for _, trades in slices:
        for trade in trades:
            for tick in trade.ticks:
                for frame in FRAMES:
                    bucket = derive_bucket(tick.ts_ns, frame)
                    if bucket is not None:
                        gathered[frame.value, trade.symbol, bucket.start_ns].append(tick)
    return {
        key: (
            its[0].price,
            max(t.price for t in its),
            min(t.price for t in its),
            its[-1].price,
            sum(t.size for t in its),
            len(its),
        )
        for key, its in gathered.items()
    }


@given(days())
def test_every_bar_is_what_its_trades_say(slices: list[Slice]) -> None:
    core = aggregator()
    bars = {
        (b.timeframe.value, b.symbol, b.start_ns): (
            *(b.open, b.high, b.low, b.close, b.volume),
            b.trades,
        )
        for b in run(core, slices)
    }
    assert bars == expected(slices)
    assert core.late == 0


@given(days())
def test_the_volume_of_a_session_is_the_same_in_every_timeframe(slices: list[Slice]) -> None:
    totals: dict[Timeframe, float] = dict.fromkeys(FRAMES, 0.0)
    for bar in run(aggregator(), slices):
        if session_at(bar.start_ns) is not None:
            totals[bar.timeframe] += bar.volume
    assert len(set(totals.values())) == 1


@given(days())
def test_the_order_of_symbols_within_a_slice_does_not_matter(slices: list[Slice]) -> None:
    other = [(ts_ns, tuple(reversed(trades))) for ts_ns, trades in slices]
    assert run(aggregator(), slices) == run(aggregator(), other)


@given(days(), st.integers(0, 60))
def test_a_restart_anywhere_changes_nothing(slices: list[Slice], place: int) -> None:
    first, second = aggregator(), aggregator()
    bars = run(first, slices[:place])
    second.restore(first.snapshot())
    assert bars + run(second, slices[place:]) == run(aggregator(), slices)


@given(days())
def test_bars_of_one_moment_come_shorter_first_and_by_symbol(slices: list[Slice]) -> None:
    core = aggregator()
    for part in slices:
        bars = run(core, [part])
        places = [(bar.timeframe.seconds, bar.start_ns, bar.symbol) for bar in bars]
        assert places == sorted(places)
        assert all(bar.start_ns < part[0] for bar in bars)
