"""Nothing grows past what can be read in one go."""

import ast
from pathlib import Path

import pytest

from tests.tidy.code import parsed, python_files, relative

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
GENERATED = ("shared/domain/sessions_table.py",)  # by its script; nobody reads it


@pytest.mark.parametrize("path", python_files(), ids=relative)
def test_a_file_and_its_functions_fit_on_a_few_screens(path: Path) -> None:
    if relative(path) in GENERATED:
        return
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES_MAX, f"{lines} lines: split it"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


def test_the_exceptions_exist() -> None:
    assert set(GENERATED) <= {relative(path) for path in python_files()}
