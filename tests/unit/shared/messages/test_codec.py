"""Every message survives the wire, and what this release does not understand is refused."""

import json
import re
import types
from decimal import Decimal
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from shared.domain.values import Intent, Side, Timeframe
from shared.messages.base import SCHEMA_VERSION, Message
from shared.messages.codec import BY_SERVICE, Head, MessageError, decode, encode
from shared.messages.lane import State
from shared.messages.market import Bar
from shared.messages.signals import Signal

TYPES: list[type[Message]] = [State, *(kind for kinds in BY_SERVICE.values() for kind in kinds)]
HEAD = Head(id="b" * 32, causation_id="a" * 32, correlation_id="c" * 32, ts_ns=1)
BAR = Bar(
    symbol="BRK.B", timeframe=Timeframe.M1, start_ns=1,
    open=1.0, high=2.0, low=0.5, close=1.5, volume=10.0,
)  # fmt: skip

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values that a field of this type may hold."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of([values_of(one) for one in arguments])
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return structs_of(hint)
    return st.sampled_from(hint)


def structs_of[S: Struct](kind: type[S]) -> st.SearchStrategy[S]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values_of(hints[name]) for name in kind.__struct_fields__})


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
@settings(max_examples=30)  # for each of the three dozen types
@given(data=st.data())
def test_every_message_comes_back_from_the_wire_as_it_left(
    kind: type[Message], data: st.DataObject
) -> None:
    head, message = data.draw(structs_of(Head)), data.draw(structs_of(kind))
    head = msgspec.structs.replace(head, v=SCHEMA_VERSION)
    assert decode(encode(head, message)) == (head, message)


def test_no_two_messages_share_a_name() -> None:
    names = [kind.__struct_config__.tag for kind in TYPES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_fields_named_for_the_subject_and_the_story_exist(kind: type[Message]) -> None:
    assert set(kind.SUBJECT) <= set(kind.__struct_fields__)
    assert not kind.STORY or kind.STORY in kind.__struct_fields__


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_no_field_of_a_message_hides_one_of_its_head(kind: type[Message]) -> None:
    on_the_wire = set(kind.__struct_encode_fields__)
    assert not on_the_wire & set(Head.__struct_fields__)


def test_the_wire_form_is_one_flat_json_object_that_a_person_can_read() -> None:
    assert json.loads(encode(HEAD, BAR)) == {
        "id": "b" * 32,
        "causation_id": "a" * 32,
        "correlation_id": "c" * 32,
        "ts_ns": 1,
        "v": SCHEMA_VERSION,
        "type": "bar",
        "symbol": "BRK.B",
        "timeframe": "1m",
        "start_ns": 1,
        "open": 1.0,
        "high": 2.0,
        "low": 0.5,
        "close": 1.5,
        "volume": 10.0,
        "vwap": None,
        "trades": None,
    }


def test_what_is_booked_travels_as_exact_decimal_text() -> None:
    signal = Signal(
        strategy_id="ema", symbol="SPY", side=Side.BUY, intent=Intent.OPEN, price=0.1,
        valid_until_ns=1, quantity=Decimal("1.10"),
    )  # fmt: skip
    wire = encode(HEAD, signal)
    assert b'"quantity":"1.10"' in wire
    assert b'"price":0.1' in wire


def altered(**changes: object) -> bytes:
    return json.dumps(json.loads(encode(HEAD, BAR)) | changes).encode()


def test_fields_that_a_newer_release_added_are_ignored() -> None:
    assert decode(altered(imbalance=0.5, nested={"a": [1]})) == (HEAD, BAR)


def test_a_field_with_a_default_may_be_absent() -> None:
    wire = json.loads(encode(HEAD, BAR))
    del wire["vwap"], wire["v"]
    assert decode(json.dumps(wire).encode()) == (HEAD, BAR)


def test_an_unknown_type_is_refused_by_its_name() -> None:
    with pytest.raises(MessageError, match="'horoscope'"):
        decode(altered(type="horoscope"))


def test_a_future_schema_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(MessageError, match=f"schema version {SCHEMA_VERSION + 1}.*update Tapedeck"):
        decode(altered(v=SCHEMA_VERSION + 1))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"open": "high"}, r"\$\.open"), ({"timeframe": "2m"}, r"\$\.timeframe"), ({"id": 1}, "id")],
)
def test_a_field_of_the_wrong_kind_is_refused_by_its_name(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(MessageError, match=named):
        decode(altered(**changes))


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"type":"bar"}'])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(MessageError, match=re.escape("not a message of this release")):
        decode(payload)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    with pytest.raises(MessageError):
        decode(payload)
