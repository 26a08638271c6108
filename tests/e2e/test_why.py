"""`why` and `why-not` on the tape of a desk at rest."""

import json
from typing import Any

from tests.e2e.desk import Workshop, write_bars


def test_an_order_is_explained_to_its_bar_and_a_quiet_minute_to_its_values(
    workshop: Workshop,
) -> None:
    bars = write_bars(workshop.path / "bars.csv", 90)
    state = ("--state", str(workshop.path / "state"))
    workshop.run(
        *("up", "--data", str(bars), "--until-done", "--json", *state),
        *("--strategy", "ema_crossover", "--set", "fast=3", "--set", "slow=9"),
    )
    orders: list[Any] = json.loads(workshop.run("orders", "--json", *state).out)
    order = orders[0]
    told = workshop.run("why", order["order_id"], "--json", *state).document
    assert told["steps"][0]["event"] == "bar"
    assert {"signal", "approved", "submitting"} <= {step["event"] for step in told["steps"]}
    shown = workshop.run("why", order["order_id"], *state).out
    assert "looked at fast" in shown
    assert "passed" in shown

    quiet = workshop.run("why-not", "AAA", "2025-05-12T13:33", *state)
    assert quiet.code == 0, quiet.err
    assert "ema_crossover: it looked, and wished for nothing" in quiet.out
    document = workshop.run("why-not", "AAA", "2025-05-12T13:33", "--json", *state).document
    assert document["reasons"][0]["code"] == "no_wish"
    assert "nobody" in workshop.run("why", "nobody_knows", *state).error
