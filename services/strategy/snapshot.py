"""A strategy core's whole state as canonical bytes, and back."""

from typing import Any

import msgspec
from msgspec import Struct

from services.strategy.author import Strategy
from services.strategy.freeze import Freezer, SnapshotError, thaw_attributes
from services.strategy.seat import Seat
from services.strategy.state import StrategyState


class Place(Struct, frozen=True):
    """Where a core is: the last sequence handled, and its next checkpoint (`rollback`)."""

    seq: int
    left: int
    stuck: str


class Saved(Struct, frozen=True):
    """The layout of a snapshot; the last two as `freeze` writes them."""

    strategy: str
    place: Place
    state: StrategyState
    indicators: list[Any]
    attributes: list[Any]


def save(strategy: Strategy, seat: Seat, place: Place) -> bytes:
    """Return the state; raise SnapshotError when the author holds what cannot be stored."""
    freezer = Freezer()
    kept = {"kept": [[*key, indicator] for key, indicator in seat.indicators.items()]}
    try:
        saved = Saved(
            strategy=name_of(strategy),
            place=place,
            state=seat.state,
            indicators=freezer.freeze_attributes("indicators", kept),
            attributes=freezer.freeze_attributes(seat.instance.id, vars(strategy)),
        )
        return msgspec.json.encode(saved)
    except (RecursionError, UnicodeEncodeError) as error:
        raise SnapshotError(f"{seat.instance.id} cannot be written down: {error}") from None


def read(data: bytes, strategy: Strategy) -> Saved:
    """Return a saved state; ValueError when it is none of this strategy's."""
    try:
        saved = msgspec.json.decode(data, type=Saved)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a snapshot of a strategy: {error}") from error
    if saved.strategy != name_of(strategy):
        raise ValueError(f"the snapshot is of {saved.strategy}")
    return saved


def put(saved: Saved, strategy: Strategy, seat: Seat) -> StrategyState:
    """Put a saved state in place and return it; ValueError, and nothing changed, if unusable."""
    attributes = thaw_attributes(saved.attributes)
    indicators: Any = thaw_attributes(saved.indicators)["kept"]
    seat.take(saved.state)
    for *key, indicator in indicators:
        seat.adopt(tuple(key), indicator)
    vars(strategy).clear()
    vars(strategy).update(attributes)
    return saved.state


def name_of(strategy: Strategy) -> str:
    """Return the class by its full name."""
    return f"{type(strategy).__module__}:{type(strategy).__qualname__}"
