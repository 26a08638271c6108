from services.strategy.state import Pending
from shared.domain.values import Intent, Side


def test_only_the_first_answer_of_its_own_kind_is_waited_for() -> None:
    pending = Pending(Side.BUY, Intent.OPEN, 1)
    assert pending.waits_for(Side.BUY, Intent.OPEN)
    assert not pending.waits_for(Side.SELL, Intent.OPEN)
    assert not pending.waits_for(Side.BUY, Intent.CLOSE)
    pending.order_id = "o1"
    assert not pending.waits_for(Side.BUY, Intent.OPEN)
