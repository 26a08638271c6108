"""Every cent between two runs is attributed, and to the right cause."""

from decimal import Decimal
from typing import Any

import pytest

from console.what_if.matching import Cause, attributed, matched, worth
from console.what_if.rerun import Decision, Key

MINUTE = 60 * 10**9
MARKS = {"A": Decimal(110)}


def decision(minute: int = 0, **more: Any) -> Decision:
    symbol = more.pop("symbol", "A")
    settled: dict[str, Any] = {
        "quantity": Decimal(10), "is_approved": True, "bought": Decimal(10),
        "paid": Decimal(1000), "fees": Decimal(1), "filled_ns": minute * MINUTE + MINUTE,
    } | more  # fmt: skip
    return Decision(Key("s", symbol, "open", "buy"), minute * MINUTE, **settled)


DENIED = decision(is_approved=False, failed=("halted",), bought=Decimal(0), paid=Decimal(0),
                  fees=Decimal(0))  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "causes"),
    [
        (decision(), decision(), {}),
        (decision(fees=Decimal(3)), decision(), {Cause.FEES: Decimal(-2)}),
        (decision(paid=Decimal(1020)), decision(), {Cause.PRICE: Decimal(-20)}),
        (
            decision(paid=Decimal(1020), filled_ns=9 * MINUTE),
            decision(),
            {Cause.TIMING: Decimal(-20)},
        ),
        (
            decision(bought=Decimal(20), paid=Decimal(2000)),
            decision(),
            {Cause.SIZE: Decimal(100)},
        ),
        (decision(), DENIED, {Cause.RISK: Decimal(99)}),
        (DENIED, decision(), {Cause.RISK: Decimal(-99)}),
    ],
    ids=["nothing", "fees", "price", "timing", "size", "let through", "denied"],
)
def test_a_difference_has_its_cause(
    one: Decision, other: Decision, causes: dict[Cause, Decimal]
) -> None:
    (pair,) = matched([one], [other])
    found = attributed(pair, MARKS)
    assert found == causes
    assert sum(found.values(), Decimal(0)) == worth(one, MARKS) - worth(other, MARKS)


def test_a_signal_of_one_run_alone_is_worth_what_it_came_to() -> None:
    (pair,) = matched([decision()], [])
    assert attributed(pair, MARKS) == {Cause.SIGNAL: Decimal(99)}


def test_the_same_moment_is_matched_before_the_nearest_and_far_ones_stay_alone() -> None:
    pairs = matched(
        [decision(0), decision(3), decision(60)], [decision(3), decision(1), decision(30)]
    )
    minutes = [
        tuple(None if one is None else one.ts_ns // MINUTE for one in (pair.one, pair.other))
        for pair in pairs
    ]
    assert minutes == [(0, 1), (3, 3), (None, 30), (60, None)]


def test_other_symbols_are_other_decisions() -> None:
    pairs = matched([decision(symbol="A")], [decision(symbol="B")])
    assert [(pair.one is None, pair.other is None) for pair in pairs] == [
        (False, True),
        (True, False),
    ]
