"""The execution service: the order core and, on paper, the broker that answers it."""

import sys

from services.execution.config import ExecutionServiceSettings
from services.execution.core import ExecutionCore
from services.execution.paper.core import PaperBroker
from shared.domain.errors import ConfigurationError
from shared.runtime.actor import Actor, Rank
from shared.runtime.service import Context, Hosting, run_service

DECISION_PACKAGES = ("services.execution", "shared.domain", "shared.messages")


async def build(context: Context[ExecutionServiceSettings]) -> Hosting:
    """Wire the service; raise ConfigurationError when asked to trade live."""
    settings = context.settings
    if settings.mode == "live":
        raise ConfigurationError(
            "mode: live trading is not part of this release; set mode to paper"
        )
    execution = Actor(
        core=ExecutionCore(settings.book, context.tape.id),
        rank=Rank.EXECUTION,
        configuration={"broker": settings.execution.broker},
        packages=DECISION_PACKAGES,
    )
    broker = Actor(
        core=PaperBroker(settings.execution.paper, settings.book),
        rank=Rank.BROKER,
        configuration=settings.execution.paper.model_dump(mode="json"),
        packages=DECISION_PACKAGES,
    )
    return Hosting(actors=[execution, broker])


def main() -> int:
    """Run until told to stop; return the exit code."""
    return run_service("execution", ExecutionServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
