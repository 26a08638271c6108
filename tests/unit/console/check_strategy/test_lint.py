"""What the lint finds, one line each, and what it leaves in peace."""

import pytest

from console.check_strategy.lint import lint_class, lint_source
from services.strategy.builtin.crossover import EmaCrossover

HEAD = "from services.strategy import Strategy\nclass S(Strategy):\n    def on_bar(self, bar):\n"


def found(body: str, head: str = "") -> list[str]:
    source = head + HEAD + "\n".join(f"        {line}" for line in body.splitlines())
    return [f"{one.line}: {one.code}" for one in lint_source(source)]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("import time\n", "now = time.time()"),
        ("from time import monotonic as m\n", "now = m()"),
        ("import datetime as dt\n", "now = dt.datetime.now()"),
        ("from datetime import datetime\n", "now = datetime.now()"),
        ("", "x = hash(bar.symbol)"),
        ("", "x = id(bar)"),
        ("", "x = open('f')"),
        ("import os\n", "x = os.environ['A']"),
        ("import os\n", "x = os.getenv('A')"),
        ("", "for s in {1, 2}: pass"),
        ("", "x = list(set(self.names))"),
        ("", "x = [s for s in set(self.names)]"),
        ("", "x = ','.join({'a', 'b'})"),
        ("", "x = sum({0.1, 0.2})"),
        ("", "x = dict.fromkeys({'a', 'b'})"),
        ("", "x, y = {'a', 'b'}"),
        ("", "x = [*{'a', 'b'}]"),
        ("", "x = max({'a', 'b'}, key=len)"),
        ("from pathlib import Path\n", "x = Path('f').read_text()"),
        ("", "S.seen = 1"),
        ("", "type(self).seen += 1"),
        ("", "global held"),
    ],
)
def test_what_is_not_on_the_tape_is_found(head: str, body: str) -> None:
    assert len(found(body, head)) == 1


@pytest.mark.parametrize("module", ["random", "uuid", "secrets", "requests", "threading", "socket"])
def test_modules_that_have_no_place_in_a_strategy_are_found(module: str) -> None:
    (only,) = found("pass", f"import {module}\n")
    assert only == f"1: import {module}"


def test_a_call_of_chance_is_found_at_its_line_too() -> None:
    assert found("x = random.random()", "import random\n") == [
        "1: import random",
        "5: random.random()",
    ]


def test_state_that_no_snapshot_keeps_is_found() -> None:
    assert found("held.append(bar)", "held = []\n") == ["5: held.append(bar)"]
    assert found("held[bar.symbol] = 1", "held = {}\n") == ["5: held[bar.symbol] = 1"]
    shared = "class S:\n    seen = []\n    def on_bar(self, bar):\n        self.seen.append(bar)\n"
    (one,) = lint_source(shared)
    assert (one.line, one.instead) == (4, "make it in on_start: self.seen = …")


@pytest.mark.parametrize(
    "body",
    [
        "for s in sorted({1, 2}): pass",
        "x = len(set(self.names)); y = 1 in {1, 2}",
        "self.seen = []\nself.seen.append(bar)",
        "x = self.now_ns + bar.start_ns",
        "for s in self.names: pass",
        "x = max({1, 2})",
        "x = len({*{1, 2}, 3})",
    ],
)
def test_what_decides_by_the_tape_is_left_in_peace(body: str) -> None:
    assert found(body) == []


def test_the_built_in_strategies_are_clean() -> None:
    assert lint_class(EmaCrossover) == []
