"""Cores that are given what they wait for end in the state of cores that are given everything."""

from array import array
from collections.abc import Sequence
from typing import override

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from console.backtest.engine import silenced
from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration
from console.in_process import actors_of
from services.data.files.bars import Bars
from services.data.files.source import FileSource
from services.strategy.author import Strategy
from services.strategy.config import StrategySettings
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.market import Bar
from shared.runtime.drain import Drain
from shared.runtime.playback import Playback
from shared.subjects import AGGREGATED, lane
from tests.backtests import TAPE_ID, desk_of, made_up_bars
from tests.real_data import real

FEED = lane("data", "file")


def states(
    desk: DeskConfiguration, bars: Bars, *, patiently: bool, silences: bool = False
) -> dict[str, object]:
    """Every core's snapshot at the end, and the sequence reached.

    `silences` leaves out what the aggregator says, but for the numbers that it takes; the ledger
    notes the newest message that it has read, and it has not read those then.
    """
    actors = actors_of(desk, TAPE_ID, bars.timeframe)
    unread: Sequence[Timeframe] = ()
    if silences and patiently:
        unread = desk.data.timeframes
        actors = [silenced(actor) for actor in actors]
    drain = Drain(actors, TAPE_ID)
    drain.be_born()
    if patiently:
        playback = Playback(drain, FEED, Timeline(bars).blocks(unread))
        for _ in playback.play():
            pass
        playback.settle()
    else:
        for part in FileSource.of(bars).slices(-1):
            drain.play(FEED, part)
    cores = [one.core for one in actors if not silences or one.core.lane != AGGREGATED]
    found = {str(core.lane): msgspec.json.decode(core.snapshot()) for core in cores}
    if silences:
        del found["ledger.main"]["seq"]
    return {**found, "seq": drain.seq}


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gaps=st.sampled_from([0.0, 0.3, 0.8]),
    fraction=st.sampled_from(["0.02", "0.2"]),
    loss=st.sampled_from(["0.0005", "0.02"]),
    timeframe=st.sampled_from([None, "5m"]),
)
def test_what_is_held_back_makes_no_difference(
    seed: int, gaps: float, fraction: str, loss: str, timeframe: str | None
) -> None:
    bars = made_up_bars(("AAA", "BBB"), sessions=2, seed=seed, gaps=gaps)
    quick = {"use": "ema_crossover", "active": True, "params": {"fast": 3, "slow": 8}}
    desk = desk_of(
        {
            "quick": StrategySettings.model_validate({**quick, "timeframe": timeframe}),
            "orb": StrategySettings(use="orb", active=True),
        },
        risk={"position_fraction": fraction, "max_daily_loss_fraction": loss},
    )
    assert states(desk, bars, patiently=True) == states(desk, bars, patiently=False)


class Restless(Strategy):
    """Does, now and then, whatever an author can do in a bar besides looking at it."""

    seen: int = 0
    every: int = 7

    @override
    def on_bar(self, bar: Bar) -> None:
        self.seen += 1
        symbol, turn = bar.symbol, self.seen % (self.every * 8)
        self.note(average=self.ema(symbol, 5))
        if turn == self.every:
            self.buy(symbol, values={"seen": self.seen})
        elif turn == self.every * 2:
            self.set_timer("soon", self.now_ns + 90 * NS_PER_S)
        elif turn == self.every * 3:
            raise ValueError(f"bar {self.seen}")
        elif turn == self.every * 4:
            self.exit(symbol, limit=bar.close * 1.001)
        elif turn == self.every * 5:
            self.set_timer("now", self.now_ns)
        elif turn == self.every * 6:
            self.sell(symbol, reason="muted while long")
            self.cancel_timer("soon")
        elif turn == self.every * 7:
            self.exit(symbol)

    @override
    def on_timer(self, name: str, due_ns: int) -> None:
        self.every = 7 + (self.every - 6) % 5
        for symbol in ("AAA", "BBB"):
            if name == "soon" and not self.position(symbol):
                self.buy(symbol, limit=self.price(symbol), stop=(self.price(symbol) or 1) * 0.9)


HOLDER, RESTLESS = "tests.backtests:Holder", f"{__name__}:Restless"


@settings(max_examples=25, deadline=None)
@given(
    symbols=st.sampled_from([("AAA",), ("AAA", "BBB")]),
    seed=st.integers(0, 10_000),
    gaps=st.sampled_from([0.0, 0.3, 0.8]),
    loss=st.sampled_from(["0.0002", "0.0005", "0.02"]),
    used=st.sampled_from(
        [
            ("ema_crossover",),
            ("orb",),
            (HOLDER,),
            (RESTLESS,),
            (RESTLESS, "ema_crossover"),
            (RESTLESS, "orb"),
        ]
    ),
    allow_short=st.booleans(),
)
def test_nor_that_bars_are_given_in_runs(
    symbols: tuple[str, ...], seed: int, gaps: float, loss: str, used: tuple[str, ...],
    *, allow_short: bool,
) -> None:  # fmt: skip
    bars = made_up_bars(symbols, sessions=3, seed=seed, gaps=gaps)
    each = {"active": True, "errors_max": 2, "timeframe": "1m"}
    desk = desk_of(
        {use[-3:]: StrategySettings.model_validate({"use": use, **each}) for use in used},
        risk={"max_daily_loss_fraction": loss, "allow_short": allow_short},
    )
    expected = states(desk, bars, patiently=False, silences=True)
    assert states(desk, bars, patiently=True, silences=True) == expected


def test_nor_that_a_symbol_comes_once_among_bars_of_another() -> None:
    bars = made_up_bars(("AAA", "BBB"), sessions=1, gaps=0.0)
    codes = list(bars.symbol)
    once = [row for row, code in enumerate(codes) if code][100]
    rows = [row for row, code in enumerate(codes) if not code or row == once]
    times, numbers = ("symbol", "start_ns", "end_ns"), [*bars.prices, bars.volume]
    integers = {
        name: memoryview(array("q", (getattr(bars, name)[r] for r in rows))) for name in times
    }
    *prices, volume = (memoryview(array("d", (column[r] for r in rows))) for column in numbers)
    few = replace(bars, **integers, prices=tuple(prices), volume=volume)
    for used in (("ema_crossover",), ("ema_crossover", "sma_crossover")):
        each = {"active": True, "timeframe": "1m", "params": {"fast": 500, "slow": 600}}
        desk = desk_of(
            {use[:3]: StrategySettings.model_validate({"use": use, **each}) for use in used}
        )
        expected = states(desk, few, patiently=False, silences=True)
        assert states(desk, few, patiently=True, silences=True) == expected


def test_nor_on_a_week_of_real_bars() -> None:
    bars = FileSource([real("bars_1min/yahoo_2025-05.parquet")]).bars
    desk = desk_of()
    assert states(desk, bars, patiently=True) == states(desk, bars, patiently=False)
