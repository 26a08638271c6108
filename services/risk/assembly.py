"""From settings to the actor, for the service and for a desk in one process alike."""

from services.risk.config import RiskSettings
from services.risk.core import RiskCore
from shared.runtime.actor import Actor, Rank

PACKAGES = ("services.risk", "shared.domain", "shared.messages")


def risk_actor(settings: RiskSettings, book: str) -> Actor:
    """Return the actor `risk.<book>`."""
    return Actor(
        core=RiskCore(settings, book),
        rank=Rank.RISK,
        configuration=settings.model_dump(mode="json"),
        packages=PACKAGES,
    )
