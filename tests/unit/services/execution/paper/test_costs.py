"""What an execution costs."""

from decimal import Decimal

import pytest

from services.execution.config import CostSettings
from services.execution.paper.costs import commission_due, regulatory_fees
from shared.domain.values import Side

COSTS = CostSettings()


@pytest.mark.parametrize(
    ("quantity", "price", "due"),
    [
        (1_000, "10", "5.00"),  # by the share
        (100, "10", "1.00"),  # the least
        (10, "5", "0.50"),  # one per cent goes before the least
        (333, "100", "1.66"),  # 1.665: half to even
    ],
)
def test_commission_of_an_order(quantity: int, price: str, due: str) -> None:
    shares = Decimal(quantity)
    assert commission_due(shares, shares * Decimal(price), COSTS) == Decimal(due)


def test_purchases_pay_no_regulatory_fees() -> None:
    assert regulatory_fees(Side.BUY, Decimal(100), Decimal(10_000), COSTS) == 0


def test_sales_pay_each_fee_rounded_up() -> None:
    # SEC 10,000 * 20.60 / 1,000,000 = 0.206; activity 100 * 0.000195 = 0.0195
    assert regulatory_fees(Side.SELL, Decimal(100), Decimal(10_000), COSTS) == Decimal("0.23")


def test_the_activity_fee_has_a_cap() -> None:
    free = CostSettings(sec_fee_per_million=Decimal(0))
    assert regulatory_fees(Side.SELL, Decimal(10**6), Decimal(10**6), free) == Decimal("9.79")
