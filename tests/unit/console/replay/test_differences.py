"""Only what differs is shown, field by field."""

import json

from rich.console import Console

from console.replay.differences import Change, changes, setting_changes, show
from shared.runtime.replay import Difference, Said


def said(**fields: object) -> Said:
    return Said("strategy.s.signal.A", json.dumps({"id": "x", "v": 1, **fields}), 0, 1)


def test_fields_that_are_equal_are_left_out() -> None:
    one = Difference(
        "strategy.s", 5, 7, said(quantity="10", values={"fast": 1, "slow": 2}),
        said(quantity="12", values={"fast": 1, "slow": 3}),
    )  # fmt: skip
    assert changes(one) == [Change("quantity", "10", "12"), Change("values.slow", "2", "3")]


def test_a_message_that_one_side_lacks_is_shown_whole() -> None:
    lacking = Difference("strategy.s", 5, 7, said(quantity="10"), None)
    assert Change("quantity", "10", "") in changes(lacking)
    told = Console(width=100, record=True, quiet=True)
    show(lacking, "bar A", told)


def test_rubbish_is_shown_as_it_is() -> None:
    one = Difference(
        "strategy.s", 5, 7, Said("a.b.c", "{no json", 0, 1), Said("a.b.c", "[1]", 0, 1)
    )
    assert changes(one) == [Change("payload", "{no json", "[1]")]


def test_settings_are_compared_by_their_paths() -> None:
    before = json.dumps({"params": {"fast": 1}, "symbols": ["A"]})
    after = json.dumps({"params": {"fast": 2}, "symbols": ["A", "B"]})
    assert setting_changes(before, after) == [
        Change("params.fast", "1", "2"),
        Change("symbols.1", "", "B"),
    ]
