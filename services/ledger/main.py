"""The ledger service: one actor, `ledger.<book>`, whose sink is PostgreSQL."""

import sys
from functools import partial

from services.ledger.adapters.identity import check_history
from services.ledger.adapters.postgres import PostgresSink
from services.ledger.adapters.writer import Writer
from services.ledger.assembly import ledger_actor
from services.ledger.config import LedgerServiceSettings
from services.ledger.core import LedgerCore
from services.ledger.rows import EquityRow, Row
from shared.runtime.service import Context, Hosting, run_service
from shared.tape.interface import ReadableTape
from shared.telemetry.metrics import Metrics


async def build(context: Context[LedgerServiceSettings]) -> Hosting:
    """Wire the service; refuse a database that is not this tape's."""
    settings = context.settings
    core = LedgerCore(settings.ledger.books, settings.book, keeps_rows=True)
    writing = settings.ledger.writer
    writer = Writer(
        settings.postgres, writing, context.log, tape_id=context.tape.id, book=settings.book
    )
    take_rows = partial(_take_rows, core, context.metrics)
    sink = PostgresSink(writer, writing, take_rows, settings.tape.standby_after_ms / 1e3)
    await sink.open(partial(_end_of, context.tape))
    await check_history(context.tape, settings.postgres)
    actor = ledger_actor(core, settings.ledger.books, sink)
    return Hosting(actors=[actor], tasks=[("writer", sink.run)])


async def _end_of(tape: ReadableTape) -> int:
    return (await tape.bounds()).last


def _take_rows(core: LedgerCore, metrics: Metrics, seq: int) -> list[Row]:
    """Take the rows of a message; what they say of the book's worth is a metric, too."""
    rows = core.take_rows(seq)
    for row in rows:
        if isinstance(row, EquityRow):
            metrics.equity.set(float(row.equity))
            metrics.cash.set(float(row.cash))
    return rows


def main() -> int:
    """Run the service until it is told to stop."""
    return run_service("ledger", LedgerServiceSettings, build)


if __name__ == "__main__":
    sys.exit(main())
