"""A strategy speaks for itself only."""

from services.risk.config import RiskSettings
from services.risk.rules.speaker import check_speaker
from tests.unit.services.risk.talk import Talk, propose, signal


def test_a_signal_in_anothers_name_is_denied() -> None:
    talk = Talk()
    limits = RiskSettings()
    assert check_speaker(propose(talk, signal(by="trend")), talk.state, limits).passed
    other = propose(talk, signal(by="trend"), speaker="reversion")
    assert not check_speaker(other, talk.state, limits).passed
