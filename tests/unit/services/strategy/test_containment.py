"""What an author's code does when it fails is taken back, whatever it is and wherever it fails."""

from collections.abc import Callable
from decimal import Decimal
from typing import override

import pytest

from services.strategy import Strategy
from services.strategy.rollback import ENTRIES_MIN
from services.strategy.state import Instance
from shared.core import Stamp
from shared.domain.errors import InvariantError
from shared.domain.values import Intent, Side
from shared.messages.base import Message
from shared.messages.control import Activate, Quarantine
from shared.messages.market import Bar
from shared.messages.orders import Filled
from shared.messages.signals import Signal, Suppressed
from shared.subjects import HOST
from tests.unit.services.strategy.talk import Talk, codes, signal_in, signals

BUY = (Side.BUY, Intent.OPEN)
TIMERS_FROM = 200.0


class Clumsy(Strategy):
    """Counts in nested attributes, then fails where the bar tells it to."""

    seen: dict[str, list[float]]
    fills: int
    timers: list[str]

    @override
    def on_start(self) -> None:
        self.seen = {}
        self.fills = 0
        self.timers = []

    @override
    def on_bar(self, bar: Bar) -> None:
        self.seen.setdefault(bar.symbol, []).append(bar.close)
        self.sma(bar.symbol, 2)
        self.set_timer("late", self.now_ns + 10**15)
        if bar.close == 66:
            self.ema(bar.symbol, 9)
            self.buy(bar.symbol)
            raise RuntimeError("66")
        if bar.close == 67:
            raise SystemExit("and good night")
        if bar.close > 100:
            self.buy(bar.symbol)
        if bar.close == TIMERS_FROM:
            for name in ("a", "b", "c"):
                self.set_timer(name, self.now_ns + 1)

    @override
    def on_fill(self, fill: Filled) -> None:
        self.fills += 1
        if fill.quantity == 13:
            raise ValueError("unlucky")

    @override
    def on_timer(self, name: str, due_ns: int) -> None:
        self.timers.append(name)
        if name in "ab":
            raise KeyError(name)


class Opaque(Clumsy):
    """Holds what cannot be frozen."""

    handle: object

    @override
    def on_start(self) -> None:
        super().on_start()
        self.handle = {1, 2}


def talking(strategy: Strategy, errors_max: int = 9) -> Talk:
    return Talk(strategy, Instance(id="s", book="main", errors_max=errors_max))


def test_a_call_that_raises_leaves_every_attribute_as_it_was() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    talk.bar(1.0)
    assert codes(talk.bar(66.0)) == ["error"]
    assert strategy.seen == {"AAPL": [1.0]}
    assert signals(talk.bar(101.0)) == [BUY]
    assert strategy.seen == {"AAPL": [1.0, 101.0]}


def test_the_bar_itself_is_not_taken_back() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    talk.bar(1.0)
    talk.bar(66.0)
    assert strategy.price("AAPL") == 66.0
    assert strategy.now_ns == talk.now_ns
    assert strategy.sma("AAPL", 2) == 33.5, "the indicator missed a bar"


def test_an_indicator_that_was_first_asked_for_in_a_failing_call_does_not_exist() -> None:
    talk = talking(Clumsy())
    talk.bar(66.0)
    assert not talk.core._seat.indicators


def test_a_strategy_cannot_end_its_host() -> None:
    (said,) = talking(Clumsy()).bar(67.0)
    assert isinstance(said, Suppressed)
    assert said.detail.startswith("SystemExit: and good night (test_containment.py:")


def test_a_fill_counts_although_the_author_failed_on_it() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    signal = signal_in(talk.bar(101.0))
    assert codes(talk.fill(signal, 13)) == ["error"]
    assert strategy.fills == 0
    assert strategy.position("AAPL") == Decimal(13)


def test_of_several_calls_of_one_message_only_those_that_raise_are_taken_back() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    talk.bar(TIMERS_FROM)
    said = talk.clock(talk.now_ns + 1)
    assert codes(said) == ["error", "error"]
    assert strategy.timers == ["c"]


def test_time_that_passed_between_the_messages_is_not_lost() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    talk.bar(1.0)
    talk.clock(talk.now_ns + 7 * 10**9)
    later = talk.now_ns
    talk.now_ns -= 60 * 10**9  # the bar of a slow feed
    talk.bar(66.0)
    assert strategy.now_ns == later


def test_what_cannot_be_taken_back_is_said() -> None:
    strategy = Opaque()
    (said,) = talking(strategy).bar(66.0)
    assert isinstance(said, Suppressed)
    assert "what it did to its attributes stays: s.handle is a set" in said.detail
    assert strategy.seen == {"AAPL": [66.0]}


