"""The dashboards, from one table to Grafana's JSON: `python deploy/grafana/generate.py`.

Grafana reads the files in `dashboards/`; a test holds them to this table. A panel is a title, a
unit, a kind and its queries, each with the legend of its lines.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, COLUMNS, HEIGHT = 24, 2, 8
SOURCE = {"type": "prometheus", "uid": "prometheus"}


class Query(NamedTuple):
    """A PromQL expression and what its lines are called."""

    expr: str
    legend: str


class Panel(NamedTuple):
    """One picture; `kind` is Grafana's."""

    title: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"


def quantiles(metric: str, by: str) -> tuple[Query, ...]:
    """Return the median and the 99th percentile of a histogram."""
    return tuple(
        Query(
            f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket[1m])))",
            f"{{{{{by}}}}} p{round(share * 100)}",
        )
        for share in (0.5, 0.99)
    )


DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "desk": (
        "Desk overview",
        (
            Panel("Instances up", "short", (Query("sum by (job) (up)", "{{job}}"),)),
            Panel("Equity", "currencyUSD", (Query("max(tapedeck_equity)", "equity"),)),
            Panel("Cash", "currencyUSD", (Query("max(tapedeck_cash)", "cash"),)),
            Panel(
                "Messages a second on the tape",
                "short",
                (Query("max(rate(tapedeck_tape_last_seq[1m]))", "all"),),
            ),
            Panel(
                "Who leads",
                "short",
                (Query("tapedeck_actor_leads", "{{actor}} at {{instance}}"),),
                "state-timeline",
            ),
            Panel(
                "Memory",
                "bytes",
                (Query("process_resident_memory_bytes", "{{job}} at {{instance}}"),),
            ),
            Panel(
                "Processor",
                "percentunit",
                (Query("rate(process_cpu_seconds_total[1m])", "{{job}} at {{instance}}"),),
            ),
            Panel(
                "Releases",
                "short",
                (
                    Query(
                        "sum by (service, version) (tapedeck_build_info)", "{{service}} {{version}}"
                    ),
                ),
                "table",
            ),
        ),
    ),
    "risk": (
        "Risk",
        (
            Panel(
                "Decisions a minute",
                "short",
                (
                    Query(
                        "60 * sum by (event) (rate(tapedeck_messages_published_total"
                        '{actor=~"risk.*"}[1m]))',
                        "{{event}}",
                    ),
                ),
            ),
            Panel(
                "Reasons of denials, 15 minutes",
                "short",
                (Query("sum by (code) (increase(tapedeck_denied_total[15m]))", "{{code}}"),),
                "bargauge",
            ),
            Panel(
                "Halts",
                "short",
                (
                    Query(
                        "sum by (event) (increase(tapedeck_messages_published_total"
                        '{actor=~"risk.*", event=~"halted|resumed|violation"}[1h]))',
                        "{{event}}",
                    ),
                ),
            ),
            Panel(
                "Equity below its high of a day",
                "percentunit",
                (
                    Query(
                        "1 - max(tapedeck_equity) / max(max_over_time(tapedeck_equity[1d]))",
                        "drawdown",
                    ),
                ),
            ),
            Panel("Time of a decision", "s", quantiles("tapedeck_handle_seconds", "actor")),
        ),
    ),
    "execution": (
        "Execution quality",
        (
            Panel(
                "Steps of orders a minute",
                "short",
                (Query("sum by (outcome) (rate(tapedeck_orders_total[1m])) * 60", "{{outcome}}"),),
            ),
            Panel(
                "Rejected, of submitted",
                "percentunit",
                (
                    Query(
                        'sum(increase(tapedeck_orders_total{outcome="rejected"}[15m]))'
                        ' / sum(increase(tapedeck_orders_total{outcome="submitting"}[15m]))',
                        "15 minutes",
                    ),
                ),
            ),
            Panel(
                "Unknown to us or to the broker",
                "short",
                (Query('sum(increase(tapedeck_orders_total{outcome="unknown"}[1h]))', "unknown"),),
            ),
            Panel("Publishing", "s", quantiles("tapedeck_publish_seconds", "job")),
        ),
    ),
    "tape": (
        "Tape and lag",
        (
            Panel("End of the tape", "short", (Query("max(tapedeck_tape_last_seq)", "sequence"),)),
            Panel(
                "Messages behind the end",
                "short",
                (Query("min by (actor) (tapedeck_lag_messages)", "{{actor}}"),),
            ),
            Panel(
                "Handled a second",
                "short",
                (Query("sum by (actor) (rate(tapedeck_messages_handled_total[1m]))", "{{actor}}"),),
            ),
            Panel("Place on the tape", "short", (Query("tapedeck_position_seq", "{{actor}}"),)),
            Panel(
                "Fences lost",
                "short",
                (Query("sum by (actor) (increase(tapedeck_fence_lost_total[5m]))", "{{actor}}"),),
            ),
            Panel(
                "Readers made anew",
                "short",
                (
                    Query(
                        "sum by (actor) (increase(tapedeck_reader_recreated_total[5m]))",
                        "{{actor}}",
                    ),
                ),
            ),
            Panel(
                "Market messages dropped",
                "short",
                (Query("sum by (reason) (rate(tapedeck_market_dropped_total[1m]))", "{{reason}}"),),
            ),
        ),
    ),
    "ledger": (
        "Ledger",
        (
            Panel(
                "Behind the tape",
                "short",
                (Query('min by (actor) (tapedeck_lag_messages{actor=~"ledger.*"})', "{{actor}}"),),
            ),
            Panel("Equity", "currencyUSD", (Query("max(tapedeck_equity)", "equity"),)),
            Panel("Cash", "currencyUSD", (Query("max(tapedeck_cash)", "cash"),)),
            Panel(
                "Handled a second",
                "short",
                (
                    Query(
                        'sum(rate(tapedeck_messages_handled_total{actor=~"ledger.*"}[1m]))',
                        "events",
                    ),
                ),
            ),
            Panel(
                "Mismatches",
                "short",
                (
                    Query(
                        "sum(increase(tapedeck_messages_published_total"
                        '{actor=~"ledger.*", event="mismatch"}[1h]))',
                        "an hour",
                    ),
                ),
            ),
        ),
    ),
}


def document(name: str) -> dict[str, object]:
    """Return one dashboard as Grafana reads it."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"tapedeck-{name}",
        "title": f"Tapedeck: {title}",
        "tags": ["tapedeck"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, object]:
    width = WIDTH // COLUMNS
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": {
            "x": number % COLUMNS * width,
            "y": number // COLUMNS * HEIGHT,
            "w": width,
            "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
            }
            for place, query in enumerate(panel.queries)
        ],
    }


def text_of(name: str) -> str:
    """Return a dashboard's file."""
    return json.dumps(document(name), indent=2) + "\n"


def main() -> int:
    """Write them all."""
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
