"""What no committed file says."""

import ast
import re
from pathlib import Path

import pytest

from tests.tidy.code import parsed, python_files, relative, source_files, tracked_files

# A class of one letter keeps a pattern from matching itself: this file is looked at, too.
ABSOLUTE_PATHS = re.compile(r"(?<![\w.~])/(?:wor[k]|roo[t]|hom[e]|User[s])/\w")
REGISTRIES = re.compile(r"pyp[i]\.|pythonhoste[d]|npmj[s]\.|index-ur[l]", re.IGNORECASE)
UNFINISHED = re.compile(r"#\s*(?:TOD[O]|FIXM[E]|XX[X])\b")
STUB = re.compile(r"\bNotImplementedErro[r]\b")
BINARY = (".parquet", ".png", ".ico", ".gz", ".tape")
# The rules' own tools name the options they refuse.
SPEAKS_OF_INDEXES = ("scripts/lock", "tests/tidy/test_requirements.py")


def lines(path: Path) -> list[tuple[int, str]]:
    return list(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))


TEXTS = [path for path in tracked_files() if path.suffix not in BINARY]


@pytest.mark.parametrize("path", TEXTS, ids=relative)
def test_no_file_depends_on_one_machine(path: Path) -> None:
    for number, line in lines(path):
        assert not ABSOLUTE_PATHS.search(line), f"line {number} has an absolute path"
        if relative(path) not in SPEAKS_OF_INDEXES:
            assert not REGISTRIES.search(line), f"line {number} names a package registry"


@pytest.mark.parametrize("path", python_files(), ids=relative)
def test_nothing_unfinished_is_committed(path: Path) -> None:
    for number, line in lines(path):
        assert not UNFINISHED.search(line), f"line {number} is unfinished"


@pytest.mark.parametrize("path", source_files(), ids=relative)
def test_no_stub_is_committed(path: Path) -> None:
    for number, line in lines(path):
        assert not STUB.search(line), f"line {number} is a stub"


@pytest.mark.parametrize("path", source_files(), ids=relative)
def test_no_error_is_swallowed(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            silent = all(isinstance(statement, ast.Pass) for statement in node.body)
            assert not silent, f"line {node.lineno}: contextlib.suppress says it with its reason"
            assert caught, f"line {node.lineno}: a bare except"


@pytest.mark.parametrize("path", source_files(), ids=relative)
def test_every_module_states_its_contract(path: Path) -> None:
    assert ast.get_docstring(parsed(path)), "a module begins with what it is for"
