"""A market from a seed: minutes around a session's bells, with gaps, halts, splits, dividends."""

from collections.abc import Iterator, Sequence
from random import Random

from services.data.moment import clock_at
from shared.domain.sessions import next_session, session_of_date
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, CorporateAction, MarketStatus
from shared.runtime.source import TimeSlice

MINUTE_NS = 60 * NS_PER_S
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


class SimSource:
    """Slices from a list; implements `Source`."""

    def __init__(self, parts: Sequence[TimeSlice]) -> None:
        self.parts = parts
        self.total = sum(len(part.messages) - 1 for part in parts)

    def slices(self, after_ns: int) -> Iterator[TimeSlice]:
        return (part for part in self.parts if part.ts_ns > after_ns)


def market(draw: Random, minutes: int) -> list[TimeSlice]:
    """Make the end of one session and the beginning of the next; actions come with the bell."""
    symbols = SYMBOLS[: draw.randint(1, len(SYMBOLS))]
    first = session_of_date("2025-05-12")
    assert first is not None
    second = next_session(first.close_ns)
    before = draw.randint(0, minutes)
    ends = [first.close_ns - MINUTE_NS * back for back in range(before, -2, -1)]
    ends += [second.open_ns + MINUTE_NS * ahead for ahead in range(minutes - before)]
    closes = {symbol: 20.0 + 60.0 * draw.random() for symbol in symbols}
    halted: dict[str, None] = {}
    opening_ns = second.open_ns + MINUTE_NS
    return [
        _slice(draw, end_ns, closes, halted, is_ex_date=end_ns in (ends[0], opening_ns))
        for end_ns in ends
    ]


def _slice(
    draw: Random,
    end_ns: int,
    closes: dict[str, float],
    halted: dict[str, None],
    *,
    is_ex_date: bool,
) -> TimeSlice:
    actions: list[Message] = []
    bars: list[Message] = []
    statuses: list[Message] = []
    for symbol in list(closes):
        close = closes[symbol]
        if is_ex_date and draw.random() < 0.3:
            is_split = draw.random() < 0.5
            ratio, cash = (draw.choice((2.0, 0.5, 1.5)), 0.0) if is_split else (1.0, 0.37)
            kind, ex_date = "split" if is_split else "dividend", f"{end_ns}"
            actions.append(
                CorporateAction(
                    symbol=symbol, kind=kind, ex_date=ex_date, ratio=ratio, cash_per_share=cash
                )
            )
            closes[symbol] = close = close / ratio
        if draw.random() < 0.02:
            if symbol in halted:
                del halted[symbol]
            else:
                halted[symbol] = None
            statuses.append(MarketStatus(symbol=symbol, halted=symbol in halted, reason="T1"))
        if symbol in halted or draw.random() < 0.1:
            continue
        after = round(max(close * (1 + draw.gauss(0, 0.004)), 1.0), 2)
        bar = Bar(
            symbol=symbol,
            timeframe=Timeframe.M1,
            start_ns=end_ns - MINUTE_NS,
            open=round(close, 2),
            high=round(max(close, after) + 0.03, 2),
            low=round(min(close, after) - 0.03, 2),
            close=after,
            volume=float(draw.randrange(50, 2_000)),
        )
        bars.append(bar)
        closes[symbol] = after
    return TimeSlice(end_ns, (*actions, *bars, *statuses, clock_at(end_ns)))
