"""What is told about an actor: its place, its lag, its readers, its fence."""

import io
import json

from shared.config.desk import TelemetrySettings
from shared.runtime.health import Readiness
from shared.runtime.instruments import Instruments
from shared.subjects import lane
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import FenceLostError, SupersededError
from shared.telemetry import logs
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracing
from tests.unit.shared.telemetry.desk import a_fill, a_signal

RISK = lane("risk", "main")


class Bench:
    """Instruments with everything they write to."""

    def __init__(self) -> None:
        self.metrics = Metrics("risk", "0")
        self.readiness = Readiness("risk", "0", stale_after_s=9)
        self.instruments = Instruments(RISK, self.metrics, Tracing(lambda: 0), self.readiness)

    def page(self) -> str:
        return self.metrics.render().decode()


def test_an_actor_is_ready_once_it_has_recovered() -> None:
    bench = Bench()
    bench.instruments.tape_end = 12

    bench.instruments.beat(5, "recovering", recreations=0)
    assert not bench.readiness.report().ready
    bench.instruments.beat(10, "live", recreations=0)
    report = bench.readiness.report()

    assert report.ready
    assert (report.actors["risk.main"].seq, report.actors["risk.main"].lag) == (10, 2)
    assert 'tapedeck_lag_messages{actor="risk.main"} 2.0' in bench.page()


def test_a_reader_made_anew_is_counted_once() -> None:
    bench = Bench()
    for recreations in (0, 2, 2, 3):
        bench.instruments.beat(1, "live", recreations=recreations)

    assert 'tapedeck_reader_recreated_total{actor="risk.main"} 3.0' in bench.page()


def test_messages_are_counted_by_event_and_never_by_symbol() -> None:
    bench = Bench()
    for symbol in ("AAPL", "MSFT"):
        bench.instruments.handled(Entry(1, f"data.file.bar.1m.{symbol}", b"", 0))
        out = Outgoing(f"risk.main.approved.{symbol}", b"", 1, 0, 1)
        bench.instruments.published([out], took_s=0.001)
    page = bench.page()

    assert 'tapedeck_messages_handled_total{actor="risk.main",event="bar"} 2.0' in page
    assert 'tapedeck_messages_published_total{actor="risk.main",event="approved"} 2.0' in page
    assert "AAPL" not in page


def test_an_actor_that_waits_to_publish_is_not_ready() -> None:
    bench = Bench()
    bench.instruments.beat(1, "live", recreations=0)

    bench.instruments.waits("the tape cannot take more: no space")
    assert not bench.readiness.report().ready
    assert "no space" in bench.readiness.report().checks["risk.main"].detail

    bench.instruments.beat(2, "live", recreations=0)
    assert bench.readiness.report().ready


def test_whoever_loses_the_fence_stands_by_and_stays_ready() -> None:
    bench = Bench()
    bench.instruments.took_over()
    assert 'tapedeck_actor_leads{actor="risk.main"} 1.0' in bench.page()

    bench.instruments.fence_lost(FenceLostError(RISK, 4, 5))
    bench.instruments.beat(5, "standby", recreations=0)

    report = bench.readiness.report()
    assert report.ready
    assert report.actors["risk.main"].state == "standby"
    assert 'tapedeck_fence_lost_total{actor="risk.main"} 1.0' in bench.page()
    assert 'tapedeck_actor_leads{actor="risk.main"} 0.0' in bench.page()


def test_a_superseded_release_is_not_ready_and_says_why() -> None:
    bench = Bench()

    bench.instruments.superseded(SupersededError(RISK, 5))

    report = bench.readiness.report()
    assert not report.ready
    assert "taken over by another release at 5" in report.checks["risk.main"].detail


def test_what_was_said_counts_for_the_business() -> None:
    bench = Bench()
    bench.instruments.said([a_signal(), a_fill("story")])

    assert 'tapedeck_orders_total{outcome="filled"} 1.0' in bench.page()
    assert 'outcome="signal"' not in bench.page()


def test_what_an_actor_tells_stands_in_the_services_own_log() -> None:
    stream = io.BytesIO()
    log = logs.configure("risk", TelemetrySettings(), stream)
    readiness = Readiness("risk", "0", stale_after_s=9)
    Instruments(RISK, Metrics("risk", "0"), Tracing(lambda: 0), readiness, log).took_over()

    told = json.loads(stream.getvalue())
    assert (told["service"], told["event"], told["actor"]) == ("risk", "leads", "risk.main")
