"""Heads: who, because of what, in which story."""

from decimal import Decimal

import pytest

from shared.core import Stamp
from shared.domain.values import Intent, Side, Timeframe
from shared.messages.codec import MessageError, decode
from shared.messages.control import Kill
from shared.messages.decisions import Denied
from shared.messages.market import Bar
from shared.messages.signals import Signal
from shared.subjects import lane
from shared.tape.entry import (
    Entry,
    Outgoing,
    answers,
    fact,
)

TAPE = "00112233445566ff"
FEED = lane("data", "file")
STRATEGY = lane("strategy", "ema")


def a_bar() -> Bar:
    return Bar(
        symbol="BRK.B",
        timeframe=Timeframe.M1,
        start_ns=0,
        open=1.0,
        high=1.0,
        low=1.0,
        close=1.0,
        volume=1.0,
    )


def a_signal() -> Signal:
    return Signal(
        strategy_id="ema",
        symbol="BRK.B",
        side=Side.BUY,
        intent=Intent.OPEN,
        price=1.0,
        valid_until_ns=9,
    )


def recorded(out: Outgoing, seq: int) -> Entry:
    return Entry(seq, out.subject, out.payload, 0, out.cause, out.index, out.count)


def test_a_fact_begins_its_own_story_and_has_no_cause() -> None:
    out = fact(TAPE, FEED, a_bar(), ts_ns=60, key="BRK.B/60")
    head, message = decode(out.payload)

    assert out.subject == "data.file.bar.1m.BRK%2EB"
    assert message == a_bar()
    assert (head.causation_id, head.correlation_id, head.ts_ns) == ("", head.id, 60)
    assert fact(TAPE, FEED, a_bar(), ts_ns=60, key="BRK.B/60") == out


def test_an_answer_names_its_cause_and_takes_its_time() -> None:
    bar = recorded(fact(TAPE, FEED, a_bar(), ts_ns=60, key="k"), 5)
    stamp, _ = bar.open()
    first, second = answers(TAPE, STRATEGY, stamp, (a_signal(), a_signal()))
    heads = [decode(out.payload)[0] for out in (first, second)]

    assert [head.causation_id for head in heads] == [stamp.id, stamp.id]
    assert heads[0].id != heads[1].id
    assert heads[0].ts_ns == stamp.ts_ns == 60
    assert [(out.cause, out.index, out.count) for out in (first, second)] == [(5, 0, 2), (5, 1, 2)]


def test_a_signal_begins_a_story_and_the_decision_continues_it() -> None:
    stamp = Stamp(9, 60, STRATEGY, "signal-id", "signal-id")
    denied = Denied(
        signal_id="the-signal",
        strategy_id="ema",
        symbol="BRK.B",
        side=Side.BUY,
        intent=Intent.OPEN,
        quantity=Decimal(1),
        reasons=(),
    )
    (signal,) = answers(TAPE, STRATEGY, stamp, (a_signal(),))
    (decision,) = answers(TAPE, lane("risk", "main"), stamp, (denied,))

    assert decode(signal.payload)[0].correlation_id == decode(signal.payload)[0].id
    assert decode(decision.payload)[0].correlation_id == "the-signal"


def test_a_message_is_recognised_by_content_and_place_not_by_sequence() -> None:
    stamp = Stamp(9, 60, FEED, "cause", "story")
    (out,) = answers(TAPE, STRATEGY, stamp, (a_signal(),))

    assert out.is_recorded_as(recorded(out, 10))
    assert out.is_recorded_as(recorded(out, 99))
    assert not out.is_recorded_as(Entry(10, out.subject, out.payload + b" ", 0, 9, 0, 1))
    assert not out.is_recorded_as(Entry(10, out.subject, out.payload, 0, 8, 0, 1))


def test_a_message_that_does_not_belong_under_its_subject_is_not_opened() -> None:
    said = Kill(reason="r", valid_until_ns=9)
    kill = fact(TAPE, lane("control", "console"), said, ts_ns=1, key="k")
    for subject in ("data.file.kill", "strategy.ema.signal.SPY", "control.console.resume"):
        with pytest.raises(MessageError, match="forged"):
            Entry(7, subject, kill.payload, 1).open()
    assert Entry(7, kill.subject, kill.payload, 1).open()[1] == said
