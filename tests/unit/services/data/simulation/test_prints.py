"""Trades and quotes of one symbol's session."""

from itertools import pairwise

from msgspec.structs import replace

from services.data.config import SimSettings
from services.data.simulation.days import SymbolDay, days
from services.data.simulation.paths import SymbolPath
from services.data.simulation.prints import Interval, Printer
from services.data.simulation.universe import stream
from shared.domain.values import NS_PER_S
from shared.messages.base import Message
from shared.messages.market import MarketStatus, Quote, Trade

STEPS, STEP_S = 60, 20
DAY = next(days(SimSettings())).symbols["AAPL"]


def session(day: SymbolDay, unrest: float = 1.0) -> list[list[Message]]:
    mids = [day.open + (day.close - day.open) * i / STEPS for i in range(STEPS + 1)]
    path = SymbolPath(mids, [unrest] * STEPS, [10_000.0] * STEPS)
    printer = Printer(stream("prints"), "AAPL", day, path, float(STEP_S))
    length_ns = STEP_S * NS_PER_S
    return [
        list(printer.step(Interval(i, i * length_ns, (i + 1) * length_ns, i == STEPS - 1)))
        for i in range(STEPS)
    ]


def of[M: Message](kind: type[M], printed: list[list[Message]]) -> list[M]:
    return [message for step in printed for message in step if isinstance(message, kind)]


def test_trades_go_forward_within_their_step() -> None:
    for i, step in enumerate(session(replace(DAY, halt_at=None))):
        (trade,) = of(Trade, [step])
        times = [tick.ts_ns for tick in trade.ticks]
        assert times == sorted(times)
        assert i * STEP_S * NS_PER_S <= times[0] <= times[-1] < (i + 1) * STEP_S * NS_PER_S
        assert all(tick.size >= 1 for tick in trade.ticks)


def test_the_first_trade_is_the_open_and_the_last_the_close() -> None:
    trades = of(Trade, session(DAY))
    assert trades[0].ticks[0].price == DAY.open
    assert trades[-1].ticks[-1].price == DAY.close


def test_a_quote_has_a_spread_that_widens_with_unrest() -> None:
    quiet, wild = (of(Quote, session(DAY, unrest)) for unrest in (1.0, 4.0))
    spreads = [[q.ticks[0].ask - q.ticks[0].bid for q in quotes] for quotes in (quiet, wild)]
    assert min(spreads[0]) > 0.009
    assert sum(spreads[1]) > 4 * sum(spreads[0])


def test_nothing_is_traded_or_quoted_during_a_halt() -> None:
    printed = session(replace(DAY, halt_at=0.3))
    first, last = (i for i, step in enumerate(printed) if of(MarketStatus, [step]))
    assert (first, last) == (18, 33)  # five minutes
    assert [status.halted for status in of(MarketStatus, printed)] == [True, False]
    assert all(not of(Trade, [step]) + of(Quote, [step]) for step in printed[first:last])
    assert of(Trade, [printed[last]])
    assert all(of(Trade, [step]) for step in printed[:first] + printed[last:])


def test_prices_are_in_cents_and_near_the_path() -> None:
    for before, trade in pairwise(of(Trade, session(DAY))):
        for tick in trade.ticks:
            assert tick.price == round(tick.price, 2)
            assert abs(tick.price / before.ticks[-1].price - 1) < 0.01