def test_it_makes_no_difference_how_far_back_the_checkpoint_is() -> None:
    long, short = Clumsy(), Clumsy()
    far, near = talking(long), talking(short)
    for i in range(ENTRIES_MIN + 5):
        far.bar(1.0 + i % 3)
        near.bar(1.0 + i % 3)
        if i % 700 == 0:
            near.core.restore(near.core.snapshot())
    assert far.bar(66.0) == near.bar(66.0)
    assert vars(long) == vars(short)
    assert far.core.snapshot() == near.core.snapshot()


def test_a_restored_core_has_its_next_checkpoint_where_the_first_would() -> None:
    whole, cut = talking(Clumsy()), talking(Clumsy())
    for i in range(ENTRIES_MIN * 2):
        whole.bar(1.0)
        cut.bar(1.0)
        if i == 1_000:
            cut.core.restore(cut.core.snapshot())
    assert whole.core._rollback.left == cut.core._rollback.left


def told(talk: Talk, command: Quarantine) -> tuple[Message, ...]:
    talk.seq += 1
    stamp = Stamp(talk.seq, talk.now_ns, HOST, f"id{talk.seq}", "story", 1_000)
    return talk.core.handle(stamp, command)


def ahead(talk: Talk, seq: int, from_seq: int, speaker: str = "strategy") -> None:
    lane = HOST._replace(actor=speaker)
    command = Quarantine(strategy_id="s", from_seq=from_seq)
    talk.core.foresee(Stamp(seq, 0, lane, "q", "q"), command)


def test_a_foreseen_quarantine_holds_from_the_message_that_its_host_did_not_handle() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    ahead(talk, seq=6, from_seq=4)
    for close in (1.0, 2.0, 3.0, 4.0):
        talk.bar(close)
    assert strategy.seen == {"AAPL": [1.0, 2.0]}
    assert strategy.price("AAPL") == 4.0
    told(talk, Quarantine(strategy_id="s", from_seq=4))
    talk.bar(5.0)
    talk.command(Activate(strategy_id="s", expected_seq=talk.seq))
    assert signals(talk.bar(101.0)) == [BUY]
    assert strategy.seen == {"AAPL": [1.0, 2.0, 101.0]}


def test_an_activation_before_the_quarantine_does_not_end_it() -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    ahead(talk, seq=5, from_seq=2)
    talk.bar(1.0)
    talk.command(Activate(strategy_id="s", expected_seq=talk.seq))
    talk.bar(1.0)
    assert strategy.seen == {}


@pytest.mark.parametrize(("speaker", "from_seq"), [("console", 2), ("strategy", 0)])
def test_only_a_host_can_say_what_it_did_not_handle(speaker: str, from_seq: int) -> None:
    strategy = Clumsy()
    talk = talking(strategy)
    ahead(talk, seq=9, from_seq=from_seq, speaker=speaker)
    talk.bar(1.0)
    assert strategy.seen == {"AAPL": [1.0]}


def test_who_handled_on_where_another_hung_comes_to_the_state_of_who_foresaw_it() -> None:
    on, foreseeing = talking(Clumsy()), talking(Clumsy())
    ahead(foreseeing, seq=6, from_seq=4)
    for close in (1.0, 2.0, 3.0, 4.0):
        on.bar(close)
        foreseeing.bar(close)
    for talk in (on, foreseeing):
        told(talk, Quarantine(strategy_id="s", from_seq=4))
    assert vars(on.strategy) == vars(foreseeing.strategy)
    assert on.core._state == foreseeing.core._state


def test_who_cannot_undo_what_another_did_not_handle_stops() -> None:
    talk = talking(Opaque())
    talk.bar(1.0)
    talk.bar(1.0)
    with pytest.raises(InvariantError, match="INV-FORESEEN"):
        told(talk, Quarantine(strategy_id="s", from_seq=2))


def test_a_snapshot_of_what_a_quarantine_took_back_is_refused() -> None:
    talk = talking(Clumsy())
    for close in (1.0, 2.0, 3.0):
        talk.bar(close)
    data = talk.core.snapshot()
    later = talking(Clumsy())
    ahead(later, seq=6, from_seq=3)
    with pytest.raises(ValueError, match="what a quarantine took back"):
        later.core.restore(data)


@pytest.mark.parametrize("make", [Clumsy, Opaque])
def test_errors_in_a_row_still_count(make: Callable[[], Strategy]) -> None:
    talk = talking(make(), errors_max=2)
    assert codes(talk.bar(66.0)) == ["error"]
    assert codes(talk.bar(66.0)) == ["error", "quarantined"]
    assert talk.bar(101.0) == ()
    talk.command(Activate(strategy_id="s", expected_seq=talk.seq))
    assert isinstance(talk.bar(101.0)[0], Signal)
