"""An author's attributes as JSON, and back, exactly.

JSON knows no Decimal, tuple, struct, NaN or order of keys that are not text; such a value
travels as an array `[tag, …]`, plain scalars as themselves. Order is kept, because code may
iterate. What cannot be restored exactly is refused by name: sets (their order differs from one
process to the next), functions, open files, and one mutable object in two places (a restore
would make two of it).
"""

import dataclasses
import math
import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, cast

import msgspec

from shared.domain.errors import TapedeckError

type Frozen = bool | int | float | str | list[Frozen] | None

_JSON_INT_MAX = 2**63 - 1
_FLOAT = {float}


class SnapshotError(TapedeckError):
    """A strategy holds state that cannot be stored; the text names the attribute."""


class Freezer:
    """Freezes the attributes of several owners that must not share a mutable object."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, object]] = {}  # holds the object, so that its id stays

    def freeze_attributes(self, owner: str, attributes: Mapping[str, object]) -> list[Frozen]:
        """Return the attributes in order; SnapshotError names the one that cannot be stored."""
        return [[name, self._freeze(attributes[name], f"{owner}.{name}")] for name in attributes]

    def _freeze(self, value: object, path: str) -> Frozen:
        match value:
            case Enum():
                return ["enum", _type_name(value), value.name]
            case None | bool() | str():
                return value
            case int():
                return value if abs(value) <= _JSON_INT_MAX else ["int", str(value)]
            case float():
                return value if math.isfinite(value) else ["float", repr(value)]
            case Decimal():
                return ["decimal", str(value)]
            case _:
                return self._freeze_container(value, path)

    def _freeze_container(self, value: object, path: str) -> Frozen:
        if not _is_frozen(value):
            before, _ = self._seen.setdefault(id(value), (path, value))
            if before != path:
                raise SnapshotError(f"{path} and {before} are the same object: keep one of them")
        match value:
            case list():
                return ["list", *self._items(value, path)]
            case tuple() if type(value) is tuple:
                return ["tuple", *self._items(value, path)]
            case deque():
                return ["deque", value.maxlen, *self._items(value, path)]
            case dict():
                return ["dict", *self._pairs(value, path)]
            case msgspec.Struct():
                return self._object(value, value.__struct_fields__, path)
            case _ if dataclasses.is_dataclass(value):
                names = tuple(field.name for field in dataclasses.fields(value))
                return self._object(value, names, path)
            case _:
                raise SnapshotError(
                    f"{path} is a {type(value).__name__}, which a snapshot cannot hold: use"
                    " numbers, text, Decimal, lists, tuples, dicts, dataclasses, structs or"
                    " indicators"
                )

    def _items(self, values: Collection[object], path: str) -> list[Frozen]:
        # Most items are numbers, and a checkpoint of many warming-up averages is nothing else:
        # they are looked at in C, and a path is made only for what is none.
        if set(map(type, values)) <= _FLOAT and all(map(math.isfinite, cast("Any", values))):
            return list(cast("Collection[float]", values))
        return [
            cast("Frozen", item) if _is_plain(item) else self._freeze(item, f"{path}[{i}]")
            for i, item in enumerate(values)
        ]

    def _pairs(self, table: dict[object, object], path: str) -> list[Frozen]:
        return [
            [self._freeze(key, f"{path}[{key!r}]"), self._freeze(value, f"{path}[{key!r}]")]
            for key, value in table.items()
        ]

    def _object(self, value: object, names: tuple[str, ...], path: str) -> Frozen:
        fields = list[Frozen]()
        for name in names:
            field = getattr(value, name)
            plain = _is_plain(field)
            fields.append([name, field if plain else self._freeze(field, f"{path}.{name}")])
        return ["object", _type_name(value), *fields]


def thaw_attributes(frozen: list[Any]) -> dict[str, object]:
    """Undo `freeze_attributes`; raise ValueError when a type is not known any more."""
    return {name: _thaw(value) for name, value in frozen}


def _is_plain(value: object) -> bool:
    """Tell whether a value stands for itself in JSON."""
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (str, bool)


def _is_frozen(value: object) -> bool:
    """Tell whether two references to the value may become two equal values."""
    if isinstance(value, msgspec.Struct):
        return value.__struct_config__.frozen
    if dataclasses.is_dataclass(value):
        return bool(getattr(type(value), "__dataclass_params__").frozen)  # noqa: B009 - untyped
    return type(value) is tuple


def _type_name(value: object) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _thaw(frozen: object) -> object:
    if not isinstance(frozen, list):
        return frozen
    tag, *rest = frozen
    thaw = _THAW.get(tag)
    if thaw is None:
        raise ValueError(f"unknown tag {tag!r} in a snapshot")
    return thaw(rest)


def _thaw_deque(rest: list[Any]) -> object:
    return deque((_thaw(item) for item in rest[1:]), maxlen=rest[0])


def _thaw_object(rest: list[Any]) -> object:
    cls = _find_type(rest[0])
    values = {name: _thaw(value) for name, value in rest[1:]}
    if issubclass(cls, msgspec.Struct):
        return _thaw_struct(cls, values)
    if not dataclasses.is_dataclass(cls):
        raise ValueError(f"{rest[0]} in a snapshot is neither a struct nor a dataclass")
    made = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def _thaw_struct(cls: type[msgspec.Struct], values: dict[str, object]) -> object:
    try:
        made = cls(**values)
    except TypeError as error:
        raise ValueError(f"a snapshot holds another {cls.__name__}: {error}") from None
    for name, value in values.items():  # again, because __post_init__ may have changed them
        msgspec.structs.force_setattr(made, name, value)
    return made


def _thaw_enum(rest: list[Any]) -> object:
    cls = _find_type(rest[0])
    if not issubclass(cls, Enum):
        raise ValueError(f"{rest[0]} is not an enumeration")  # noqa: TRY004 - about the data
    return cls[rest[1]]


def _find_type(name: str) -> type:
    """Return a type by name. Only modules that are loaded already count: nothing is imported."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise ValueError(  # noqa: TRY004 - about the data
            f"a snapshot holds a {name}, which does not exist any more"
        )
    return found


_THAW: dict[str, Callable[[list[Any]], object]] = {
    "int": lambda rest: int(rest[0]),
    "float": lambda rest: float(rest[0]),
    "decimal": lambda rest: Decimal(rest[0]),
    "list": lambda rest: [_thaw(item) for item in rest],
    "tuple": lambda rest: tuple(_thaw(item) for item in rest),
    "dict": lambda rest: {_thaw(key): _thaw(value) for key, value in rest},
    "deque": _thaw_deque,
    "object": _thaw_object,
    "enum": _thaw_enum,
}
