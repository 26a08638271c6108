"""Instruments that note only what a simulation wants to know."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self, override

from shared.core import Stamp
from shared.messages.base import Message
from shared.runtime.instruments import Instruments
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import FenceLostError, SupersededError


class _Handling:
    def answered(self, _outs: object) -> None:
        """Nobody traces."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Quiet(Instruments):
    """Counts takeovers and lost fences; tells nobody else."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._nothing: Any = _Handling()

    @override
    def handling(self, stamp: Stamp, entry: Entry) -> Any:
        return self._nothing

    @override
    def handled(self, entry: Entry) -> None: ...

    @override
    def dropped(self) -> None:
        self._counts["dropped by the sieve"] += 1

    @override
    def published(self, outs: Sequence[Outgoing], took_s: float) -> None: ...

    @override
    def said(self, messages: Sequence[Message]) -> None: ...

    @override
    def waits(self, why: str) -> None:
        self._counts["publish tried again"] += 1

    @override
    def fence_lost(self, error: FenceLostError) -> None:
        self._counts["fence lost"] += 1

    @override
    def took_over(self) -> None:
        self._counts["took over"] += 1

    @override
    def superseded(self, error: SupersededError) -> None:
        self._counts["superseded"] += 1

    @override
    def beat(self, handled: int, phase: str, *, recreations: int) -> None: ...
