"""The strategy service: one actor for each configured instance."""

import sys

from services.strategy.assembly import strategy_actors
from services.strategy.config import StrategyServiceSettings
from shared.runtime.service import Context, Hosting, run_service


async def build(context: Context[StrategyServiceSettings]) -> Hosting:
    """Wire the instances that the configuration names; none is fine."""
    settings = context.settings
    actors = strategy_actors(settings.book, settings.strategies)
    if not actors:
        context.log.info("no strategy is configured")
    return Hosting(actors=actors)


def main() -> int:
    """Run the service until it is told to stop."""
    return run_service("strategy", StrategyServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
