import os
import sys
from pathlib import Path

import pytest

from services.strategy.builtin.crossover import EmaCrossover, SmaCrossover
from services.strategy.builtin.opening_range_breakout import OpeningRangeBreakout
from services.strategy.catalogue import BUILT_IN, resolve, sources_of
from shared.domain.errors import ConfigurationError

ONE = """
from services.strategy import Strategy
class Mine(Strategy):
    fast: int = 3
class NotMine:
    pass
"""


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_built_in_names() -> None:
    assert resolve("ema_crossover") is EmaCrossover
    assert resolve("sma_crossover") is SmaCrossover
    assert resolve("orb") is resolve("opening_range_breakout") is OpeningRangeBreakout
    assert list(BUILT_IN) == sorted(BUILT_IN)


def test_a_file_outside_the_tree_with_or_without_the_class(tmp_path: Path) -> None:
    path = written(tmp_path, "mine.py", ONE)
    assert resolve(f"{path}:Mine").__name__ == "Mine"
    assert resolve(path) is resolve(f"{path}:Mine")


def test_its_module_name_is_the_same_wherever_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here = resolve(written(tmp_path, "same.py", ONE))
    there = resolve(written(tmp_path / "other", "same.py", ONE))
    changed = resolve(written(tmp_path, "same.py", ONE + "\n# changed\n"))
    assert here.__module__ == there.__module__ != changed.__module__
    assert sources_of(here) == [here.__module__]
    assert here.__module__ in sys.modules


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "beside_strategy_7.py", "NUMBER = 7\n")
    path = written(tmp_path, "uses.py", "from beside_strategy_7 import NUMBER\n" + ONE)
    before = list(sys.path)
    assert resolve(path).__name__ == "Mine"
    assert sys.path == before


def test_a_module_by_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkg_7").mkdir()
    written(tmp_path / "pkg_7", "__init__.py", "")
    written(tmp_path / "pkg_7", "mod.py", ONE)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert resolve("pkg_7.mod") is resolve("pkg_7.mod:Mine")
    assert sources_of(resolve("pkg_7.mod")) == ["pkg_7.mod"]


def test_a_module_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "here_strategy_7.py", ONE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert resolve("here_strategy_7:Mine").__name__ == "Mine"


def test_the_code_of_a_built_in_needs_no_source_of_its_own() -> None:
    assert sources_of(EmaCrossover) == []


@pytest.mark.parametrize(
    ("use", "text"),
    [
        ("emma", r"'emma': not a built-in one \(ema_crossover, .*file.py:Class"),
        ("no_such_pkg.mod:X", r"no module 'no_such_pkg' in the Python path or in"),
        ("services.strategy.nothing:X", r"no module 'services.strategy.nothing'"),
        ("no/such/file.py:X", r"no/such/file.py: No such file or directory"),
        ("services.strategy.wish:Wish", r"Wish is not a subclass of services.strategy.Strategy"),
        ("services.strategy.wish:Nope", r"no class 'Nope'; strategies there: none"),
        ("services.strategy.author:Strategy", r"Strategy is not a subclass"),
        ("services.strategy.builtin.crossover", r"name one class.*EmaCrossover, SmaCrossover"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(use: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        resolve(use)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 1 / 0\n", r"ZeroDivisionError: division by zero \(.*broken.py:1\)"),
        ("import no_such_thing_7\n", r"ModuleNotFoundError: No module.*\(.*broken.py:1\)"),
        ("def f(:\n", r"SyntaxError: .* \(.*broken.py:1\)"),
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(.*broken.py:2\)"),
    ],
)
def test_a_file_that_does_not_load_is_named_with_its_line(
    tmp_path: Path, source: str, text: str
) -> None:
    path, before = written(tmp_path, "broken.py", source), set(sys.modules)
    with pytest.raises(ConfigurationError, match=text):
        resolve(path)
    left = set(sys.modules) - before
    assert not any(name.startswith("strategy_file_broken") for name in left)


def test_an_edit_within_a_second_that_keeps_the_size_is_loaded_as_it_is(tmp_path: Path) -> None:
    """Python's cache of compiled files would not notice it."""
    source = "from services.strategy import Strategy\nclass S(Strategy):\n    lots: int = {}\n"
    found = []
    for lots in (1, 2):
        path = Path(written(tmp_path, "quick.py", source.format(lots)))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        found.append(resolve(str(path)).lots)  # type: ignore[attr-defined]
    assert found == [1, 2]
