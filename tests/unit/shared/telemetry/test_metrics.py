"""Metrics are defined once, labelled sparsely and rendered for Prometheus."""

from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

from shared.domain.values import Intent, Side
from shared.messages.decisions import Check, Denied
from shared.messages.orders import Accepted
from shared.subjects import lane
from shared.telemetry.metrics import Metrics

RISK = lane("risk", "main")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_the_build_is_named() -> None:
    metrics = Metrics("risk", "0.1.0")
    assert value(metrics, "tapedeck_build_info", service="risk", version="0.1.0") == 1


def test_an_actors_work_is_counted_by_event() -> None:
    metrics = Metrics("risk", "0.1.0")
    actor = metrics.actor(RISK)
    actor.handled("signal")
    actor.handled("signal", count=4)
    actor.published("approved")
    actor.handle_seconds.observe(0.0002)
    actor.position_seq.set(17)
    actor.lag_messages.set(3)
    actor.fence_lost.inc()
    actor.reader_recreated.inc()

    def of(name: str, **labels: str) -> float | None:
        return value(metrics, name, actor="risk.main", **labels)

    assert of("tapedeck_messages_handled_total", event="signal") == 5
    assert of("tapedeck_messages_published_total", event="approved") == 1
    assert of("tapedeck_handle_seconds_count") == 1
    assert of("tapedeck_handle_seconds_bucket", le="0.00025") == 1
    assert of("tapedeck_handle_seconds_bucket", le="0.0001") == 0
    assert of("tapedeck_position_seq") == 17
    assert of("tapedeck_lag_messages") == 3
    assert of("tapedeck_fence_lost_total") == 1
    assert of("tapedeck_reader_recreated_total") == 1


def test_an_actor_is_on_the_page_before_it_has_done_anything() -> None:
    metrics = Metrics("risk", "0.1.0")
    metrics.actor(RISK)
    assert value(metrics, "tapedeck_fence_lost_total", actor="risk.main") == 0


def test_every_reason_of_a_denial_is_counted() -> None:
    metrics = Metrics("risk", "0.1.0")
    failed = (
        Check("exposure", passed=False, value=Decimal(2), limit=Decimal(1)),
        Check("daily_loss", passed=False, value=Decimal(9), limit=Decimal(5)),
    )
    metrics.note(
        Denied(
            signal_id="s",
            strategy_id="ema",
            symbol="SPY",
            side=Side.BUY,
            intent=Intent.OPEN,
            quantity=Decimal(1),
            reasons=failed,
        )
    )
    assert value(metrics, "tapedeck_denied_total", code="exposure") == 1
    assert value(metrics, "tapedeck_denied_total", code="daily_loss") == 1


def test_steps_of_orders_are_counted_by_outcome() -> None:
    metrics = Metrics("execution", "0.1.0")
    accepted = Accepted(
        order_id="o",
        client_order_id="c",
        signal_id="s",
        strategy_id="ema",
        symbol="SPY",
        side=Side.BUY,
        broker_order_id="b",
    )
    metrics.note(accepted)
    metrics.note(accepted)
    assert value(metrics, "tapedeck_orders_total", outcome="accepted") == 2


def test_a_process_can_have_several_registries_and_each_has_the_process_itself() -> None:
    first, second = Metrics("a", "1"), Metrics("b", "1")
    first.market_dropped.labels("late").inc()
    first.equity.set(100_000)
    assert value(first, "tapedeck_market_dropped_total", reason="late") == 1
    assert value(second, "tapedeck_market_dropped_total", reason="late") is None
    assert (value(first, "process_resident_memory_bytes") or 0) > 0


def test_every_metric_of_ours_has_help_and_no_label_of_many_values() -> None:
    metrics = Metrics("risk", "0.1.0")
    metrics.actor(RISK).handled("signal")
    for family in text_string_to_metric_families(metrics.render().decode()):
        if family.name.startswith("tapedeck_"):
            assert family.documentation.endswith(".")
            assert all(not {"symbol", "order_id"} & set(s.labels) for s in family.samples)
            assert not family.name.endswith("_created")
