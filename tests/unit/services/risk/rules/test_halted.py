"""A killed desk does not trade; a halted one only closes."""

from services.risk.config import RiskSettings
from services.risk.rules.halted import check_halted
from services.risk.state import Halt
from shared.domain.values import Intent, Side
from tests.unit.services.risk.talk import Talk, propose, signal

OPENING, CLOSING = signal(), signal(Side.SELL, Intent.CLOSE)


def _allows(talk: Talk) -> tuple[bool, bool]:
    limits = RiskSettings()
    return (
        check_halted(propose(talk, OPENING), talk.state, limits).passed,
        check_halted(propose(talk, CLOSING), talk.state, limits).passed,
    )


def test_a_halt_lets_close_and_a_kill_nothing() -> None:
    talk = Talk()
    assert _allows(talk) == (True, True)
    talk.state.halted = Halt("daily_loss", 7)
    assert _allows(talk) == (False, True)
    talk.state.killed = Halt("killed", 8)
    assert _allows(talk) == (False, False)
