"""Settings of the execution service and its paper broker. Money is in `currency`."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from shared.config.desk import DeskSettings, Section
from shared.domain.values import Timeframe

type Amount = Annotated[Decimal, Field(ge=0, le=Decimal("1e12"), allow_inf_nan=False)]
type Fraction = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]


class CostSettings(Section):
    """What trading costs. Commission as IBKR Pro's fixed plan for US stocks; regulatory fees are
    charged on sales: SEC, section 31 of the Exchange Act; FINRA's trading activity fee (By-Laws,
    Schedule A, section 1). Both rates change by the year.
    """

    commission_per_share: Amount = Decimal("0.005")
    commission_min: Amount = Decimal("1.00")
    """Least commission of one order."""
    commission_max_fraction: Fraction = Decimal("0.01")
    """Most commission of one order, as a fraction of its value; goes before the least."""
    sec_fee_per_million: Amount = Decimal("20.60")
    taf_per_share: Amount = Decimal("0.000195")
    taf_max: Amount = Decimal("9.79")
    """Most trading activity fee of one execution."""


class PaperSettings(Section):
    """The paper broker."""

    starting_cash: Annotated[Decimal, Field(gt=0, le=Decimal("1e12"))] = Decimal(100_000)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    slippage_bps: Amount = Decimal(5)
    """What a market order loses to the price it meets, in hundredths of a per cent."""
    participation: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.10")
    """Largest share of a bar's (or print's) volume that the account's orders get."""
    leverage: Annotated[Decimal, Field(gt=0, le=4)] = Decimal(1)
    """Gross positions allowed, as a multiple of equity."""
    fill_timeframe: Timeframe | None = None
    """Fill on bars of this timeframe only; None: on every bar a feed itself sent."""
    max_resting_orders: int = Field(default=10_000, ge=1, le=100_000)
    costs: CostSettings = CostSettings()


class ExecutionSettings(Section):
    """Which broker answers, and how."""

    broker: Literal["paper"] = "paper"
    paper: PaperSettings = PaperSettings()


class ExecutionServiceSettings(DeskSettings):
    """What the execution service reads."""

    execution: ExecutionSettings = ExecutionSettings()
