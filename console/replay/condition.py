"""Conditions on messages, as in `symbol == "AAPL" and event == "denied"`.

A small part of Python's expressions: names, constants, comparisons, `in`, `and`, `or`, `not`.
Nothing is evaluated by Python itself: what is not in that part is refused, by its column.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from itertools import chain

from msgspec.structs import fields

from shared.core import Stamp
from shared.domain.errors import ConfigurationError
from shared.messages.base import Message
from shared.messages.codec import BY_SERVICE
from shared.messages.lane import State

type Look = Callable[[Stamp, Message], object]

_OF_THE_HEAD: Mapping[str, Look] = {
    "seq": lambda stamp, _: stamp.seq,
    "service": lambda stamp, _: stamp.lane.service,
    "actor": lambda stamp, _: stamp.lane.actor,
    "lane": lambda stamp, _: str(stamp.lane),
    "id": lambda stamp, _: stamp.id,
    "story": lambda stamp, _: stamp.correlation_id,
    "event": lambda _, message: message.__struct_config__.tag,
}
_KINDS: tuple[type[Message], ...] = (State, *chain.from_iterable(BY_SERVICE.values()))
_FIELDS = frozenset(field.name for kind in _KINDS for field in fields(kind))
_COMPARE: Mapping[type[ast.cmpop], Callable[[object, object], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,  # type: ignore[dict-item]
    ast.LtE: operator.le,  # type: ignore[dict-item]
    ast.Gt: operator.gt,  # type: ignore[dict-item]
    ast.GtE: operator.ge,  # type: ignore[dict-item]
    ast.In: lambda one, many: one in many,  # type: ignore[operator]
    ast.NotIn: lambda one, many: one not in many,  # type: ignore[operator]
}


def condition(text: str) -> Callable[[Stamp, Message], bool]:
    """Return what tells whether a message meets a condition; ConfigurationError when unclear.

    A field that a message does not have is None; a comparison that makes no sense is not met.

    >>> meets = condition("event == 'bar' and close > 100")
    """
    text = text.strip()
    try:
        parsed = ast.parse(text, mode="eval").body
    except SyntaxError as error:  # one at the very end has no place
        raise _unclear(text, error.offset or len(text) + 1, error.msg) from None
    look = _compiled(text, parsed)
    return lambda stamp, message: bool(look(stamp, message))


def _compiled(text: str, node: ast.expr) -> Look:
    match node:
        case ast.Name(id=name):
            return _named(text, node, name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compiled(text, operand)
            return lambda stamp, message: not inner(stamp, message)
        case ast.BoolOp(op=op, values=values):
            parts = [_compiled(text, value) for value in values]
            enough = any if isinstance(op, ast.Or) else all
            return lambda stamp, message: enough(part(stamp, message) for part in parts)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _comparison(text, [left, *comparators], ops)
        case _:
            value = _constant(text, node)
            return lambda _stamp, _message: value


def _constant(text: str, node: ast.expr) -> object:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        why = "names, values, comparisons, and, or, not are understood"
        raise _unclear(text, node.col_offset + 1, why) from None
    return value


def _named(text: str, node: ast.Name, name: str) -> Look:
    if name in _OF_THE_HEAD:
        return _OF_THE_HEAD[name]
    if name not in _FIELDS:
        known = ", ".join((*_OF_THE_HEAD, "symbol", "quantity", "price", "reason"))
        raise _unclear(text, node.col_offset + 1, f"no message has {name!r}; as in {known} …")
    return lambda _, message: getattr(message, name, None)


def _comparison(text: str, nodes: list[ast.expr], ops: list[ast.cmpop]) -> Look:
    sides = [_compiled(text, node) for node in nodes]
    tests = []
    for op, node in zip(ops, nodes[1:], strict=True):
        if type(op) not in _COMPARE:
            raise _unclear(text, node.col_offset + 1, "use == instead of is")
        tests.append(_COMPARE[type(op)])

    def look(stamp: Stamp, message: Message) -> bool:
        values = [side(stamp, message) for side in sides]
        try:
            pairs = zip(tests, values, values[1:], strict=False)
            return all(test(one, other) for test, one, other in pairs)
        except TypeError:
            return False  # as in None > 1: the message has no such field

    return look


def _unclear(text: str, column: int, why: str) -> ConfigurationError:
    return ConfigurationError(f"--break-when {text!r}: at column {column}: {why}")
