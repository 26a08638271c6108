"""`SimulatedMarket`: the days, paths and prints as time slices."""

from collections.abc import Iterator

from services.data.config import SimSettings
from services.data.moment import clock_at
from services.data.simulation.days import Day, days
from services.data.simulation.paths import market_path, symbol_path
from services.data.simulation.prints import Interval, Printer
from services.data.simulation.universe import stream
from shared.domain.sessions import Session
from shared.domain.values import NS_PER_S
from shared.messages.base import Message
from shared.messages.market import CorporateAction
from shared.runtime.source import TimeSlice

NOTICE_NS = 60 * NS_PER_S  # how long before the open corporate actions are announced


class SimulatedMarket:
    """A seeded market that never ends: sessions of the exchange clock, nothing in between.

    A session is a slice with the opening clock alone, then one every `tick_s` seconds with the
    quotes and trades since, the last at the close. Corporate actions stand in a slice a minute
    before the open of their ex-date. The slices after a moment are the same whether or not those
    before it were made.
    """

    def __init__(self, settings: SimSettings) -> None:
        self._settings = settings

    @property
    def total(self) -> int | None:
        """None: there is no end."""
        return None

    def slices(self, after_ns: int) -> Iterator[TimeSlice]:
        """Yield the slices later than `after_ns`."""
        for day in days(self._settings):
            if day.session.close_ns <= after_ns:
                continue
            for part in self._session(day):
                if part.ts_ns > after_ns:
                    yield part

    def _session(self, day: Day) -> Iterator[TimeSlice]:
        session = day.session
        actions = _actions(day)
        if actions:
            yield _slice(session.open_ns - NOTICE_NS, actions)
        yield _slice(session.open_ns, [])
        intervals = _intervals(session, self._settings.tick_s)
        printers = self._printers(day, len(intervals))
        for interval in intervals:
            messages = [message for printer in printers for message in printer.step(interval)]
            messages.sort(key=_place)
            yield _slice(interval.end_ns, messages)

    def _printers(self, day: Day, steps: int) -> list[Printer]:
        seed, date, step_s = self._settings.seed, day.session.date, float(self._settings.tick_s)
        market = market_path(stream(seed, "market path", date), day, steps, step_s)
        made = []
        for symbol, its_day in day.symbols.items():
            rng = stream(seed, "path", symbol, date)
            path = symbol_path(rng, its_day, market, day.market_return, step_s)
            made.append(Printer(rng, symbol, its_day, path, step_s))
        return made


def _intervals(session: Session, tick_s: int) -> list[Interval]:
    """Cut a session into steps; the last ends at the close."""
    step_ns = tick_s * NS_PER_S
    starts = range(session.open_ns, session.close_ns, step_ns)
    return [
        Interval(
            i, start, min(start + step_ns, session.close_ns), start + step_ns >= session.close_ns
        )
        for i, start in enumerate(starts)
    ]


def _actions(day: Day) -> list[Message]:
    made: list[Message] = []
    ex_date = day.session.date
    for symbol, its_day in day.symbols.items():
        if its_day.ratio != 1.0:
            made.append(
                CorporateAction(symbol=symbol, kind="split", ex_date=ex_date, ratio=its_day.ratio)
            )
        elif its_day.dividend:
            made.append(
                CorporateAction(
                    symbol=symbol,
                    kind="dividend",
                    ex_date=ex_date,
                    cash_per_share=its_day.dividend,
                )
            )
    return made


def _place(message: Message) -> tuple[str, str]:
    symbol: str = getattr(message, "symbol", "")
    return str(message.__struct_config__.tag), symbol


def _slice(ts_ns: int, messages: list[Message]) -> TimeSlice:
    return TimeSlice(ts_ns, (*messages, clock_at(ts_ns)))
