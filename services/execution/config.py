"""Settings of the execution service and its paper broker. Money is in `currency`.

What each setting of the paper broker means for a fill, and why its default is what it is, stands
in docs/fills.md.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from shared.config.desk import DeskSettings, Section
from shared.domain.values import Timeframe

type Amount = Annotated[Decimal, Field(ge=0, le=Decimal("1e12"), allow_inf_nan=False)]
type Fraction = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
type Rate = Annotated[Decimal, Field(ge=0, le=10, allow_inf_nan=False)]  # a year: 0.05 is 5 %

NOTHING: dict[str, object] = {
    "commission_per_share": Decimal(0),
    "commission_min": Decimal(0),
    "commission_max_fraction": Decimal(0),
    "clearing_per_share": Decimal(0),
    "exchange_per_share": Decimal(0),
}
SCHEDULES: dict[str, dict[str, object]] = {
    # IBKR Pro, US stocks, up to 300,000 shares a month; interactivebrokers.com,
    # "Commissions: Stocks, ETFs, Warrants and Structured Products".
    "ibkr_fixed": {
        "commission_per_share": Decimal("0.005"),
        "commission_min": Decimal("1.00"),
        "commission_max_fraction": Decimal("0.01"),
    },
    # The same page; clearing is NSCC and DTC's. Exchanges ask about 0.003 a share of whoever takes
    # liquidity (Regulation NMS, Rule 610 caps it there); rebates for giving it are not modelled.
    "ibkr_tiered": {
        "commission_per_share": Decimal("0.0035"),
        "commission_min": Decimal("0.35"),
        "commission_max_fraction": Decimal("0.01"),
        "clearing_per_share": Decimal("0.0002"),
        "exchange_per_share": Decimal("0.003"),
    },
    # alpaca.markets/support/regulatory-fees; docs.alpaca.markets/docs/regulatory-fees: no
    # commission; each fee is summed up over the day and rounded up once.
    "alpaca": {**NOTHING, "fee_rounding": "day"},
    "zero": {
        **NOTHING,
        "sec_fee_per_million": Decimal(0),
        "taf_per_share": Decimal(0),
        "cat_per_share": Decimal(0),
    },
}


class CostSettings(Section):
    """What trading costs. `schedule` names a broker's list of prices; whatever else is given goes
    before it. Regulatory rates change by the year: None takes the one that was in force on the
    day of the fill (`services.execution.paper.rates`).
    """

    schedule: Literal["ibkr_fixed", "ibkr_tiered", "alpaca", "zero"] = "ibkr_fixed"
    commission_per_share: Amount = Decimal("0.005")
    commission_min: Amount = Decimal("1.00")
    """Least commission of one order."""
    commission_max_fraction: Fraction = Decimal("0.01")
    """Most commission of one order, as a fraction of its value; goes before the least."""
    clearing_per_share: Amount = Decimal(0)
    exchange_per_share: Amount = Decimal(0)
    """What the venue asks of whoever takes liquidity; every fill is taken for that."""
    sec_fee_per_million: Amount | None = None
    """Of sales: section 31 of the Securities Exchange Act."""
    taf_per_share: Amount | None = None
    """Of sales: FINRA's trading activity fee (By-Laws, Schedule A, section 1)."""
    taf_max: Amount | None = None
    """Most trading activity fee of one execution."""
    cat_per_share: Amount | None = None
    """Of purchases and sales: the Consolidated Audit Trail."""
    fee_rounding: Literal["execution", "day"] = "execution"
    """Fees are rounded up to the cent, at each execution or once for the day."""

    @model_validator(mode="before")
    @classmethod
    def _take_schedule(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        if not isinstance(given, dict):
            return given
        return {**SCHEDULES.get(str(given.get("schedule")), {}), **given}


class PaperSettings(Section):
    """The paper broker."""

    starting_cash: Annotated[Decimal, Field(gt=0, le=Decimal("1e12"))] = Decimal(100_000)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    costs: CostSettings = CostSettings()

    slippage_model: Literal["none", "spread", "volatility", "impact"] = "impact"
    """What an order that takes liquidity loses to the price it meets: nothing; `slippage_bps`;
    that and `slippage_range` of the bar's range; that and the square root of the part of the
    volume it takes, times `slippage_impact` of the bar's range."""
    slippage_bps: Amount = Decimal(5)
    """Half a spread, in hundredths of a per cent of the price."""
    slippage_range: Annotated[float, Field(ge=0, le=10)] = 0.1
    slippage_impact: Annotated[float, Field(ge=0, le=10)] = 0.5
    tick_size: Annotated[Decimal, Field(ge=Decimal("0.0001"), le=100)] | None = None
    """Prices are rounded to it, against the trader; None: Regulation NMS, Rule 612 (a cent from
    one dollar on, 0.0001 below)."""
    limit_fills: Literal["through", "touch"] = "through"
    """Whether a bar's or print's price must go through a limit, or may just touch it."""
    latency_ms: Annotated[float, Field(ge=0, le=3_600_000)] = 0
    """How long an order is on its way; what began before it arrived is not for it."""

    participation: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.10")
    """Largest share of a bar's (or print's) volume that the account's orders get."""
    fractional_shares: bool = True
    """Whether orders for a fraction of a share are taken; closing one that is held always is."""
    fill_timeframe: Timeframe | None = None
    """Fill on bars of this timeframe only; None: on every bar a feed itself sent."""
    max_resting_orders: int = Field(default=10_000, ge=1, le=100_000)

    account: Literal["cash", "margin"] = "margin"
    """A cash account pays every purchase from cash and sells nothing it does not hold."""
    leverage: Annotated[Decimal, Field(gt=0, le=4)] = Decimal(1)
    """Gross positions that a margin account may take on, as a multiple of equity; 2 is the
    initial margin of Regulation T."""
    allow_short: bool = True
    hard_to_borrow: tuple[str, ...] = ()
    """Symbols that cannot be sold short."""
    borrow_rate: Rate = Decimal("0.01")
    """Fee of a borrowed share, a year, by its value."""
    borrow_rates: dict[str, Rate] = Field(default_factory=dict)
    """The same for single symbols."""
    margin_rate: Rate = Decimal("0.08")
    """Interest on borrowed cash, a year."""


class ExecutionSettings(Section):
    """Which broker answers, and how."""

    broker: Literal["paper"] = "paper"
    latch_file: str | None = None
    """Where a kill is latched that cannot reach the tape, on a disk that the console sees, too;
    None: `kill.json` in the state folder of `tapedeck up`, elsewhere no latch."""
    paper: PaperSettings = PaperSettings()


class ExecutionServiceSettings(DeskSettings):
    """What the execution service reads."""

    execution: ExecutionSettings = ExecutionSettings()
