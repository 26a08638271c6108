"""Cores that are given what they wait for end in the state of cores that are given everything."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration
from console.in_process import actors_of
from services.data.files.bars import Bars
from services.data.files.source import FileSource
from services.strategy.config import StrategySettings
from shared.runtime.drain import Drain
from shared.subjects import lane
from tests.backtests import TAPE_ID, desk_of, made_up_bars
from tests.real_data import real

FEED = lane("data", "file")


def states(desk: DeskConfiguration, bars: Bars, *, patiently: bool) -> dict[str, object]:
    """Every core's snapshot at the end, and the sequence reached."""
    actors = actors_of(desk, TAPE_ID, bars.timeframe)
    drain = Drain(actors, TAPE_ID)
    drain.be_born()
    if patiently:
        for _ in drain.play_moments(FEED, Timeline(bars).moments()):
            pass
        drain.settle()
    else:
        for part in FileSource.of(bars).slices(-1):
            drain.play(FEED, part)
    found = {str(one.core.lane): msgspec.json.decode(one.core.snapshot()) for one in actors}
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


def test_nor_on_a_week_of_real_bars() -> None:
    bars = FileSource([real("bars_1min/yahoo_2025-05.parquet")]).bars
    desk = desk_of()
    assert states(desk, bars, patiently=True) == states(desk, bars, patiently=False)
