"""A difference as people read it: what was recorded beside what is said today, field by field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.runtime.replay import Difference, Said

_HEAD = ("v", "id", "causation_id", "correlation_id", "type")
NOTHING = "-"


class Change(NamedTuple):
    """One field that is not what was recorded; "" stands for a field that is not there."""

    field: str
    recorded: str
    produced: str


def changes(one: Difference) -> list[Change]:
    """Return the fields that differ; of a message that one side lacks, all that matter."""
    recorded, produced = _fields(one.recorded), _fields(one.produced)
    is_alone = not recorded or not produced  # its empty fields say nothing
    return [
        Change(name, recorded.get(name, ""), produced.get(name, ""))
        for name in dict.fromkeys((*recorded, *produced))
        if recorded.get(name, "" if is_alone else None)
        != produced.get(name, "" if is_alone else None)
    ]


def setting_changes(before: str, after: str) -> list[Change]:
    """Return the settings that differ between two certificates."""
    old = dict(_flat("", json.loads(before)))
    new = dict(_flat("", json.loads(after)))
    names = dict.fromkeys((*old, *new))
    return [
        Change(name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name) != new.get(name)
    ]


def show(one: Difference, cause: str, screen: Console) -> None:
    """Print a difference under the input that caused it."""
    screen.print(Text.assemble((one.lane, "bold"), f" answering {one.cause:,}: {cause}"))
    table = Table(box=None, padding=(0, 2, 0, 2))
    table.add_column("", style="dim")
    place = f"recorded at {one.seq:,}" if one.seq else "recorded"
    for title in (place, "said today"):
        table.add_column(title, overflow="fold")
    table.add_row("", _named(one.recorded), _named(one.produced))
    for change in changes(one):
        table.add_row(change.field, change.recorded or NOTHING, change.produced or NOTHING)
    screen.print(table)


def _named(said: Said | None) -> str:
    if said is None:
        return "nothing"
    place = f" ({said.index + 1} of {said.count})" if said.count > 1 else ""
    return said.subject + place


def _fields(said: Said | None) -> dict[str, str]:
    if said is None:
        return {}
    try:
        content = json.loads(said.payload)
    except ValueError:
        return {"payload": said.payload}
    if not isinstance(content, Mapping):
        return {"payload": said.payload}
    kept = {name: value for name, value in content.items() if name not in _HEAD}
    return {"": said.subject, "place": f"{said.index + 1} of {said.count}"} | dict(_flat("", kept))


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield every leaf of a JSON value with its path, as in `checks.2.limit`."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from _flat(f"{prefix}.{number}", item)
    else:
        yield prefix, "" if value is None else str(value)
