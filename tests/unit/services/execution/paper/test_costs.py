"""What an execution costs: hand calculations, and the examples that the brokers publish."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from services.execution.config import CostSettings
from services.execution.paper.costs import charge_fees, commission_due, fees_of
from services.execution.paper.state import DayFees
from shared.domain.values import Side

COSTS = CostSettings()
DAY = "2026-05-04"  # SEC 20.60 a million, TAF 0.000195 a share, CAT 0.0000265 a share


def _commission(schedule: str, quantity: int, price: str) -> Decimal:
    costs = CostSettings.model_validate({"schedule": schedule})
    shares = Decimal(quantity)
    return commission_due(shares, shares * Decimal(price), costs)


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


@pytest.mark.parametrize(
    ("schedule", "quantity", "price", "due"),
    [
        # interactivebrokers.com, "Commissions Stocks", United States, "Fixed Examples"
        ("ibkr_fixed", 100, "25", "1.00"),
        ("ibkr_fixed", 1_000, "25", "5.00"),
        ("ibkr_fixed", 1_000, "0.25", "2.50"),
        # the rates of the same page's tiered column, worked out: 0.0035, least 0.35, most 1 %
        ("ibkr_tiered", 100, "25", "0.35"),
        ("ibkr_tiered", 1_000, "25", "3.50"),
        ("ibkr_tiered", 1_000, "0.25", "2.50"),
        ("alpaca", 1_000, "25", "0.00"),
        ("zero", 1_000, "25", "0.00"),
    ],
)
def test_commission_by_schedule(schedule: str, quantity: int, price: str, due: str) -> None:
    assert _commission(schedule, quantity, price) == Decimal(due)


@pytest.mark.parametrize(
    ("side", "day", "quantity", "notional", "kind", "fee"),
    [
        # A broker's own example of 23.10 a million: 10,000 of sales owe 0.231 (Motif, 2017).
        (Side.SELL, "2017-08-01", 100, 10_000, "sec", "0.231"),
        # "selling 1,000 shares would cost 0.17" at 0.000166 (brokerage-review.com, 2024): 0.166.
        (Side.SELL, "2024-06-03", 1_000, 10_000, "taf", "0.166"),
        # DriveWealth: "50,000 shares or greater, firm pays 5.95" at 0.000119.
        (Side.SELL, "2021-03-01", 50_000, 500_000, "taf", "5.95"),
        (Side.SELL, "2021-03-01", 60_000, 600_000, "taf", "5.95"),
        (Side.SELL, "2021-03-01", 100, 1_000_000, "sec", "5.10"),
        # Alpaca's page: 0.0000265 a share since the summer of 2025, both sides.
        (Side.BUY, "2025-09-01", 1_000, 10_000, "cat", "0.0265"),
        (Side.SELL, "2025-09-01", 1_000, 10_000, "cat", "0.0265"),
    ],
)
def test_a_fee_as_published(
    side: Side, day: str, quantity: int, notional: int, kind: str, fee: str
) -> None:
    fees = fees_of(side, Decimal(quantity), Decimal(notional), day, COSTS)
    assert fees[kind] == Decimal(fee)


def test_no_sec_fee_while_the_rate_was_nothing() -> None:
    assert "sec" not in fees_of(Side.SELL, Decimal(100), Decimal(10_000), "2025-09-01", COSTS)


@pytest.mark.parametrize(
    ("given", "kind"),
    [("sec_fee_per_million", "sec"), ("taf_per_share", "taf"), ("taf_max", "taf")],
)
def test_a_fee_set_to_nothing_is_none(given: str, kind: str) -> None:
    costs = CostSettings.model_validate({given: 0})
    assert kind in fees_of(Side.SELL, Decimal(100), Decimal(10_000), DAY, COSTS)
    assert kind not in fees_of(Side.SELL, Decimal(100), Decimal(10_000), DAY, costs)


def test_purchases_pay_the_audit_trail_alone() -> None:
    day = DayFees(DAY)
    charged = charge_fees(Side.BUY, Decimal(100), Decimal(10_000), day, COSTS)
    assert charged == {"cat": Decimal("0.01")}  # 0.00265, rounded up


def test_sales_pay_each_fee_rounded_up() -> None:
    # SEC 10,000 * 20.60 / 1,000,000 = 0.206; activity 100 * 0.000195 = 0.0195; CAT 0.00265
    charged = charge_fees(Side.SELL, Decimal(100), Decimal(10_000), DayFees(DAY), COSTS)
    assert charged == {"sec": Decimal("0.21"), "taf": Decimal("0.02"), "cat": Decimal("0.01")}


def test_tiered_prices_pass_clearing_and_exchange_on() -> None:
    costs = CostSettings(schedule="ibkr_tiered", cat_per_share=Decimal(0))
    charged = charge_fees(Side.BUY, Decimal(1_000), Decimal(25_000), DayFees(DAY), costs)
    assert charged == {"clearing": Decimal("0.20"), "exchange": Decimal("3.00")}


def test_a_days_fees_are_rounded_up_once() -> None:
    costs = CostSettings(schedule="alpaca")
    day = DayFees(DAY)
    paid = [
        charge_fees(Side.BUY, Decimal(200), Decimal(1), day, costs).get("cat", Decimal(0))
        for _ in range(5)
    ]
    # 0.0053 each: 0.0053, 0.0106, 0.0159, 0.0212, 0.0265, rounded up: 1, 2, 2, 3, 3 cents
    assert paid == [Decimal(text) for text in ("0.01", "0.01", "0", "0.01", "0")]


def test_what_is_given_goes_before_the_schedule() -> None:
    costs = CostSettings.model_validate({"schedule": "alpaca", "commission_min": "2"})
    assert costs.commission_min == 2
    assert costs.fee_rounding == "day"


def test_the_schedule_zero_costs_nothing() -> None:
    costs = CostSettings(schedule="zero")
    assert not charge_fees(Side.SELL, Decimal(100), Decimal(10_000), DayFees(DAY), costs)


@pytest.mark.parametrize("given", [{"schedule": "etrade"}, "ibkr_fixed"])
def test_an_unknown_schedule_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        CostSettings.model_validate(given)
