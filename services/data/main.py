"""The data service: plays one feed onto the tape and builds longer bars from it."""

import sys

from services.data.assembly import aggregator_actor
from services.data.config import DataServiceSettings, DataSettings
from services.data.files.reader import read_apart
from services.data.files.source import FileSource
from services.data.simulation.market import SimulatedMarket
from shared.domain.values import Timeframe
from shared.runtime.feed import FeedPlayer
from shared.runtime.service import Context, Hosting, run_service
from shared.runtime.source import Source
from shared.subjects import lane


async def build(context: Context[DataServiceSettings]) -> Hosting:
    """Wire the service: the source and its player, and the aggregator that reads the feed."""
    settings = context.settings.data
    source, native = await _open(settings)
    context.log.info(
        "feed opened", feed=settings.feed, native=native or "trades", bars=source.total
    )
    aggregator = aggregator_actor(settings, native)
    player = FeedPlayer(
        tape=context.tape,
        client=context.client,
        lane=lane("data", settings.feed),
        source=source,
        speed=settings.speed,
        participants=tuple(dict.fromkeys((str(aggregator.core.lane), *settings.participants))),
        log=context.log,
        standby_after_s=context.settings.tape.standby_after_ms / 1e3,
    )
    is_finite = settings.feed == "file" and settings.file.until_done
    return Hosting(
        actors=[aggregator],
        tasks=[("feed", player.run)],
        ends_with="feed" if is_finite else "",
    )


async def _open(settings: DataSettings) -> tuple[Source, Timeframe | None]:
    """Return the feed's source and the timeframe of its own bars, None when it has trades."""
    if settings.feed == "sim":
        return SimulatedMarket(settings.sim), None
    files = settings.file
    source = FileSource.of(await read_apart(files.paths, files.timeframe, files.actions))
    return source, source.timeframe


def main() -> int:
    """Run the service."""
    return run_service("data", DataServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
