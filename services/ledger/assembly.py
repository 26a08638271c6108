"""From settings to the actor, for the service and for a desk in one process alike."""

from services.ledger.config import BooksSettings
from services.ledger.core import LedgerCore
from shared.runtime.actor import Actor, Rank, Sink

PACKAGES = (
    *(f"services.ledger.{name}" for name in ("core", "books", "journal", "orders", "state")),
    "shared.domain",
    "shared.messages",
)


def ledger_actor(core: LedgerCore, settings: BooksSettings, sink: Sink | None = None) -> Actor:
    """Return the actor `ledger.<book>`; without a sink nothing is stored."""
    return Actor(
        core=core,
        rank=Rank.LEDGER,
        configuration=settings.model_dump(mode="json"),
        packages=PACKAGES,
        sink=sink,
    )
