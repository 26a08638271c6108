"""One signal on its way to a decision: sized, priced, with the figures that rules look at."""

from decimal import Decimal

from msgspec import Struct

from services.risk.state import Holding, RiskState
from shared.domain.values import Intent, OrderType, Side, to_price
from shared.messages.signals import Signal

EMPTY = Holding()


class Proposal(Struct):
    """What the rules judge.

    `speaker` is the strategy that the tape names, `price` what a share is counted at and
    `notional` the order's value in cents (None when there is no price), `equity` the book's
    worth in cents (None when it cannot be known), `gross` its gross exposure before the order.
    `is_opening` says that the order adds exposure: limits on exposure apply to such orders only,
    and only they need `notional`, `equity` and `gross`.
    """

    signal: Signal
    speaker: str
    quantity: Decimal
    price: Decimal | None
    notional: Decimal | None
    equity: Decimal | None
    gross: float
    is_opening: bool = True

    def __post_init__(self) -> None:
        """Derive once what most rules ask."""
        self.is_opening = self.signal.intent is Intent.OPEN

    def projected(self, state: RiskState) -> Decimal:
        """Shares of the symbol that the book would hold, signed, if this and every working
        order in its direction filled.
        """
        holding = state.holdings.get(self.signal.symbol, EMPTY)
        if self.signal.side is Side.BUY:
            return holding.quantity + holding.buying + self.quantity
        return holding.quantity - holding.selling - self.quantity


def judged_price(signal: Signal, state: RiskState) -> Decimal | None:
    """Return what a share of this order is counted at: the dearer of what it may cost.

    A market order counts at the last price. A limit order cannot buy above its limit; what it
    sells is exposure at the limit or at the market, whichever is higher.
    """
    mark = state.marks.get(signal.symbol)
    if mark is None:
        return None
    price = to_price(mark.price)
    limit = signal.limit_price
    if signal.order_type is not OrderType.LIMIT or limit is None:
        return price
    if not (limit.is_finite() and limit > 0):  # denied by its own rule
        return price
    return limit if signal.side is Side.BUY else max(limit, price)
