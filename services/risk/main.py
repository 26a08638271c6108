"""The risk service: one actor, `risk.<book>`."""

import sys

from services.risk.config import RiskServiceSettings
from services.risk.core import RiskCore
from shared.runtime.actor import Actor, Rank
from shared.runtime.service import Context, Hosting, run_service


async def build(context: Context[RiskServiceSettings]) -> Hosting:
    """Wire the service."""
    settings = context.settings
    actor = Actor(
        core=RiskCore(settings.risk, settings.book),
        rank=Rank.RISK,
        configuration=settings.risk.model_dump(mode="json"),
        packages=["services.risk", "shared.domain", "shared.messages"],
    )
    return Hosting(actors=[actor])


def main() -> int:
    """Run until told to stop; return the exit code."""
    return run_service("risk", RiskServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
