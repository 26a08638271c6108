"""What a desk recorded goes through the code again, after the desk has gone."""

import json
from pathlib import Path

from tests.e2e.desk import Workshop, write_bars

STRATEGY = """
from services.strategy import Strategy


class Often(Strategy):
    def on_start(self):
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen % {every} == 0:
            self.exit(bar.symbol) or self.buy(bar.symbol, 10)
"""


def test_a_replay_agrees_until_the_strategy_is_edited(workshop: Workshop) -> None:
    bars = write_bars(workshop.path / "bars.csv", 90)
    strategy = Path(workshop.path / "mine.py")
    strategy.write_text(STRATEGY.format(every=7))
    state = ("--state", str(workshop.path / "state"))
    run = workshop.run(
        *("up", "--data", str(bars), "--until-done", "--json", *state),
        *("--strategy", "mine.py:Often"),
    )
    assert run.document["fills"] > 5

    same = workshop.run("replay", "--json", *state)
    assert same.document["events"] == run.document["tape"]["last"]
    assert same.document["differences"] == 0
    assert same.document["changed"] == []
    assert same.document["compared"] > run.document["signals"] * 5

    strategy.write_text(STRATEGY.format(every=8))
    edited = workshop.run("replay", "--json", *state)
    found = json.loads(edited.out)
    assert edited.code == 1
    assert found["changed"] == ["strategy.Often"]
    assert found["first"]["lane"] == "strategy.Often"
    # The others answered what was recorded, and still do.
    others = workshop.run("replay", "--actor", "risk.main", "--actor", "execution.main", *state)
    assert others.code == 0, others.err
    assert "no differences" in others.out


def test_what_cannot_be_replayed_is_one_sentence(workshop: Workshop) -> None:
    outcome = workshop.run("replay", "--state", str(workshop.path / "nowhere"))

    assert outcome.code == 3
    assert "no desk runs in" in outcome.error
