"""No new position in a halted symbol."""

from services.risk.config import RiskSettings
from services.risk.rules.symbol_halted import check_symbol_halted
from shared.domain.values import Intent, Side
from shared.messages.market import MarketStatus
from tests.unit.services.risk.talk import FILE, Talk, propose, signal


def test_a_trading_halt_stops_openings_in_its_symbol_until_it_ends() -> None:
    talk = Talk()
    limits = RiskSettings()
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=True, reason="LULD"))
    found = check_symbol_halted(propose(talk, signal()), talk.state, limits)
    assert found is not None
    assert (found.passed, found.detail) == (False, "LULD")
    other = check_symbol_halted(propose(talk, signal(symbol="IBM")), talk.state, limits)
    assert other is not None
    assert other.passed
    closing = propose(talk, signal(Side.SELL, Intent.CLOSE))
    assert check_symbol_halted(closing, talk.state, limits) is None
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=False))
    found = check_symbol_halted(propose(talk, signal()), talk.state, limits)
    assert found is not None
    assert found.passed
