"""Only so many symbols at a time."""

from services.risk.config import RiskSettings
from services.risk.rules.open_positions import check_open_positions
from tests.unit.services.risk.talk import Talk, propose, signal


def test_a_new_symbol_needs_room_and_an_old_one_does_not() -> None:
    talk = Talk()
    talk.account("100000", IBM=1, TSLA=1)
    for most, passed in ((3, True), (2, False)):
        limits = RiskSettings(max_open_positions=most)
        found = check_open_positions(propose(talk, signal()), talk.state, limits)
        assert found is not None
        assert found.passed is passed
    held = propose(talk, signal(symbol="IBM"))
    assert check_open_positions(held, talk.state, RiskSettings(max_open_positions=1)) is None
