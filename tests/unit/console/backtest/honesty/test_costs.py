"""What is left when trading costs more."""

from decimal import Decimal

import pytest

from console.backtest.honesty.costs import FACTORS, break_even, check_costs, costing
from tests.backtests import desk_of, made_up_bars


def test_only_what_a_broker_and_the_market_ask_is_multiplied() -> None:
    desk = desk_of()
    paper, changed = desk.execution.paper, costing(desk, 3, 2).execution.paper

    assert changed.costs.commission_per_share == 3 * paper.costs.commission_per_share
    assert changed.costs.commission_max_fraction == 3 * paper.costs.commission_max_fraction
    assert changed.slippage_bps == 2 * paper.slippage_bps
    assert changed.slippage_impact == 2 * paper.slippage_impact
    assert changed.costs.cat_per_share == paper.costs.cat_per_share
    assert changed.borrow_rate == paper.borrow_rate
    assert costing(desk, 1, 1) == desk


@pytest.mark.parametrize(
    ("ladder", "expected"),
    [([100, 50, 0, -50], 2.0), ([30, 10, -10, -30], 1.5), ([9, 8, 7, 6], None), ([0, -1], None)],
)
def test_the_break_even_stands_between_two_steps(ladder: list[int], expected: float | None) -> None:
    assert break_even([Decimal(step) for step in ladder]) == expected


def test_every_pair_is_run_and_costs_cost() -> None:
    found = check_costs(desk_of(), made_up_bars(("AAA",), sessions=1))

    assert len(found.cells) == len(FACTORS) ** 2
    free, dear = found.profit(0, 0), found.profit(3, 3)
    assert free > found.profit(1, 1) > dear
    assert found.profit(1, 0) != found.profit(0, 1)
