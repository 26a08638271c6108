"""`tapedeck check-strategy` on strategies that decide by something that is not on the tape."""

import json

from tests.e2e.desk import Workshop

BY_A_SET = '''
from services.strategy import Strategy


class Fickle(Strategy):
    """Buys what a set hands it first."""

    lots: int = 3

    def on_start(self):
        self.seen = []

    def on_bar(self, bar):
        self.seen.append(bar.symbol)
        if len(self.seen) % 40 == 0:
            chosen = next(iter(set(self.seen[-12:])))
            if not self.position(chosen):
                self.buy(chosen, self.lots)
'''


def test_a_set_that_decides_is_found_in_the_source_and_by_running(workshop: Workshop) -> None:
    (workshop.path / "fickle.py").write_text(BY_A_SET, encoding="utf-8")
    outcome = workshop.run("check-strategy", "fickle.py", "--set", "lots=2", "--json")
    found = json.loads(outcome.out)
    assert outcome.code == 1
    (finding,) = found["findings"]
    assert finding["code"] == "iter(set(self.seen[-12:]))"
    assert finding["instead"] == "use sorted() first"
    assert "open buy 2 S" in found["differs"]
    assert ", in another process " in found["differs"]


def test_findings_are_told_of_a_strategy_that_cannot_run(workshop: Workshop) -> None:
    text = BY_A_SET.replace("lots: int = 3", "shared = []")
    (workshop.path / "fickle.py").write_text(text, encoding="utf-8")
    outcome = workshop.run("check-strategy", "fickle.py")
    assert outcome.code == 1
    assert "use sorted() first" in outcome.out
    assert "it was not run: " in outcome.out
    assert "set it in on_start" in outcome.out


def test_a_clean_strategy_is_told_so(workshop: Workshop) -> None:
    outcome = workshop.run("check-strategy", "ema_crossover", "--set", "fast=5")
    assert outcome.code == 0, outcome.err
    assert "two runs decide the same" in outcome.out


def test_what_cannot_be_checked_is_one_sentence(workshop: Workshop) -> None:
    assert "no_such" in workshop.run("check-strategy", "no_such").error
    wrong = workshop.run("check-strategy", "ema_crossover", "--set", "fst=5")
    assert wrong.code == 2
    assert "fst" in wrong.error
