"""A strategy's parameters: class attributes with an annotation and a default.

`fast: int = 10` is a parameter. An annotation without a default declares state, a name that
starts with an underscore is private, a `ClassVar` is neither. Values may be text, as they come
from a command line or the environment: "10" becomes 10 where an `int` is declared.
"""

import inspect
import math
from collections import deque
from collections.abc import Mapping
from typing import ClassVar, NamedTuple, get_origin, get_type_hints

import msgspec

from shared.domain.errors import ConfigurationError


class Parameter(NamedTuple):
    """What is declared about one parameter."""

    hint: object
    default: object


def parameters_of(cls: type, root: type) -> dict[str, Parameter]:
    """Return the parameters of `cls` by name, those of its bases first, down from `root`."""
    names = [
        name
        for owner in reversed(cls.__mro__)
        if issubclass(owner, root) and owner is not root
        for name in inspect.get_annotations(owner)
    ]
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigurationError(f"{cls.__name__}: an annotation cannot be read: {error}") from None
    _refuse_shared_state(cls, root, names)
    found: dict[str, Parameter] = {}
    for name in names:
        is_class_variable = hints[name] is ClassVar or get_origin(hints[name]) is ClassVar
        if name.startswith("_") or is_class_variable or not hasattr(cls, name):
            continue
        if hasattr(root, name):
            raise ConfigurationError(
                f"{cls.__name__}: {name!r} is a name of Strategy and cannot be a parameter"
            )
        found[name] = Parameter(hints[name], getattr(cls, name))
    return found


def _refuse_shared_state(cls: type, root: type, annotated: list[str]) -> None:
    """Refuse state on the class: all instances would share it and no snapshot would hold it."""
    for owner in cls.__mro__:
        for name, value in vars(owner).items() if issubclass(owner, root) else ():
            if isinstance(value, list | dict | set | deque) and name not in annotated:
                if name.startswith("__"):
                    continue
                raise ConfigurationError(
                    f"{cls.__name__}: {name} would be shared by all instances; set it in on_start"
                )


def bind(cls: type, root: type, given: Mapping[str, object]) -> dict[str, object]:
    """Return every parameter's value: `given` where there is one, else the default.

    Raises ConfigurationError naming the class, the parameter, and the known ones.
    """
    declared = parameters_of(cls, root)
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise ConfigurationError(
                f"{cls.__name__}: unknown parameter {name!r}: known are {known}"
            )
    return {
        name: _convert(cls, name, parameter.hint, given.get(name, parameter.default))
        for name, parameter in declared.items()
    }


def _convert(cls: type, name: str, hint: object, value: object) -> object:
    try:
        converted: object = msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError as error:
        what = str(error).replace("got", "was", 1).replace("`", "")
        raise ConfigurationError(f"{cls.__name__}: parameter {name} = {value!r}: {what}") from None
    except TypeError as error:
        raise ConfigurationError(
            f"{cls.__name__}: parameter {name} has a type that text cannot be read into: {error}"
        ) from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise ConfigurationError(f"{cls.__name__}: parameter {name} = {value!r}: not a number")
    return converted
