"""The exchange session and its loss.

A session begins when the clock first names it. Its loss is counted from the equity at the last
clock before, so an overnight gap counts. When the loss reaches its limit the desk halts, once;
the halt ends with the session, or by `resume`, which counts again from the equity of that moment
(otherwise the desk would halt again at once).
"""

from decimal import Decimal

from services.risk.book import settle
from services.risk.config import RiskSettings
from services.risk.rules.daily_loss import loss_limit
from services.risk.state import Halt, RiskState, Session
from services.risk.valuation import equity_value, money
from shared.messages.base import Message
from shared.messages.decisions import Halted, Resumed, Violation
from shared.messages.market import Clock

DAILY_LOSS = "daily_loss"


def pass_time(
    state: RiskState, clock: Clock, limits: RiskSettings, seq: int
) -> tuple[Message, ...]:
    """Notice the time: begin a session, watch its loss. Runs once a time slice: keep it lean."""
    begun: tuple[Message, ...] = ()
    if clock.session != state.session.date and clock.session:
        begun = begin_session(state, clock.session, limits)
    equity = equity_value(state)
    if equity is None:
        return begun
    state.last_equity = equity
    if equity > state.session.alarm or state.halted is not None or state.killed is not None:
        return begun
    return begun + _halt(state, money(equity), limits, seq)


def begin_session(state: RiskState, date: str, limits: RiskSettings) -> tuple[Message, ...]:
    """Start counting anew; end a halt for the loss of the session before."""
    opening = state.last_equity if state.last_equity is not None else equity_value(state)
    state.session = Session(date=date)
    if opening is not None:
        count_from(state, money(opening), limits)
    if state.halted is None or state.halted.code != DAILY_LOSS:
        return ()
    state.halted = None
    return (Resumed(operator="", detail=f"session {date} begins"),)


def count_from(state: RiskState, equity: Decimal, limits: RiskSettings) -> None:
    """Count the session's loss from `equity`."""
    state.session.equity = equity
    state.session.alarm = float(equity - loss_limit(equity, limits))


def first_account(state: RiskState, limits: RiskSettings) -> None:
    """Count from the first equity known, when the session began before there was any."""
    equity = settle(state)
    if state.session.equity is None and equity is not None:
        count_from(state, equity, limits)


def _halt(state: RiskState, equity: Decimal, limits: RiskSettings, seq: int) -> tuple[Message, ...]:
    start = state.session.equity
    if start is None or start - equity < loss_limit(start, limits):
        return ()
    loss, limit = start - equity, loss_limit(start, limits)
    detail = f"the session lost {loss} of {start}"
    state.halted = Halt(code=DAILY_LOSS, seq=seq, detail=detail)
    return (
        Violation(code=DAILY_LOSS, value=loss, limit=limit, detail=detail),
        Halted(code=DAILY_LOSS, detail=detail),
    )
