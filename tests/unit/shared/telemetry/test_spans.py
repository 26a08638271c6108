"""One trace spans tick, signal, decision, order and fill."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from shared.messages.control import Kill
from shared.messages.decisions import Halted
from shared.messages.signals import Suppressed
from shared.subjects import lane
from shared.telemetry.context import span_id, trace_id
from tests.unit.shared.telemetry.desk import (
    BROKER,
    DATA,
    EXECUTION,
    RISK,
    STRATEGY,
    Desk,
    a_bar,
    a_fill,
    a_report,
    a_signal,
    a_submission,
    an_approval,
)


def ids(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def parent(span: ReadableSpan) -> str:
    return "" if span.parent is None else f"{span.parent.span_id:016x}"


def tree(spans: tuple[ReadableSpan, ...]) -> dict[str, str]:
    """Return the name of each span's parent by the span's name."""
    names = {ids(span)[1]: span.name for span in spans}
    return {span.name: names.get(parent(span), "") for span in spans}


def test_one_trace_spans_tick_signal_decision_order_and_fill() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    signal = desk.answer(STRATEGY, tick, "bar", a_signal())
    approved = desk.answer(RISK, signal, "signal", an_approval(signal.id))
    desk.answer(EXECUTION, approved, "approved", a_submission(signal.id))
    later = desk.tell(DATA, a_bar(60), "SPY@2")
    report = desk.answer(BROKER, later, "bar", a_report(signal.id))
    desk.answer(EXECUTION, report, "report", a_fill(signal.id))

    spans = desk.exporter.get_finished_spans()
    assert {ids(span)[0] for span in spans} == {trace_id(signal.id)}
    assert tree(spans) == {
        "data.sim bar": "",
        "strategy.ema signal": "data.sim bar",
        "risk.main approved": "strategy.ema signal",
        "execution.main submitting": "risk.main approved",
        "broker.main report": "strategy.ema signal",
        "execution.main filled": "broker.main report",
    }
    filled_by = next(span for span in spans if span.name == "broker.main report")
    (link,) = filled_by.links
    assert f"{link.context.trace_id:032x}" == trace_id(later.id)
    assert f"{link.context.span_id:016x}" == span_id(later.id)


def test_the_tick_lasts_from_the_tape_until_the_strategy_takes_it() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    desk.answer(STRATEGY, tick, "bar", a_signal())
    arrived, said = desk.exporter.get_finished_spans()
    assert arrived.start_time == tick.recorded_ns
    assert arrived.end_time == said.start_time
    assert (said.end_time or 0) > (said.start_time or 0)


def test_telling_the_story_again_makes_the_same_spans() -> None:
    def told() -> list[tuple[tuple[str, str], str]]:
        desk = Desk()
        tick = desk.tell(DATA, a_bar(), "SPY@1")
        signal = desk.answer(STRATEGY, tick, "bar", a_signal())
        desk.answer(RISK, signal, "signal", an_approval(signal.id))
        return [(ids(span), parent(span)) for span in desk.exporter.get_finished_spans()]

    assert told() == told()


def test_each_signal_of_one_tick_has_its_own_trace_and_its_own_tick() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    desk.answer(STRATEGY, tick, "bar", a_signal("SPY"), a_signal("QQQ"))
    other = lane("strategy", "orb")
    desk.answer(other, tick, "bar", a_signal("SPY"))
    spans = desk.exporter.get_finished_spans()
    assert len(spans) == 6
    assert len({ids(span)[0] for span in spans}) == 3
    assert len({ids(span) for span in spans}) == 6
    assert tree(spans)["strategy.orb signal"] == "data.sim bar"


def test_a_strategy_that_reacts_to_a_fill_begins_a_story_linked_to_the_old_one() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    first = desk.answer(STRATEGY, tick, "bar", a_signal())
    filled = desk.answer(EXECUTION, first, "signal", a_fill(first.id))
    desk.exporter.clear()
    second = desk.answer(STRATEGY, filled, "filled", a_signal())
    spans = desk.exporter.get_finished_spans()
    assert {ids(span)[0] for span in spans} == {trace_id(second.id)}
    assert tree(spans) == {
        "execution.main filled": "",
        "strategy.ema signal": "execution.main filled",
    }
    (link,) = spans[0].links
    assert f"{link.context.trace_id:032x}" == trace_id(first.id)


def test_what_a_command_causes_is_one_trace_with_a_root_for_each_who_obeyed() -> None:
    desk = Desk()
    kill = desk.tell(lane("control", "ann"), Kill(), "kill-1")
    desk.answer(RISK, kill, "kill", Halted(code="killed"))
    desk.answer(lane("risk", "other"), kill, "kill", Halted(code="killed"))
    spans = desk.exporter.get_finished_spans()
    assert {ids(span)[0] for span in spans} == {trace_id(kill.id)}
    assert len({ids(span)[1] for span in spans}) == 4
    assert tree(spans)["risk.main halted"] == "control.ann kill"


def test_what_a_tick_causes_without_a_story_of_its_own_stands_under_the_tick() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    desk.answer(
        STRATEGY, tick, "bar", *[Suppressed(strategy_id="ema", symbol="SPY", code="inactive")] * 2
    )
    arrived, first, second = desk.exporter.get_finished_spans()
    assert {ids(span)[0] for span in (arrived, first, second)} == {trace_id(tick.id)}
    assert parent(first) == parent(second) == ids(arrived)[1]


def test_a_fact_from_outside_joins_the_story_it_names() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    signal = desk.answer(STRATEGY, tick, "bar", a_signal())
    desk.tracing(BROKER).told(desk.report(signal.id), desk.now_ns())
    assert tree(desk.exporter.get_finished_spans())["broker.main report"] == "strategy.ema signal"


def test_a_failure_is_a_span_of_its_story_with_the_error() -> None:
    desk = Desk()
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    handling = desk.tracing(STRATEGY).handling(STRATEGY, tick, "bar")
    with pytest.raises(ZeroDivisionError), handling:
        raise ZeroDivisionError("no volume")
    (span,) = desk.exporter.get_finished_spans()
    assert ids(span)[0] == trace_id(tick.id)
    assert span.name == "strategy.ema failed"
    assert span.status.status_code is StatusCode.ERROR
    (event,) = span.events
    assert (event.attributes or {})["exception.message"] == "no volume"


def test_every_service_samples_the_same_stories() -> None:
    kept = []
    for number in range(40):
        desk = Desk(ratio=0.5)
        tick = desk.tell(DATA, a_bar(), f"SPY@{number}")
        signal = desk.answer(STRATEGY, tick, "bar", a_signal())
        desk.answer(RISK, signal, "signal", an_approval(signal.id))
        kept.append(len(desk.exporter.get_finished_spans()))
    assert set(kept) == {0, 3}
