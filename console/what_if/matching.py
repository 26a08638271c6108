"""Which decision of one run is which of another, and what each difference is worth.

Decisions are matched by strategy, symbol, intent and side: first those of the same moment, then
the nearest within `NEAR_NS`. What an order is worth is what its shares are worth at the last
price, less what was paid for them and its fees; so the differences of all orders sum to the
difference of the accounts, to the cent.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from console.what_if.rerun import Decision, Key
from shared.domain.values import NS_PER_S, ZERO

NEAR_NS = 600 * NS_PER_S


class Cause(StrEnum):
    """What a difference comes from."""

    DATA = "data"
    SIGNAL = "signal"
    RISK = "risk"
    SIZE = "size"
    TIMING = "timing"
    PRICE = "fill price"
    FEES = "fees"


class Pair(Struct, frozen=True):
    """The same decision in both runs; None where one has none."""

    one: Decision | None
    other: Decision | None

    @property
    def decision(self) -> Decision:
        """Either of them."""
        found = self.one or self.other
        assert found is not None
        return found


def matched(one: Iterable[Decision], other: Iterable[Decision]) -> list[Pair]:
    """Return all decisions of both runs, in the order of their moments."""
    left, right = _grouped(one), _grouped(other)
    pairs: list[Pair] = []
    for key in {**left, **right}:
        pairs += _match(left.get(key, []), right.get(key, []))
    return sorted(pairs, key=lambda pair: (pair.decision.ts_ns, pair.decision.key))


def _grouped(decisions: Iterable[Decision]) -> dict[Key, list[Decision]]:
    found: defaultdict[Key, list[Decision]] = defaultdict(list)
    for decision in decisions:
        found[decision.key].append(decision)
    return found


def _match(one: Sequence[Decision], other: Sequence[Decision]) -> Iterator[Pair]:
    by_time: defaultdict[int, list[Decision]] = defaultdict(list)
    for decision in other:
        by_time[decision.ts_ns].append(decision)
    alone = []
    for decision in one:
        same = by_time.get(decision.ts_ns)
        if same:
            yield Pair(decision, same.pop(0))
        else:
            alone.append(decision)
    left = [decision for found in by_time.values() for decision in found]
    for decision in alone:
        near = min(left, key=lambda it: abs(it.ts_ns - decision.ts_ns), default=None)
        if near is not None and abs(near.ts_ns - decision.ts_ns) <= NEAR_NS:
            left.remove(near)
            yield Pair(decision, near)
        else:
            yield Pair(decision, None)
    yield from (Pair(None, decision) for decision in left)


def worth(decision: Decision | None, marks: Mapping[str, Decimal]) -> Decimal:
    """Return what a decision has come to at the last prices."""
    if decision is None or not decision.bought:
        return ZERO
    mark = marks.get(decision.key.symbol, decision.price)
    return decision.bought * mark - decision.paid - decision.fees


def attributed(
    pair: Pair, marks: Mapping[str, Decimal], *, has_other_data: bool = False
) -> dict[Cause, Decimal]:
    """Return what `one` came to more than `other`, by what it comes from; zeros are left out.

    `has_other_data` says that the strategy had read other bars by then: a signal that one run
    lacks comes from that.
    """
    one, other = pair.one, pair.other
    if one is None or other is None:
        cause = Cause.DATA if has_other_data else Cause.SIGNAL
        return _kept({cause: worth(one, marks) - worth(other, marks)})
    if bool(one.bought) != bool(other.bought):
        is_risk = one.is_approved != other.is_approved
        cause = Cause.RISK if is_risk else Cause.TIMING
        return _kept({cause: worth(one, marks) - worth(other, marks)})
    mark = marks.get(one.key.symbol, one.price)
    moved = (one.ts_ns, one.filled_ns) != (other.ts_ns, other.filled_ns)
    return _kept(
        {
            Cause.SIZE: (one.bought - other.bought) * (mark - other.price),
            Cause.TIMING if moved else Cause.PRICE: one.bought * (other.price - one.price),
            Cause.FEES: other.fees - one.fees,
        }
    )


def _kept(found: dict[Cause, Decimal]) -> dict[Cause, Decimal]:
    return {cause: amount for cause, amount in found.items() if amount}
