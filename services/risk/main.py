"""The risk service: one actor, `risk.<book>`."""

import sys

from services.risk.assembly import risk_actor
from services.risk.config import RiskServiceSettings
from shared.runtime.service import Context, Hosting, run_service


async def build(context: Context[RiskServiceSettings]) -> Hosting:
    """Wire the service."""
    settings = context.settings
    return Hosting(actors=[risk_actor(settings.risk, settings.book)])


def main() -> int:
    """Run until told to stop; return the exit code."""
    return run_service("risk", RiskServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
