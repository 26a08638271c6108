from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import pytest

from services.strategy import Bounds, Strategy
from services.strategy.parameters import bind, parameters_of
from shared.domain.errors import ConfigurationError


class Mood(StrEnum):
    BOLD = "bold"


class Parent(Strategy):
    timeframe = "5m"
    LIMIT: ClassVar[int] = 3
    _private: int = 4
    state: dict[str, int]

    fast: Annotated[int, Bounds(ge=1, le=50)] = 10
    ratio: float = 0.5
    mode: Literal["wick", "body"] = "wick"
    mood: Mood = Mood.BOLD
    size: Decimal = Decimal(1)
    allow: bool = True


class Child(Parent):
    fast: Annotated[int, Bounds(ge=1, le=50)] = 20
    names: tuple[str, ...] = ()


def test_a_parameter_has_an_annotation_and_a_default() -> None:
    assert list(parameters_of(Parent, Strategy)) == [
        "fast", "ratio", "mode", "mood", "size", "allow",
    ]  # fmt: skip


def test_a_subclass_inherits_and_overrides() -> None:
    assert bind(Child, Strategy, {})["fast"] == 20
    assert "names" in bind(Child, Strategy, {})


def test_text_is_read_into_the_declared_type() -> None:
    text = {
        "fast": "7", "ratio": "0.25", "mode": "body", "mood": "bold", "size": "1.10",
        "allow": "false",
    }  # fmt: skip
    assert bind(Parent, Strategy, text) == {
        "fast": 7, "ratio": 0.25, "mode": "body", "mood": Mood.BOLD, "size": Decimal("1.10"),
        "allow": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"fats": 3}, r"Parent: unknown parameter 'fats': known are fast, ratio"),
        ({"fast": "ten"}, r"Parent: parameter fast = 'ten': Expected int, was str"),
        ({"fast": 0}, r"Parent: parameter fast = 0: Expected int >= 1"),
        ({"mode": "both"}, r"Parent: parameter mode = 'both'"),
        ({"ratio": "nan"}, r"Parent: parameter ratio = 'nan': not a number"),
        ({"fast": 1.5}, r"Parent: parameter fast = 1.5: Expected int, was float"),
    ],
)
def test_what_cannot_be_used_is_named(given: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        bind(Parent, Strategy, given)


def test_a_bad_default_is_named_too() -> None:
    class Wrong(Strategy):
        fast: int = "many"  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="Wrong: parameter fast = 'many'"):
        Wrong()


def test_a_name_of_strategy_cannot_be_a_parameter() -> None:
    class Greedy(Strategy):
        price: float = 1.0  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="'price' is a name of Strategy"):
        Greedy()


def test_state_on_the_class_is_refused() -> None:
    class Sharing(Strategy):
        seen = {"a": 1}  # noqa: RUF012 - the mistake that this test is about

    with pytest.raises(ConfigurationError, match="seen would be shared by all instances"):
        Sharing()


def test_a_type_that_text_cannot_be_read_into_is_refused() -> None:
    class Odd(Strategy):
        anything: Strategy | None = None

    with pytest.raises(ConfigurationError, match="Odd: parameter anything"):
        Odd(anything="x")
