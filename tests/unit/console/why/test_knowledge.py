"""What a strategy knew can be seen where it said nothing, and fits on a line."""

import asyncio
from typing import override

import pytest

from console.why.absence import Absence, why_not
from services.strategy.author import Strategy
from services.strategy.config import StrategySettings
from shared.domain.sessions import session_of_date
from shared.domain.values import NS_PER_S
from shared.messages.market import Bar
from shared.tape.archive import ArchiveTape
from tests.backtests import desk_of, made_up_bars
from tests.recorded import record

HOUR_NS = 3_600 * NS_PER_S


class Watcher(Strategy):
    """Notes how far each bar reached, and never trades."""

    @override
    def on_start(self) -> None:
        self.seen: dict[str, list[float]] = {}

    @override
    def on_bar(self, bar: Bar) -> None:
        self.seen.setdefault(bar.symbol, []).append(bar.close)
        self.note(reach=bar.high - bar.low)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> ArchiveTape:
    path = tmp_path_factory.mktemp("watched") / "a.tape"
    use = f"{__name__}:Watcher"
    desk = desk_of({"watcher": StrategySettings(use=use, active=True)})
    record(path, desk, made_up_bars(sessions=2, gaps=0.0, first="2025-05-15"))
    return ArchiveTape.open(path)


def ask(tape: ArchiveTape, hours_after_open: float, date: str = "2025-05-15") -> Absence:
    session = session_of_date(date)
    assert session is not None
    asked_ns = session.open_ns + int(hours_after_open * HOUR_NS)
    return asyncio.run(why_not(tape, "AAA", asked_ns, None))


def test_numbers_noted_without_a_signal_are_shown(tape: ArchiveTape) -> None:
    found = ask(tape, 2)
    (reason,) = found.reasons
    assert reason.code == "no_wish"
    bar = next(
        one.open()[1]
        for one in tape.entries()
        if one.subject == "data.file.bar.1m.AAA" and one.open()[0].ts_ns == found.slice_ns
    )
    assert isinstance(bar, Bar)
    assert f"noted reach {bar.high - bar.low:g}" in reason.values


def test_what_is_kept_by_symbol_is_shown_of_this_symbol_and_short(tape: ArchiveTape) -> None:
    (reason,) = ask(tape, 3).reasons
    (seen,) = [one for one in reason.values if one.startswith("seen")]
    assert seen.startswith("seen[AAA] [")
    assert len(seen) < 160
    assert "timeframe 1m" in reason.values


def test_a_night_is_told_by_the_calendar(tape: ArchiveTape) -> None:
    (reason,) = ask(tape, 12).reasons
    assert reason.code == "closed"
    assert "the exchange was closed then: the newest data before is of 2025-05-15 20:10" in (
        reason.sentence
    )


def test_a_time_behind_the_end_is_told(tape: ArchiveTape) -> None:
    (reason,) = ask(tape, 12, "2025-05-16").reasons
    assert reason.code == "tape_ended"
