"""The rules, one a file, in the order in which a decision lists them.

Each is `check_x(order, state, limits) -> Check | None`: pure, None when it does not apply. All
that can apply are asked every time, so that a denial names every reason and not the first. What
limits exposure does not apply to closing orders: a limit must never keep somebody in a position.
"""

from collections.abc import Callable

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.account_known import check_account_known
from services.risk.rules.buying_power import check_buying_power
from services.risk.rules.daily_loss import check_daily_loss
from services.risk.rules.expired import check_expired
from services.risk.rules.exposure_limit import check_exposure_limit
from services.risk.rules.halted import check_halted
from services.risk.rules.limit_price import check_limit_price
from services.risk.rules.open_positions import check_open_positions
from services.risk.rules.order_notional import check_order_notional
from services.risk.rules.position_limit import check_position_limit
from services.risk.rules.short_selling import check_short_selling
from services.risk.rules.speaker import check_speaker
from services.risk.rules.stale_price import check_stale_price
from services.risk.rules.symbol_halted import check_symbol_halted
from services.risk.rules.working_orders import check_working_orders
from services.risk.state import RiskState
from shared.messages.decisions import Check

type Rule = Callable[[Proposal, RiskState, RiskSettings], Check | None]

RULES: tuple[Rule, ...] = (
    check_speaker,
    check_halted,
    check_symbol_halted,
    check_expired,
    check_account_known,
    check_stale_price,
    check_limit_price,
    check_daily_loss,
    check_short_selling,
    check_order_notional,
    check_position_limit,
    check_exposure_limit,
    check_open_positions,
    check_working_orders,
    check_buying_power,
)
RULES_OF_CLOSINGS: tuple[Rule, ...] = (
    check_speaker,
    check_halted,
    check_expired,
    check_account_known,
    check_limit_price,
)
"""Those that have a say about an order that closes; the others return None for it."""
