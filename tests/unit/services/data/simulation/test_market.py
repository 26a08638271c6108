"""The simulated market as a source: order, resumption, and the facts of real markets."""

from functools import cache
from itertools import islice, pairwise, takewhile
from math import log, sqrt
from statistics import fmean, pstdev

import pytest

from services.data.config import SimSettings
from services.data.core import BarAggregator
from services.data.simulation.market import SimulatedMarket
from shared.core import Stamp
from shared.domain.sessions import session_at, session_of_date
from shared.domain.values import Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, Clock, CorporateAction, Quote, Trade
from shared.runtime.source import TimeSlice
from shared.subjects import lane

SETTINGS = SimSettings(symbols=("AAPL", "SPY", "XYZ"), tick_s=60)
SESSIONS = 30


@cache
def parts() -> list[TimeSlice]:
    last = session_of_date("2026-02-17")
    assert last is not None
    market = SimulatedMarket(SETTINGS)
    return list(takewhile(lambda part: part.ts_ns <= last.close_ns, market.slices(0)))


@cache
def bars(symbol: str, timeframe: Timeframe) -> list[Bar]:
    core = BarAggregator(feed="sim", native=None, timeframes=(Timeframe.M1, Timeframe.D1))
    made: list[Message] = []
    for part in parts():
        stamp = Stamp(seq=1, ts_ns=part.ts_ns, lane=lane("data", "sim"), id="", correlation_id="")
        for message in part.messages:
            made += core.handle(stamp, message)
    assert core.late == 0
    found = [bar for bar in made if isinstance(bar, Bar)]
    return [bar for bar in found if (bar.symbol, bar.timeframe) == (symbol, timeframe)]


def minute_returns(symbol: str) -> list[float]:
    pairs = pairwise(bars(symbol, Timeframe.M1))
    return [log(b.close / a.close) for a, b in pairs if b.start_ns - a.start_ns < 3_600 * 10**9]


def autocorrelation(values: list[float], lag: int) -> float:
    mean = fmean(values)
    products = ((a - mean) * (b - mean) for a, b in zip(values, values[lag:], strict=False))
    return fmean(products) / pstdev(values) ** 2


def test_slices_go_forward_and_end_with_their_clock() -> None:
    for before, part in pairwise(parts()):
        assert part.ts_ns > before.ts_ns
    for part in parts():
        clock = part.messages[-1]
        assert isinstance(clock, Clock)
        assert clock.ts_ns == part.ts_ns
        assert sum(isinstance(message, Clock) for message in part.messages) == 1


def test_messages_of_a_slice_are_sorted_by_type_and_symbol() -> None:
    for part in parts():
        places = [
            (str(m.__struct_config__.tag), getattr(m, "symbol", "")) for m in part.messages[:-1]
        ]
        assert places == sorted(set(places))


def test_every_session_opens_and_closes_with_a_clock() -> None:
    clocks = [part.messages[-1] for part in parts()]
    opened = [c.session for c in clocks if isinstance(c, Clock) and c.is_open]
    closed = [c.session for c in clocks if isinstance(c, Clock) and c.session and not c.is_open]
    assert list(dict.fromkeys(opened)) == closed
    assert len(closed) == SESSIONS + 1
    first = session_of_date("2026-01-02")
    assert first is not None
    assert parts()[0] == TimeSlice(
        first.open_ns, (Clock(ts_ns=first.open_ns, session="2026-01-02", is_open=True),)
    )


@pytest.mark.parametrize("place", [0, 1, 200, 391, 392, 4_000])
def test_a_resumed_market_is_the_tail_of_the_whole(place: int) -> None:
    after_ns = parts()[place].ts_ns
    resumed = SimulatedMarket(SETTINGS).slices(after_ns)
    assert list(islice(resumed, 800)) == parts()[place + 1 : place + 801]


def test_corporate_actions_stand_before_the_open_of_their_ex_date() -> None:
    actions = [
        (part, message)
        for part in parts()
        for message in part.messages
        if isinstance(message, CorporateAction)
    ]
    assert actions
    for part, action in actions:
        session = session_of_date(action.ex_date)
        assert session is not None
        assert part.ts_ns < session.open_ns
        assert not any(isinstance(message, Trade | Quote) for message in part.messages)


def test_a_day_has_a_u_shaped_volume() -> None:
    by_minute = [0.0] * 390
    for bar in bars("AAPL", Timeframe.M1):
        session = session_at(bar.start_ns)
        assert session is not None
        by_minute[(bar.start_ns - session.open_ns) // (60 * 10**9)] += bar.volume
    first, noon, last = sum(by_minute[:30]), sum(by_minute[180:210]), sum(by_minute[-30:])
    assert first > 1.8 * noon
    assert last > 1.8 * noon


@pytest.mark.parametrize("symbol", SETTINGS.symbols)
def test_returns_have_the_stylised_facts_of_real_ones(symbol: str) -> None:
    returns = minute_returns(symbol)
    sizes = [abs(value) for value in returns]
    mean, deviation = fmean(returns), pstdev(returns)
    assert -0.25 < autocorrelation(returns, 1) < 0.1, "only the bounce between bid and ask"
    assert autocorrelation(sizes, 1) > 0.1, "volatility clusters"
    assert autocorrelation(sizes, 15) > 0.03, "and does so for a while"
    assert fmean(((value - mean) / deviation) ** 4 for value in returns) > 4, "tails are fat"
    daily = sqrt(sum(value * value for value in returns) / SESSIONS)
    assert 0.004 < daily < 0.04


def test_symbols_move_together() -> None:
    one, other = minute_returns("AAPL"), minute_returns("SPY")
    count = min(len(one), len(other))
    mean_one, mean_other = fmean(one), fmean(other)
    products = zip(one[:count], other[:count], strict=True)
    covariance = fmean((a - mean_one) * (b - mean_other) for a, b in products)
    assert covariance / (pstdev(one) * pstdev(other)) > 0.2


def test_a_market_has_no_end() -> None:
    assert SimulatedMarket(SETTINGS).total is None
