"""From settings to the actors, for the service and for a desk in one process alike."""

from services.execution.config import ExecutionSettings
from services.execution.core import ExecutionCore
from services.execution.paper.core import PaperBroker
from shared.runtime.actor import Actor, Rank

PACKAGES = ("services.execution", "shared.domain", "shared.messages")


def paper_actors(settings: ExecutionSettings, book: str, tape_id: str) -> list[Actor]:
    """Return the order core `execution.<book>` and the paper broker `broker.<book>`."""
    execution = Actor(
        core=ExecutionCore(book, tape_id),
        rank=Rank.EXECUTION,
        configuration={"broker": settings.broker},
        packages=PACKAGES,
    )
    broker = Actor(
        core=PaperBroker(settings.paper, book),
        rank=Rank.BROKER,
        configuration=settings.paper.model_dump(mode="json"),
        packages=PACKAGES,
    )
    return [execution, broker]
