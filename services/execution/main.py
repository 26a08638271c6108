"""The execution service: the order core and, on paper, the broker that answers it."""

import sys
from pathlib import Path

from services.execution.assembly import paper_actors
from services.execution.config import ExecutionServiceSettings
from shared.domain.errors import ConfigurationError
from shared.runtime.latch import KillHold
from shared.runtime.service import Context, Hosting, run_service


async def build(context: Context[ExecutionServiceSettings]) -> Hosting:
    """Wire the service; raise ConfigurationError when asked to trade live."""
    settings = context.settings
    if settings.mode == "live":
        raise ConfigurationError(
            "mode: live trading is not part of this release; set mode to paper"
        )
    actors = paper_actors(settings.execution, settings.book, context.tape.id)
    latch_file = settings.execution.latch_file
    hold = KillHold(
        Path(latch_file) if latch_file is not None else None,
        context.tape,
        lambda text: context.log.warning("kill", what=text),
    )
    await hold.listen(context.client)
    return Hosting(actors=actors, tasks=[("kill", hold.watch)], hold=hold.over)


def main() -> int:
    """Run until told to stop; return the exit code."""
    return run_service("execution", ExecutionServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
