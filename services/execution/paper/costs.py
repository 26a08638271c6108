"""What an execution costs, in whole cents.

Commission is the order's, not the execution's: an execution pays what the order as a whole owes
by then, less what it paid before. So an order that fills in ten parts pays its minimum once.
"""

from decimal import ROUND_UP, Decimal

from services.execution.config import CostSettings
from shared.domain.values import CENT, ZERO, Side, to_cents

MILLION = Decimal(1_000_000)


def commission_due(quantity: Decimal, notional: Decimal, costs: CostSettings) -> Decimal:
    """Return the commission that an order owes once `quantity` shares worth `notional` have
    filled. Never falls as the order fills.
    """
    due = max(costs.commission_per_share * quantity, costs.commission_min)
    return to_cents(min(due, costs.commission_max_fraction * notional))


def regulatory_fees(
    side: Side, quantity: Decimal, notional: Decimal, costs: CostSettings
) -> Decimal:
    """Return the SEC and FINRA fees of one execution, each rounded up as brokers do; sales only."""
    if side is Side.BUY:
        return ZERO
    sec = (notional * costs.sec_fee_per_million / MILLION).quantize(CENT, ROUND_UP)
    activity = min(quantity * costs.taf_per_share, costs.taf_max).quantize(CENT, ROUND_UP)
    return sec + activity
