import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from services.strategy.freeze import Freezer, SnapshotError, thaw_attributes
from services.strategy.indicators import Ema, Macd


class Colour(Enum):
    RED = 1


class Level(Struct):
    price: float
    touched: list[int]


class Tick(Struct, frozen=True):
    price: float


@dataclass
class Lot:
    size: Decimal
    notes: list[str] = field(default_factory=list)


def through_json(**attributes: object) -> dict[str, object]:
    frozen = Freezer().freeze_attributes("s", attributes)
    return thaw_attributes(msgspec.json.decode(msgspec.json.encode(frozen)))


def test_every_permitted_value_comes_back_as_it_was() -> None:
    attributes: dict[str, object] = {
        "nothing": None,
        "yes": True,
        "huge": 10**30,
        "small": -0.0,
        "third": 1 / 3,
        "amount": Decimal("1.10"),
        "pair": (1, [2.0, "x"]),
        "last": deque([1, 2], maxlen=2),
        "by_key": {("AAPL", 1): [1], "b": {}},
        "colour": Colour.RED,
        "level": Level(1.5, [1]),
        "lot": Lot(Decimal(3), ["a"]),
        "macd": Macd.of(2, 3, 2),
    }
    back = through_json(**attributes)
    assert repr(back) == repr(attributes)
    assert [type(value) for value in back.values()] == [type(v) for v in attributes.values()]


def test_what_is_no_number_survives() -> None:
    back = through_json(a=math.nan, b=-math.inf, ema=Ema(3))
    assert math.isnan(back["a"])  # type: ignore[arg-type]
    assert back["b"] == -math.inf
    assert isinstance(back["ema"], Ema)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({1, 2}, r"s\.bad is a set"),
        (len, r"s\.bad is a builtin_function"),
        ([1, {"deep": object()}], r"s\.bad\[1\]\['deep'\] is a object"),
    ],
)
def test_what_cannot_be_restored_is_named(value: object, text: str) -> None:
    with pytest.raises(SnapshotError, match=text):
        Freezer().freeze_attributes("s", {"bad": value})


def test_one_mutable_object_in_two_places_is_refused() -> None:
    shared: list[int] = []
    with pytest.raises(SnapshotError, match=r"s\.b\[0\] and s\.a are the same object"):
        Freezer().freeze_attributes("s", {"a": shared, "b": (shared,)})


def test_one_frozen_object_in_two_places_is_fine() -> None:
    tick = Tick(1.0)
    assert through_json(last=tick, all=[tick]) == {"last": tick, "all": [tick]}


def test_a_list_that_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(SnapshotError, match="are the same object"):
        Freezer().freeze_attributes("s", {"loop": loop})


@pytest.mark.parametrize(
    "frozen",
    [
        ["object", "tests.unit.services.strategy.test_freeze:Gone"],
        ["object", "os:system", ["a", 1]],
        ["object", "builtins:dict"],
        ["enum", "builtins:int", "x"],
        ["unheard", 1],
    ],
)
def test_a_snapshot_that_names_what_is_not_there_is_refused(frozen: object) -> None:
    with pytest.raises(ValueError, match=r"snapshot|enumeration"):
        thaw_attributes([["a", frozen]])


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    pairs: Callable[..., st.SearchStrategy[object]] = st.dictionaries
    return st.lists(inner) | st.lists(inner).map(tuple) | pairs(st.text(), inner)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
        | st.decimals(allow_nan=False),
        _nested,
        max_leaves=12,
    )
)  # fmt: skip
def test_any_value_of_plain_parts_comes_back_equal_and_of_the_same_bytes(value: object) -> None:
    back = through_json(value=value)
    assert back == {"value": value}
    frozen = [Freezer().freeze_attributes("s", v) for v in ({"value": value}, back)]
    assert msgspec.json.encode(frozen[0]) == msgspec.json.encode(frozen[1])
