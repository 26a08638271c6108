"""What the commands print: one JSON value for programs, a calm table for people."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH_OF_A_FILE = 200


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def show_document(document: Mapping[str, object], *, as_json: bool, title: str) -> None:
    """Print names and values."""
    if as_json:
        print_json(document)
        return
    table = Table(title=title, box=box.SIMPLE, show_header=False, title_justify="left")
    table.add_column(style="dim")
    table.add_column()
    for name, value in document.items():
        table.add_row(name, spell(value))
    terminal().print(table)


def show_rows(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool, empty: str
) -> None:
    """Print rows; `empty` is what a person reads when there are none."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        print(empty)
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in columns:
        is_number = all(_is_number(row.get(name)) for row in rows)
        table.add_column(
            name.replace("_", " "), justify="right" if is_number else "left", no_wrap=True
        )
    for row in rows:
        table.add_row(*(spell(row.get(name)) for name in columns))
    terminal().print(table)


def terminal() -> Console:
    """Return where to print; a file or a pipe has no width that a line would have to fit."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH_OF_A_FILE)


def spell(value: object) -> str:
    """Return a value as a person reads it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return "\n".join(f"{key} {spell(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return "\n".join(spell(item) for item in value) or "-"
    return str(value)


def _is_number(value: object) -> bool:
    if value is None or isinstance(value, int):
        return True
    return (
        isinstance(value, str) and value.lstrip("-").replace(",", "").replace(".", "", 1).isdigit()
    )
