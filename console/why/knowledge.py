"""What a strategy knew about a symbol: position, price, indicators, attributes, noted numbers."""

from collections.abc import Iterator, Mapping
from enum import Enum
from reprlib import Repr
from typing import NamedTuple, override

from console.describe import clock_time
from services.strategy.core import StrategyCore
from shared.core import Core, Stamp
from shared.messages.base import Message

TEXT_SHOWN = 60  # of one attribute: a history of prices would fill the screen
_short = Repr(maxstring=TEXT_SHOWN, maxother=TEXT_SHOWN).repr


class _Kept(dict[str, float]):
    """Notes of the call in progress that can still be read when the core has cleared them."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, float] = {}

    @override
    def clear(self) -> None:
        self.last = dict(self) or self.last
        super().clear()


class Noted(NamedTuple):
    """The numbers of one call, and its market time."""

    ts_ns: int
    numbers: Mapping[str, float]


class Notebook:
    """Keeps the newest numbers that each core noted in a call about one symbol.

    To be the `handle` of a `Replay`. A core forgets its notes with every call: nothing but a
    signal carries them, and where there is none this is the only way to see them.
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self.newest: dict[str, Noted] = {}

    def handle(self, core: Core, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        """Have a core handle a message; remember what it noted meanwhile."""
        if not isinstance(core, StrategyCore) or getattr(message, "symbol", "") != self._symbol:
            return core.handle(stamp, message)
        seat = core.strategy._seat  # noqa: SLF001 - a slot that authors are not to see
        if not isinstance(seat.notes, _Kept):
            seat.notes = _Kept()
        kept = seat.notes
        kept.last = {}
        said = core.handle(stamp, message)
        if kept.last:
            self.newest[str(core.lane)] = Noted(stamp.ts_ns, kept.last)
        return said


def values_of(core: StrategyCore, symbol: str, noted: Noted | None, now_ns: int) -> Iterator[str]:
    """Yield what a strategy knew about a symbol, one thing a line; `now_ns` is market time."""
    state = core.state
    yield f"position {state.positions.get(symbol, 0)}"
    if symbol in state.prices:
        yield f"price {state.prices[symbol]:g}"
    if noted is not None:
        when = "" if noted.ts_ns == now_ns else f" (at {clock_time(noted.ts_ns)})"
        for name, number in noted.numbers.items():
            yield f"noted {name} {number:g}{when}"
    for (kind, of, *settings), indicator in core.indicators.items():
        if of == symbol:
            yield f"{kind}({', '.join(map(str, settings))}) {indicator.value:g}"
    for attribute, value in vars(core.strategy).items():
        if not attribute.startswith("_"):
            yield _spelt(attribute, value, symbol)


def _spelt(attribute: str, value: object, symbol: str) -> str:
    """Spell an attribute; of one that is kept by symbol, the part about this symbol."""
    if isinstance(value, Mapping) and symbol in value:
        return f"{attribute}[{symbol}] {_short(value[symbol])}"
    return f"{attribute} {value.value if isinstance(value, Enum) else _short(value)}"
