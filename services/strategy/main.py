"""The strategy service: one actor for each configured instance."""

import sys

from services.strategy.assembly import strategy_actors
from services.strategy.config import StrategyServiceSettings
from services.strategy.shards import refuse_unlearnable
from shared.runtime.service import Context, Hosting, run_service


async def build(context: Context[StrategyServiceSettings]) -> Hosting:
    """Wire the instances that the configuration names; none is fine."""
    settings = context.settings
    divided = {name: strategy.shards for name, strategy in settings.strategies.items()}
    await refuse_unlearnable(context.tape, divided)
    if not settings.strategies:
        context.log.info("no strategy is configured")
    return Hosting(shared_out=lambda: strategy_actors(settings.book, settings.strategies))


def main() -> int:
    """Run the service until it is told to stop."""
    return run_service("strategy", StrategyServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
