"""What import contracts cannot see: code that decides differently the second time."""

import ast
from pathlib import Path

import pytest

from tests.tidy.code import decides, parsed, relative, source_files

BANNED_CALLS = {
    "hash": "differs from process to process",
    "id": "is an address",
    "input": "is I/O",
    "open": "is I/O",
    "print": "is I/O",
    "datetime.now": "is the wall clock: time is in the Stamp",
    "datetime.today": "is the wall clock: time is in the Stamp",
    "date.today": "is the wall clock: time is in the Stamp",
}
NONDETERMINISTIC_MATH = {
    "exp",
    "log",
    "log10",
    "log2",
    "log1p",
    "expm1",
    "pow",
    "sin",
    "cos",
    "tan",
}
"""Their last digit is the C library's choice; a core uses + - * / and sqrt."""
DECISIONS = [path for path in source_files() if decides(path)]


def problems(tree: ast.Module) -> list[str]:
    return [f"line {node.lineno}: {what}" for node, what in _found(tree)]


def _found(tree: ast.Module) -> list[tuple[ast.expr | ast.stmt, str]]:
    found: list[tuple[ast.expr | ast.stmt, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                found.append((node, "a core does not wait"))
            case ast.Global():
                found.append((node, "state belongs to the core's state"))
            case ast.Call(func=func):
                name = ast.unparse(func)
                if name in BANNED_CALLS:
                    found.append((node, f"{name}() {BANNED_CALLS[name]}"))
                module, _, function = name.rpartition(".")
                if module == "math" and function in NONDETERMINISTIC_MATH:
                    found.append((node, f"{name}() differs from machine to machine"))
            case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
                if _is_a_set(iterated):
                    found.append((iterated, "a set has no order: sort it, or use a dict"))
            case _:
                pass
    return found


def _is_a_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("set", "frozenset")


@pytest.mark.parametrize("path", DECISIONS, ids=relative)
def test_what_decides_decides_the_same_every_time(path: Path) -> None:
    assert problems(parsed(path)) == []


def test_there_are_cores_to_look_at() -> None:
    cores = {relative(path) for path in DECISIONS if path.name == "core.py"}
    for service in ("data", "strategy", "risk", "execution", "ledger"):
        assert f"services/{service}/core.py" in cores


@pytest.mark.parametrize(
    "code",
    [
        "async def handle(): ...",
        "for x in {1, 2}: pass",
        "[x for x in set(y)]",
        "def f():\n    global x",
        "hash(x)",
        "math.exp(x)",
        "datetime.now()",
    ],
)
def test_the_rule_sees_what_it_is_for(code: str) -> None:
    assert problems(ast.parse(code)) != []
