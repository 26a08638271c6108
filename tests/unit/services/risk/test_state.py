"""The few things plain data knows about itself."""

from decimal import Decimal

from services.risk.state import Holding, Mark
from shared.domain.values import Timeframe


def test_a_mark_expects_the_next_price_after_its_shortest_interval() -> None:
    mark = Mark(1.0, 0, Timeframe.D1)
    mark.expect(Timeframe.M5)
    mark.expect(Timeframe.H1)
    assert mark.spacing_s == 300
    mark.expect(None)
    mark.expect(Timeframe.M1)
    assert mark.spacing_s == 0


def test_a_holding_counts_its_larger_side() -> None:
    holding = Holding(quantity=Decimal(-10), buying=Decimal(30), selling=Decimal(5))
    holding.refresh()
    assert (holding.net, holding.gross) == (-10.0, 20.0)
    assert not holding.is_over
    assert Holding().is_over
