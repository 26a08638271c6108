"""The engine finds what the whole tape says, in less time."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from console.backtest.engine import run
from console.backtest.result import Fill, Result
from console.backtest.statistics.summary import statistics
from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration
from services.data.config import DataSettings
from services.data.files.bars import Bars
from services.data.files.source import FileSource
from services.strategy.config import StrategySettings
from shared.domain.sessions import session_of_date
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.market import Bar, CorporateAction
from shared.messages.orders import Account, Filled, Submitting
from shared.messages.signals import Signal
from shared.tape.memory import MemoryTape
from tests.backtests import TAPE_ID, desk_of, made_up_bars, whole_tape
from tests.real_data import real


def fills_on(tape: MemoryTape) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for seq in range(1, tape.last_seq + 1):
        stamp, message = tape.entry(seq).open()
        if isinstance(message, Filled):
            found.append(
                (
                    seq, stamp.ts_ns, message.strategy_id, message.order_id, message.symbol,
                    message.side, message.intent, message.quantity, message.price,
                    message.commission + message.fees,
                )
            )  # fmt: skip
    return found


def in_short(fill: Fill) -> tuple[object, ...]:
    return (
        fill.seq, fill.ts_ns, fill.strategy_id, fill.order_id, fill.symbol, fill.side,
        fill.intent, fill.quantity, fill.price, fill.fees,
    )  # fmt: skip


def assert_equals_the_whole_tape(desk: DeskConfiguration, bars: Bars, *, fills: int) -> Result:
    tape, messages = whole_tape(desk, bars)
    result = run(desk, bars, tape_id=TAPE_ID)
    assert [in_short(fill) for fill in result.fills] == fills_on(tape)
    assert len(result.fills) > fills
    assert result.document["tape"] == {"id": TAPE_ID, "first": 1, "last": tape.last_seq}
    assert result.document["signals"] == sum(isinstance(m, Signal) for m in messages)
    assert result.document["bars"] == len(bars.end_ns)
    assert result.document["balanced"]
    assert result.is_complete
    stated = [m for m in messages if isinstance(m, Account)]
    assert stated[0].cash == result.starting_cash
    return result


def crossover(
    symbols: tuple[str, ...] = ("*",), timeframe: Timeframe | None = None
) -> StrategySettings:
    return StrategySettings(
        use="ema_crossover", active=True, symbols=symbols, timeframe=timeframe,
        params={"fast": 5, "slow": 12},
    )  # fmt: skip


def test_a_crossover_over_three_symbols_equals_the_whole_tape() -> None:
    assert_equals_the_whole_tape(desk_of(), made_up_bars(), fills=100)


def test_several_strategies_with_symbols_of_their_own_equal_the_whole_tape() -> None:
    strategies = {
        "quick": crossover(("AAA", "CCC")),
        "orb": StrategySettings(use="orb", active=True, symbols=("BBB",)),
        "silent": StrategySettings(use="sma_crossover", active=False),
    }
    assert_equals_the_whole_tape(desk_of(strategies), made_up_bars(sessions=3), fills=50)


def test_a_strategy_on_longer_bars_equals_the_whole_tape() -> None:
    strategies = {"slow": crossover(timeframe=Timeframe.M5), "quick": crossover(("AAA",))}
    assert_equals_the_whole_tape(desk_of(strategies), made_up_bars(sessions=3), fills=20)


def test_a_day_that_loses_too_much_ends_at_the_same_message() -> None:
    desk = desk_of(
        risk={"position_fraction": "0.2", "max_daily_loss_fraction": "0.001"},
        execution={"paper": {"slippage_bps": "20"}},
    )
    result = assert_equals_the_whole_tape(desk, made_up_bars(sessions=4), fills=5)
    assert result.document["denied"]


def test_an_aggregator_that_waits_plays_itself() -> None:
    desk = desk_of(data=DataSettings(feed="file", grace_s=30.0))
    assert_equals_the_whole_tape(desk, made_up_bars(), fills=100)


def test_the_curve_ends_where_the_books_do() -> None:
    result = run(desk_of(), made_up_bars(), tape_id=TAPE_ID)
    equity = Decimal(str(result.document["equity"]))
    cash = Decimal(str(result.document["cash"]))
    assert Decimal(repr(float(result.curve.equity[-1]))).quantize(Decimal("0.0001")) == equity
    assert Decimal(repr(float(result.curve.cash[-1]))).quantize(Decimal("0.0001")) == cash
    assert result.curve.equity[0] == result.curve.cash[0] == float(result.starting_cash)
    assert len(result.curve.times_ns) == len(result.curve.session) == len(result.curve.gross)


def test_every_fill_knows_the_price_at_which_its_order_was_sent() -> None:
    bars = made_up_bars(("AAA",))
    closes = dict(zip(bars.end_ns.tolist(), bars.prices[3].tolist(), strict=True))
    tape, _ = whole_tape(desk_of(), bars)
    opened = [tape.entry(seq).open() for seq in range(1, tape.last_seq + 1)]
    sent = {m.order_id: closes[s.ts_ns] for s, m in opened if isinstance(m, Submitting)}
    result = run(desk_of(), bars, tape_id=TAPE_ID)
    assert all(fill.reference == sent[fill.order_id] for fill in result.fills)


def test_a_run_that_is_stopped_stands_at_the_end_of_a_slice() -> None:
    bars = made_up_bars(sessions=4)
    whole = run(desk_of(), bars, tape_id=TAPE_ID)
    stopped = run(desk_of(), bars, tape_id=TAPE_ID, on_progress=lambda _ns: False)
    assert not stopped.is_complete
    until_ns = int(stopped.curve.times_ns[-1])
    cut = run(desk_of(), bars, tape_id=TAPE_ID, until_ns=until_ns)
    drop = {"seconds", "tape"}
    assert {k: v for k, v in cut.document.items() if k not in drop} == {
        k: v for k, v in stopped.document.items() if k not in drop
    }
    assert list(stopped.fills) == [f for f in whole.fills if f.ts_ns <= until_ns]


def test_the_same_timeline_may_be_played_again_and_again() -> None:
    timeline = Timeline(made_up_bars())
    first, second = run(desk_of(), timeline), run(desk_of(), timeline)
    assert list(first.fills) == list(second.fills)
    assert np.array_equal(first.curve.equity, second.curve.equity)


def test_bars_are_played_from_a_time_on() -> None:
    bars = made_up_bars(sessions=3)
    from_ns = bars.end_ns[len(bars.end_ns) // 2]
    result = run(desk_of(), bars, from_ns=from_ns)
    assert result.prices["AAA"].times_ns[0] >= from_ns > result.curve.times_ns[0]  # the bell
    assert result.document["bars"] == sum(end >= from_ns for end in bars.end_ns)


@pytest.mark.parametrize("symbols", [("AAA",), ("AAA", "BBB")])
def test_prices_are_those_of_the_bars(symbols: tuple[str, ...]) -> None:
    bars = made_up_bars(symbols)
    result = run(desk_of(), bars)
    for code, symbol in enumerate(symbols):
        closes = [c for c, s in zip(bars.prices[3], bars.symbol, strict=True) if s == code]
        assert result.prices[symbol].close.tolist() == closes


def test_a_bar_may_be_made_by_place() -> None:
    bar = Bar("AAA", Timeframe.M1, 1, 1.0, 2.0, 0.5, 1.5, 10.0)
    assert (bar.symbol, bar.high, bar.volume, bar.vwap) == ("AAA", 2.0, 10.0, None)


def test_splits_and_dividends_equal_the_whole_tape_and_cost_nobody_anything() -> None:
    bars = made_up_bars(sessions=3)
    night_ns = int(bars.end_ns[0]) + 15 * 3_600 * NS_PER_S
    split = CorporateAction(symbol="AAA", kind="split", ex_date="2025-05-13", ratio=3.0)
    paid = CorporateAction(symbol="BBB", kind="dividend", ex_date="2025-05-13", cash_per_share=0.25)
    held = replace(bars, actions=((night_ns, split), (night_ns, paid)))
    result = assert_equals_the_whole_tape(desk_of(), held, fills=100)
    equity = Decimal(str(result.document["equity"]))
    assert Decimal(repr(float(result.curve.equity[-1]))).quantize(Decimal("0.0001")) == equity


def test_apples_real_splits_leave_no_gap_in_the_curve(tmp_path: Path) -> None:
    """Raw prices fall to a seventh and to a quarter; who holds the shares loses nothing."""
    path = tmp_path / "actions.csv"
    path.write_text("symbol,date,ratio\nAAPL,2014-06-09,7\nAAPL,2020-08-31,4\n", encoding="utf-8")
    source = FileSource([real("daily/lean_daily_raw.parquet")], None, path)
    first = session_of_date("2014-01-02")
    assert first is not None
    holding = StrategySettings(
        use="tests.backtests:Holder", active=True, symbols=("AAPL",), timeframe=Timeframe.D1
    )
    result = run(desk_of({"hold": holding}), source, from_ns=first.open_ns)
    assert result.document["positions"] == {"AAPL": "280"}
    returns = np.diff(result.curve.equity) / result.curve.equity[:-1]
    assert float(np.abs(returns).max()) < 0.05
    told = statistics(result, benchmark="AAPL")
    (trade,) = told.trades
    assert trade.quantity == 280
    assert trade.profit == pytest.approx(float(str(result.document["equity"])) - 100_000, abs=0.05)
    assert told.benchmark is not None
    assert float(np.abs(told.benchmark).max()) < 0.2
