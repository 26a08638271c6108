"""Settings of the risk service. Fractions are of the book's equity (0.05 is 5 %)."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from shared.config.desk import DeskSettings, Section

type Share = Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)]
type Multiple = Annotated[Decimal, Field(gt=0, le=10, allow_inf_nan=False)]
type Money = Annotated[Decimal, Field(gt=0, le=Decimal("1e12"), allow_inf_nan=False)]

LIMITS = (
    "position_fraction",
    "risk_per_trade",
    "max_position_fraction",
    "max_gross_exposure",
    "max_open_positions",
    "max_working_orders",
    "max_order_fraction",
    "max_order_notional",
    "max_daily_loss_fraction",
    "max_daily_loss",
    "max_price_age_s",
)
"""What an operator may change while the desk runs (`set_limit`)."""


class RiskSettings(Section):
    """Sizing and limits. Money is in the account's currency."""

    position_fraction: Share = Decimal("0.05")
    """Size of a new position without a stop, as a fraction of equity."""
    risk_per_trade: Share = Decimal("0.01")
    """What a trade with a stop may lose at its stop, as a fraction of equity."""
    allow_fractional: bool = False
    allow_short: bool = True
    allow_margin: bool = False
    """Let purchases exceed cash; the exposure limit still holds."""
    max_position_fraction: Multiple = Decimal("0.20")
    """Largest value of one symbol's position, working orders included."""
    max_gross_exposure: Multiple = Decimal("1.0")
    """Largest sum of all positions' values, long and short, working orders included."""
    max_open_positions: int = Field(default=20, ge=1, le=10_000)
    max_working_orders: int = Field(default=200, ge=1, le=10_000)
    max_order_fraction: Multiple = Decimal("0.25")
    """Largest value of one order as a fraction of equity."""
    max_order_notional: Money | None = None
    """Largest value of one order in money; None: no such limit."""
    max_daily_loss_fraction: Share = Decimal("0.02")
    """Loss of a session at which the desk halts, as a fraction of equity at its start."""
    max_daily_loss: Money | None = None
    """The same in money; the smaller of the two counts."""
    max_price_age_s: float | None = Field(default=300.0, gt=0, le=86_400 * 30)
    """How long a price may be overdue before it is stale; None: never."""


class RiskServiceSettings(DeskSettings):
    """What the risk service reads."""

    risk: RiskSettings = RiskSettings()


def with_overrides(configured: RiskSettings, overrides: dict[str, str]) -> RiskSettings:
    """Return the settings with some limits changed; raise ValueError for a bad value."""
    return RiskSettings.model_validate({**configured.model_dump(), **overrides})
