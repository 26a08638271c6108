"""The configuration of the strategy service."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.config.desk import DeskSettings, Section
from shared.domain.values import Timeframe

type StrategyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)]


SHARDS_MAX = 64


class StrategySettings(Section):
    """One instance: which strategy, on what, with which parameters.

    `use` is a built-in name, `package.module:Class` or `path/to/file.py:Class`. `timeframe` None
    takes the class's own. `active` lets the instance trade from its very first start; otherwise
    it waits for an operator's `activate`. A signal is void after `signal_ttl_s` seconds of market
    time; after `errors_max` errors in a row the instance is quarantined. With `shards` its
    symbols are divided among so many actors.
    """

    use: str = Field(min_length=1)
    symbols: tuple[str, ...] = Field(default=("*",), min_length=1)
    timeframe: Timeframe | None = None
    active: bool = False
    params: dict[str, object] = Field(default_factory=dict)
    signal_ttl_s: float = Field(default=300.0, gt=0, le=86_400)
    errors_max: int = Field(default=3, ge=1, le=1_000)
    shards: int = Field(default=1, ge=1, le=SHARDS_MAX)


class StrategyServiceSettings(DeskSettings):
    """What the strategy service reads: a table of instances by id, empty by default."""

    strategies: dict[StrategyId, StrategySettings] = Field(default_factory=dict)
