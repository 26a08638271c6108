"""`--check-costs`: what is left of a result when trading costs more, or less, than assumed.

The same bars, the same decisions to begin with; commissions and slippage are multiplied.
Regulatory fees, borrowing and interest stay: nobody chooses them.
"""

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from console.backtest.engine import run
from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration
from services.data.files.bars import Bars
from services.execution.config import PaperSettings

FACTORS = (0, 1, 2, 3)
_COMMISSIONS = (
    "commission_per_share",
    "commission_min",
    "clearing_per_share",
    "exchange_per_share",
)


class Cell(Struct, frozen=True):
    """One run: costs as multiples of the assumed ones, profit in money, fills."""

    commission: int
    slippage: int
    profit: Decimal
    fills: int


class Sensitivity(Struct, frozen=True):
    """All runs. `break_even` is the multiple of all costs at which the profit is gone.

    None: there is no profit even without costs (then `is_lost` is True), or still some at the
    largest multiple tried.
    """

    cells: list[Cell]
    break_even: float | None
    is_lost: bool

    def profit(self, commission: int, slippage: int) -> Decimal:
        """Return the profit of one cell."""
        for cell in self.cells:
            if (cell.commission, cell.slippage) == (commission, slippage):
                return cell.profit
        raise KeyError((commission, slippage))


def check_costs(desk: DeskConfiguration, bars: Bars) -> Sensitivity:
    """Run the desk under every pair of FACTORS."""
    timeline = Timeline(bars)
    cells = []
    for commission in FACTORS:
        for slippage in FACTORS:
            result = run(costing(desk, commission, slippage), timeline)
            profit = Decimal(str(result.document["equity"])) - result.starting_cash
            cells.append(Cell(commission, slippage, profit, len(result.fills)))
    ladder = [cell.profit for cell in cells if cell.commission == cell.slippage]
    return Sensitivity(cells, break_even(ladder), is_lost=ladder[0] <= 0)


def costing(desk: DeskConfiguration, commission: int, slippage: int) -> DeskConfiguration:
    """Return the desk with its costs multiplied."""
    paper = desk.execution.paper
    factor = Decimal(commission)
    costs = {name: getattr(paper.costs, name) * factor for name in _COMMISSIONS}
    costs["commission_max_fraction"] = min(
        paper.costs.commission_max_fraction * max(factor, Decimal(1)), Decimal(1)
    )
    slips: dict[str, object] = {
        "slippage_bps": paper.slippage_bps * slippage,
        "slippage_range": paper.slippage_range * slippage,
        "slippage_impact": paper.slippage_impact * slippage,
        "costs": paper.costs.model_copy(update=costs),
    }
    changed: PaperSettings = paper.model_copy(update=slips)
    execution = desk.execution.model_copy(update={"paper": changed})
    return desk.model_copy(update={"execution": execution})


def break_even(ladder: list[Decimal]) -> float | None:
    """Return where a ladder of profits, at 0, 1, 2 … times the costs, crosses zero.

    Linear between its steps; None when it begins at or below zero, or never gets there.
    """
    if ladder[0] <= 0:
        return None
    for step, (before, after) in enumerate(pairwise(ladder)):
        if after <= 0:
            return float(step + before / (before - after))
    return None
