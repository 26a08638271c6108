"""Blocks of bars: which slice leaves the bounds first."""

import pytest

from shared.domain.values import Timeframe
from shared.messages.market import Bar
from shared.runtime.source import Block


def block_of(*slices: dict[str, float]) -> Block:
    """A block with these closes by symbol in its slices."""
    closes = [close for part in slices for close in part.values()]
    symbols = [symbol for part in slices for symbol in part]
    first = [0]
    for part in slices:
        first.append(first[-1] + len(part))
    return Block(
        symbols=tuple(dict.fromkeys(symbols)),
        ts_ns=list(range(len(slices))),
        first=first,
        bars=[
            Bar(
                symbol=symbol, timeframe=Timeframe.M1, start_ns=0, open=close, high=close,
                low=close, close=close, volume=1.0,
            )
            for symbol, close in zip(symbols, closes, strict=True)
        ],
        closes=closes,
        bar_ts_ns=[place for place, part in enumerate(slices) for _ in part],
        offsets=[],
        turns=[],
        actions={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(1.0, 9.0, 4), (3.0, 9.0, 0), (1.0, 3.0, 2), (2.0, 4.0, 4), (0.0, 1.5, 0)],
)
def test_one_symbol(low: float, high: float, found: int) -> None:
    block = block_of({"AAA": 2.0}, {"AAA": 3.0}, {"AAA": 4.0}, {"AAA": 2.5})
    assert block.first_outside(0, 4, {"AAA": (low, high)}) == found


def test_what_lies_before_and_behind_is_not_looked_at() -> None:
    block = block_of({"AAA": 9.0}, {"AAA": 3.0}, {"AAA": 3.0}, {"AAA": 9.0})
    assert block.first_outside(1, 3, {"AAA": (2.0, 4.0)}) == 3


def test_of_several_symbols_only_those_with_bounds_count() -> None:
    block = block_of({"AAA": 2.0, "BBB": 50.0}, {}, {"BBB": 60.0}, {"AAA": 1.0})
    assert block.first_outside(0, 4, {"AAA": (1.5, 3.0)}) == 3
    assert block.first_outside(0, 4, {"BBB": (40.0, 55.0)}) == 2
    assert block.first_outside(0, 4, {}) == 4


def test_a_slice_without_bars_is_within_all_bounds() -> None:
    assert block_of({}, {"AAA": 9.0}).first_outside(0, 1, {"AAA": (1.0, 2.0)}) == 1
