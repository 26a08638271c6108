import json

import pytest

from console.output import print_json, show_document, show_rows, spell

ROWS: list[dict[str, object]] = [
    {"symbol": "AAPL", "quantity": "12.5"},
    {"symbol": "NVDA", "quantity": None},
]


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, None], "ü": True})
    out = capsys.readouterr().out
    assert out == '{"a": [1, null], "ü": true}\n'


def test_rows_are_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, ("symbol", "quantity"), as_json=True, empty="none")
    assert json.loads(capsys.readouterr().out) == ROWS
    show_rows(ROWS, ("symbol", "quantity"), as_json=False, empty="none")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "AAPL" in line or "NVDA" in line] == [
        ["AAPL", "12.5"],
        ["NVDA", "-"],
    ]


def test_no_rows_are_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], ("symbol",), as_json=False, empty="no positions")
    assert capsys.readouterr().out == "no positions\n"
    show_rows([], ("symbol",), as_json=True, empty="no positions")
    assert capsys.readouterr().out == "[]\n"


def test_a_document_shows_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    show_document({"bars": 1200, "positions": {"A": "1"}}, as_json=False, title="Run")
    out = capsys.readouterr().out
    assert "1,200" in out
    assert "A 1" in out


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (12345, "12,345"), ([], "-"), ({}, "-")],
)
def test_values_are_spelled_for_people(value: object, text: str) -> None:
    assert spell(value) == text
