"""What an execution costs, in whole cents.

Commission is the order's, not the execution's: an execution pays what the order as a whole owes
by then, less what it paid before. So an order that fills in ten parts pays its minimum once.
Fees are rounded up, each kind for itself: at every execution, or (`fee_rounding` "day") as the
day's sum, of which an execution then pays what is new.
"""

from decimal import ROUND_UP, Decimal

from services.execution.config import CostSettings
from services.execution.paper.rates import rates_on
from services.execution.paper.state import DayFees
from shared.domain.values import CENT, ZERO, Side, to_cents

MILLION = Decimal(1_000_000)


def commission_due(quantity: Decimal, notional: Decimal, costs: CostSettings) -> Decimal:
    """Return the commission that an order owes once `quantity` shares worth `notional` have
    filled. Never falls as the order fills.
    """
    due = max(costs.commission_per_share * quantity, costs.commission_min)
    return to_cents(min(due, costs.commission_max_fraction * notional))


def fees_of(
    side: Side, quantity: Decimal, notional: Decimal, day: str, costs: CostSettings
) -> dict[str, Decimal]:
    """Return the fees of one execution on a New York date by kind, not rounded, none of them 0:
    `sec` and `taf` of sales; `cat`, `clearing` and `exchange` of purchases and sales.
    """
    rates = rates_on(day)
    fees: dict[str, Decimal] = {}
    if side is Side.SELL:
        sec = costs.sec_fee_per_million
        sec = rates.sec_per_million if sec is None else sec
        if sec:
            fees["sec"] = notional * sec / MILLION
        taf = rates.taf_per_share if costs.taf_per_share is None else costs.taf_per_share
        taf_max = rates.taf_max if costs.taf_max is None else costs.taf_max
        if taf and taf_max:
            fees["taf"] = min(quantity * taf, taf_max)
    cat = rates.cat_per_share if costs.cat_per_share is None else costs.cat_per_share
    if cat:
        fees["cat"] = quantity * cat
    if costs.clearing_per_share:
        fees["clearing"] = quantity * costs.clearing_per_share
    if costs.exchange_per_share:
        fees["exchange"] = quantity * costs.exchange_per_share
    return fees


def charge_fees(
    side: Side, quantity: Decimal, notional: Decimal, day: DayFees, costs: CostSettings
) -> dict[str, Decimal]:
    """Return what one execution pays by kind, in whole cents, and note it in the day's sums."""
    fees = fees_of(side, quantity, notional, day.day, costs)
    if costs.fee_rounding == "execution":
        return {kind: fee.quantize(CENT, ROUND_UP) for kind, fee in fees.items()}
    charged: dict[str, Decimal] = {}
    for kind, fee in fees.items():
        before = day.sums.get(kind, ZERO)
        day.sums[kind] = before + fee
        new = (before + fee).quantize(CENT, ROUND_UP) - before.quantize(CENT, ROUND_UP)
        if new:
            charged[kind] = new
    return charged
