"""Why nothing happened: each thing that keeps a strategy from trading has its own sentence."""

import asyncio
from pathlib import Path

import pytest

from console.why.absence import Absence, Reason, why_not
from services.strategy.config import StrategySettings
from shared.domain.errors import ConfigurationError
from shared.messages.decisions import Denied, Halted
from shared.messages.signals import Suppressed
from shared.tape.archive import ArchiveTape
from tests.backtests import desk_of, made_up_bars
from tests.golden.stories import path_of
from tests.recorded import record


@pytest.fixture(scope="module")
def tape() -> ArchiveTape:
    return ArchiveTape.open(path_of("limits"))


def ask(tape: ArchiveTape, symbol: str, asked_ns: int, strategy: str | None = None) -> Absence:
    return asyncio.run(why_not(tape, symbol, asked_ns, strategy))


def only(tape: ArchiveTape, symbol: str, asked_ns: int, strategy: str) -> Reason:
    (reason,) = ask(tape, symbol, asked_ns, strategy).reasons
    return reason


def when(tape: ArchiveTape, kind: type) -> tuple[int, object]:
    for entry in tape.entries():
        stamp, message = entry.open()
        if isinstance(message, kind) and stamp.ts_ns:
            return stamp.ts_ns, message
    raise AssertionError(kind)


def test_a_denial_names_the_failed_checks(tape: ArchiveTape) -> None:
    ts_ns, denied = when(tape, Denied)
    assert isinstance(denied, Denied)
    reason = only(tape, denied.symbol, ts_ns, denied.strategy_id)
    assert reason.code == "denied"
    assert denied.reasons[0].code in reason.sentence
    assert any(one.startswith("ema(3) ") for one in reason.values)


def test_a_halt_is_noted(tape: ArchiveTape) -> None:
    ts_ns, _ = when(tape, Halted)
    found = ask(tape, "AAA", ts_ns + 60 * 10**9)
    assert any(note.startswith("the desk was halted at ") for note in found.notes)


def test_who_trades_other_symbols_says_so(tape: ArchiveTape) -> None:
    ts_ns, _ = when(tape, Denied)
    assert only(tape, "AAA", ts_ns, "orb").sentence == "it trades BBB only"


def test_a_symbol_without_data_says_so(tape: ArchiveTape) -> None:
    ts_ns, _ = when(tape, Denied)
    assert only(tape, "NONE", ts_ns, "wide").code == "no_data"


def test_a_strategy_that_waits_for_its_own_bar_says_which_was_its_newest(
    tape: ArchiveTape,
) -> None:
    ts_ns, _ = when(tape, Halted)  # no multiple of five minutes
    reason = only(tape, "BBB", ts_ns, "orb")
    assert reason.code == "no_bar"
    assert "its newest was BBB 5m" in reason.sentence


def test_an_inactive_strategy_and_a_closed_market_are_told(tmp_path: Path) -> None:
    asleep = StrategySettings(use="ema_crossover", active=False)
    record(tmp_path / "a.tape", desk_of({"asleep": asleep}), made_up_bars(sessions=1))
    tape = ArchiveTape.open(tmp_path / "a.tape")
    found = ask(tape, "AAA", 2**62)
    assert found.reasons[0].code == "inactive"
    assert found.notes == [
        "the tape ends before the time that was asked for",
        "the market was closed",
    ]


def test_a_wish_that_was_held_back_is_told(tmp_path: Path) -> None:
    asleep = StrategySettings(use="ema_crossover", params={"fast": 3, "slow": 8}, active=False)
    record(tmp_path / "a.tape", desk_of({"asleep": asleep}), made_up_bars(sessions=1))
    tape = ArchiveTape.open(tmp_path / "a.tape")
    ts_ns, held = when(tape, Suppressed)
    assert isinstance(held, Suppressed)
    reason = only(tape, held.symbol, ts_ns, held.strategy_id)
    assert reason.code == "suppressed"
    assert "inactive" in reason.sentence


def test_who_looked_and_wished_for_nothing_shows_what_it_saw(tmp_path: Path) -> None:
    desk = desk_of({"slow": StrategySettings(use="ema_crossover", active=True)})
    record(tmp_path / "a.tape", desk, made_up_bars(sessions=1, gaps=0.0))
    tape = ArchiveTape.open(tmp_path / "a.tape")
    quiet = next(
        stamp.ts_ns
        for stamp, _ in (entry.open() for entry in tape.entries() if ".bar.1m.AAA" in entry.subject)
    )
    reason = only(tape, "AAA", quiet, "slow")
    assert (reason.code, reason.sentence) == ("no_wish", "it looked, and wished for nothing")
    assert "position 0" in reason.values


def test_what_the_tape_does_not_know_is_one_sentence(tape: ArchiveTape) -> None:
    with pytest.raises(
        ConfigurationError, match="no strategy 'x' on this tape; it knows orb, wide"
    ):
        ask(tape, "AAA", 2**62, "x")
    with pytest.raises(ConfigurationError, match="the tape begins after"):
        ask(tape, "AAA", 1)
