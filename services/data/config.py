"""Settings of the data service."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from shared.config.desk import DeskSettings, Section
from shared.domain.sessions import FIRST_YEAR, LAST_YEAR
from shared.domain.values import Timeframe

Symbol = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=24)]


class SimSettings(Section):
    """The simulated market. The same settings make the same market, tick for tick."""

    seed: int = 7
    symbols: tuple[Symbol, ...] = Field(
        default=("AAPL", "AMZN", "MSFT", "NVDA", "QQQ", "SPY"), min_length=1, max_length=500
    )
    start: date = Field(
        default=date(2026, 1, 2), ge=date(FIRST_YEAR, 1, 2), le=date(LAST_YEAR, 12, 1)
    )
    tick_s: int = Field(default=20, ge=1, le=300)

    @field_validator("symbols")
    @classmethod
    def _each_once(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in symbols:
            if symbols.count(symbol) > 1:
                raise ValueError(f"{symbol} stands there twice")
        return symbols


class FileSettings(Section):
    """Historical bars: Parquet or CSV files, or folders of them.

    `timeframe` is found from the spacing of the bars unless it is given. `actions` is a file of
    splits and dividends. With `until_done` the service ends when the files do.
    """

    paths: tuple[Path, ...] = ()
    timeframe: Timeframe | None = None
    actions: Path | None = None
    until_done: bool = False


class DataSettings(Section):
    """Which feed is played, how fast, and which bars are built from it.

    Of `timeframes` those longer than the feed's own bars are built. A bar is closed `grace_s`
    seconds of event time after its interval; a feed that is played needs none. At speed "max"
    the feed conducts the run in lockstep: `participants` are the lanes that take part besides
    the service's own.
    """

    feed: Literal["sim", "file"] = "sim"
    speed: str = Field(default="60x", pattern=r"^(max|\d+(\.\d+)?x)$")
    timeframes: tuple[Timeframe, ...] = (
        Timeframe.M1,
        Timeframe.M5,
        Timeframe.M15,
        Timeframe.H1,
        Timeframe.D1,
    )
    grace_s: float = Field(default=0.0, ge=0, le=60)
    participants: tuple[str, ...] = ()
    sim: SimSettings = SimSettings()
    file: FileSettings = FileSettings()


class DataServiceSettings(DeskSettings):
    """Everything the data service reads."""

    data: DataSettings = DataSettings()

    @model_validator(mode="after")
    def _lockstep_at_full_speed(self) -> Self:
        is_max = self.data.speed == "max"
        if is_max != self.tape.lockstep:
            raise ValueError(
                'data.speed "max" and tape.lockstep belong together: at full speed a feed would'
                " race ahead of its readers, and at any other nobody conducts the lockstep"
            )
        return self
