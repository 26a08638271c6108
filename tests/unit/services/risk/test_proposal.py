"""At what price an order is judged."""

from decimal import Decimal

from services.risk.proposal import judged_price
from shared.domain.values import OrderType, Side
from tests.unit.services.risk.talk import Talk, propose, signal


def test_a_limit_is_what_a_purchase_can_cost() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    limit = OrderType.LIMIT
    buy = signal(limit_price=Decimal(105), order_type=limit)
    assert judged_price(buy, talk.state) == 105
    sell = signal(Side.SELL, limit_price=Decimal(95), order_type=limit)
    assert judged_price(sell, talk.state) == 100
    assert judged_price(signal(limit_price=Decimal(0), order_type=limit), talk.state) == 100
    assert judged_price(signal(symbol="IBM"), talk.state) is None


def test_the_projection_counts_working_orders_of_the_same_side() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    talk.signal(quantity=50)
    talk.signal(Side.SELL, quantity=20, by="reversion")
    assert propose(talk, signal(), "10").projected(talk.state) == 60
    assert propose(talk, signal(Side.SELL), "10").projected(talk.state) == -30
