"""Dashboards and alerts speak of metrics that exist, and lead to a runbook that does."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import promql_parser
import pytest
import yaml

from shared.config.desk import HealthSettings
from shared.messages.orders import OrderMessage
from shared.subjects import lane
from shared.telemetry.metrics import Metrics
from tests.tidy.code import ROOT

DEPLOY = ROOT / "deploy"
METRIC = re.compile(r"\b(?:tapedeck|process)_[a-z_]+|\bup\b")
OF_PROMETHEUS = {"up"}
OF_THE_KERNEL = {"process_resident_memory_bytes", "process_cpu_seconds_total"}  # Linux tells these
SAMPLES_OF_A_HISTOGRAM = ("_bucket", "_count", "_sum")


def existing() -> set[str]:
    """Return every metric that a service can tell."""
    metrics = Metrics("risk", "0")
    metrics.actor(lane("risk", "main"))
    metrics.equity.set(1)
    metrics.cash.set(1)
    page = metrics.render().decode()
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE):
        found |= {name + end for end in SAMPLES_OF_A_HISTOGRAM} if kind == "histogram" else {name}
    return found | OF_PROMETHEUS | OF_THE_KERNEL


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def generator() -> ModuleType:
    path = DEPLOY / "grafana" / "generate.py"
    spec = importlib.util.spec_from_file_location("grafana_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dashboards() -> dict[str, Any]:
    folder = DEPLOY / "grafana" / "dashboards"
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_an_expression_is_promql_over_metrics_that_exist(where: str, expression: str) -> None:
    promql_parser.parse(expression)
    named = set(METRIC.findall(re.sub(r'"[^"]*"', '""', expression)))

    assert named, where
    assert named <= existing(), f"{where} names {sorted(named - existing())}"


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_an_outcome_of_orders_is_one_that_is_counted(where: str, expression: str) -> None:
    outcomes = {str(kind.__struct_config__.tag) for kind in OrderMessage.__subclasses__()}
    assert set(re.findall(r'outcome="([a-z]+)"', expression)) <= outcomes, where


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_what_to_do(rule: dict[str, Any]) -> None:
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    text = (ROOT / file).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)

    assert anchor == rule["alert"].lower()
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert rule["annotations"]["summary"]


def test_dashboards_are_what_their_table_says() -> None:
    made = generator()
    assert set(dashboards()) == set(made.DASHBOARDS)
    for name in made.DASHBOARDS:
        committed = (DEPLOY / "grafana" / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
        assert committed == made.text_of(name), "python deploy/grafana/generate.py"


def test_a_dashboard_has_an_id_of_its_own_and_panels_that_do_not_overlap() -> None:
    found = dashboards()
    assert len({dashboard["uid"] for dashboard in found.values()}) == len(found)
    for dashboard in found.values():
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
        assert len(set(places)) == len(places)


def test_every_service_is_scraped_where_it_answers() -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["scrape_configs"]
    health = HealthSettings()

    assert {job["job_name"] for job in jobs} == {"data", "strategy", "risk", "execution", "ledger"}
    for job in jobs:
        (found,) = job["dns_sd_configs"]
        assert found["names"] == [job["job_name"]]
        assert found["port"] == getattr(health, f"{job['job_name']}_port")


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yml")), ids=lambda path: path.name)
def test_a_configuration_file_is_yaml(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_the_collector_listens_where_traces_are_sent() -> None:
    text = (DEPLOY / "otel" / "collector.yml").read_text(encoding="utf-8")
    endpoint = yaml.safe_load(text)["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert f"http://otel-collector:{endpoint.rpartition(':')[2]}" in example
