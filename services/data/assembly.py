"""From settings to the actor, for the service and for a desk in one process alike."""

from services.data.config import DataSettings
from services.data.core import BarAggregator
from shared.domain.values import Timeframe
from shared.runtime.actor import Actor, Rank

PACKAGES = (
    "services.data.core",
    "services.data.rules",
    "services.data.state",
    "shared.domain",
    "shared.messages",
)


def aggregator_actor(settings: DataSettings, native: Timeframe | None) -> Actor:
    """Return the actor that builds bars; `native` is the feed's own timeframe, None for trades."""
    core = BarAggregator(
        feed=settings.feed,
        native=native,
        timeframes=settings.timeframes,
        grace_s=settings.grace_s,
    )
    return Actor(core=core, rank=Rank.DATA, configuration=core.configuration, packages=PACKAGES)
