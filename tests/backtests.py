"""What backtest tests share: made-up bars as columns, desks, and the whole tape beside a run."""

import random
from array import array
from collections.abc import Mapping, Sequence
from typing import override

from console.configuration import DeskConfiguration
from console.in_process import play
from services.data.config import DataSettings
from services.data.files.bars import Bars
from services.data.files.source import FileSource
from services.strategy.author import Strategy
from services.strategy.config import StrategySettings
from shared.domain.sessions import next_session, session_of_date
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar
from shared.tape.memory import MemoryTape

TAPE_ID = "00112233445566ff"


def made_up_bars(
    symbols: Sequence[str] = ("AAA", "BBB", "CCC"),
    *,
    sessions: int = 2,
    seed: int = 7,
    gaps: float = 0.1,
    first: str = "2025-05-12",
) -> Bars:
    """Minutes of a few sessions, with a little of the extended hours, and gaps (a fraction)."""
    draw = random.Random(seed)
    session = session_of_date(first)
    assert session is not None
    rows: list[tuple[int, int, float, float, float, float, float]] = []
    closes = dict.fromkeys(range(len(symbols)), 100.0)
    for _ in range(sessions):
        begin, end = session.open_ns - 600 * NS_PER_S, session.close_ns + 600 * NS_PER_S
        for start in range(begin, end, 60 * NS_PER_S):
            for code, before in closes.items():
                if draw.random() < gaps:
                    continue
                close = round(before * (1 + draw.gauss(0, 0.002)), 2)
                high, low = max(before, close) + 0.01, min(before, close) - 0.01
                volume = float(draw.randrange(100, 20_000))
                rows.append((start, code, before, round(high, 2), round(low, 2), close, volume))
                closes[code] = close
        session = next_session(session.close_ns)
    columns = list(zip(*rows, strict=True))
    return Bars(
        timeframe=Timeframe.M1,
        symbols=tuple(symbols),
        symbol=memoryview(array("q", columns[1])),
        start_ns=memoryview(array("q", columns[0])),
        end_ns=memoryview(array("q", (start + 60 * NS_PER_S for start in columns[0]))),
        prices=tuple(memoryview(array("d", column)) for column in columns[2:6]),
        volume=memoryview(array("d", columns[6])),
        vwap=None,
        trades=None,
    )


class Holder(Strategy):
    """Buys ten shares at the first bar and keeps them."""

    @override
    def on_bar(self, bar: Bar) -> None:
        if not self.position(bar.symbol):
            self.buy(bar.symbol, 10)


def desk_of(
    strategies: Mapping[str, StrategySettings] | None = None, **sections: object
) -> DeskConfiguration:
    """A desk that plays files; without strategies one crossover trades everything."""
    crossover = StrategySettings(use="ema_crossover", active=True, params={"fast": 5, "slow": 12})
    return DeskConfiguration.model_validate(
        {
            "data": DataSettings(feed="file"),
            "strategies": strategies or {"ema_crossover": crossover},
            **sections,
        }
    )


def whole_tape(desk: DeskConfiguration, bars: Bars) -> tuple[MemoryTape, list[Message]]:
    """The same run with every message encoded, kept, and given to everybody: the reference."""
    source = FileSource.of(bars)
    tape = play(desk, TAPE_ID, source.timeframe, source.slices(-1))
    return tape, [tape.entry(seq).open()[1] for seq in range(1, tape.last_seq + 1)]
