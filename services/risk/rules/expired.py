"""A backlog must not fail open: a signal has a time after which it means nothing."""

from decimal import Decimal

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from shared.domain.values import NS_PER_S
from shared.messages.decisions import Check


def check_expired(order: Proposal, state: RiskState, _limits: RiskSettings) -> Check:
    """Deny a signal whose `valid_until_ns` lies before the newest market time; in seconds."""
    late_s = Decimal(state.now_ns - order.signal.valid_until_ns) / NS_PER_S
    return at_most("expired", late_s, Decimal(0), "seconds past valid_until")
