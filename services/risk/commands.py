"""What operators may do to risk: kill, resume, flatten, set a limit.

A kill is always obeyed, however late it comes. The others are refused after their time, and
`resume` and `set_limit` when they name an older state than the one they would change; a refusal
is a `violation` message, so that nobody waits for something that will not happen.
"""

from services.risk.book import order_key, reserve, settle
from services.risk.config import LIMITS, RiskSettings, with_overrides
from services.risk.session import count_from
from services.risk.sizing import closable
from services.risk.state import Halt, RiskState, Working
from shared.core import Stamp
from shared.domain.commands import lateness, newness
from shared.domain.values import NS_PER_S, ZERO, Intent, OrderType, Side, TimeInForce, to_price
from shared.messages.base import Message
from shared.messages.control import Flatten, Kill, Resume, SetLimit
from shared.messages.decisions import Approved, Halted, Limits, Resumed, Violation

KILLED = "killed"
FLATTENED = "flattened"
FLATTEN_VALID_NS = 60 * NS_PER_S  # market time that execution has to send a flattening order


def obey_kill(state: RiskState, stamp: Stamp, command: Kill) -> tuple[Message, ...]:
    """Stop all trading until `resume`."""
    operator = stamp.lane.actor
    state.killed = Halt(code=KILLED, seq=stamp.seq, operator=operator, detail=command.reason)
    return (Halted(code=KILLED, detail=command.reason, operator=operator),)


def obey_resume(
    state: RiskState, stamp: Stamp, command: Resume, limits: RiskSettings
) -> tuple[Message, ...]:
    """End the kill and the halt, as far as they are no newer than what the operator saw."""
    late = lateness(command.valid_until_ns, stamp.recorded_ns)
    if late:
        return refused("resume", late)
    if state.killed is None and state.halted is None:
        return refused("resume", "the desk is neither killed nor halted")
    ended: list[str] = []
    kept: list[str] = []
    for halt in (state.killed, state.halted):
        if halt is not None:
            newer = newness(command.expected_seq, halt.seq)
            (kept if newer else ended).append(f"{halt.code}: {newer}" if newer else halt.code)
            if not newer and halt.code == KILLED:
                state.killed = None
            elif not newer:
                state.halted = None
    outputs: tuple[Message, ...] = ()
    if ended:
        equity = settle(state)
        if equity is not None:
            count_from(state, equity, limits)
        detail = f"{', '.join(ended)} {command.reason}".rstrip()
        outputs = (Resumed(operator=stamp.lane.actor, detail=detail),)
    return outputs + (refused("resume", "; ".join(kept)) if kept else ())


def obey_flatten(state: RiskState, stamp: Stamp, command: Flatten) -> tuple[Message, ...]:
    """Halt, and approve the closing of every position that is not being closed already.

    Execution cancels the working orders that open positions. During a kill nothing trades, so
    nothing is flattened either: resume first.
    """
    late = lateness(command.valid_until_ns, stamp.recorded_ns)
    if late or state.killed is not None:
        return refused("flatten", late or "the desk is killed; resume first")
    operator = stamp.lane.actor
    state.halted = Halt(code=FLATTENED, seq=stamp.seq, operator=operator, detail=command.reason)
    closing = [
        _closing(state, stamp, strategy_id, symbol)
        for strategy_id, account in state.accounts.items()
        for symbol in account
    ]
    halted = Halted(code=FLATTENED, detail=command.reason, operator=operator)
    return (halted, *(order for order in closing if order is not None))


def obey_set_limit(
    state: RiskState, stamp: Stamp, command: SetLimit, limits: RiskSettings
) -> tuple[RiskSettings, tuple[Message, ...]]:
    """Change one limit; return the limits in force and what to say about it."""
    late = lateness(command.valid_until_ns, stamp.recorded_ns)
    if late:
        return limits, refused("set_limit", late)
    newer = newness(command.expected_seq, state.limits_seq)
    if newer:
        return limits, refused("set_limit", newer)
    if command.key not in LIMITS:
        return limits, refused("set_limit", f"{command.key!r} is no limit")
    overrides = {**state.overrides, command.key: command.value}
    try:
        changed = with_overrides(limits, overrides)
    except ValueError:
        return limits, refused("set_limit", f"{command.key} cannot be {command.value!r}")
    state.overrides, state.limits_seq = overrides, stamp.seq
    if state.session.equity is not None:
        count_from(state, state.session.equity, changed)
    previous = str(getattr(limits, command.key))
    said = Limits(
        key=command.key, value=command.value, previous=previous, operator=stamp.lane.actor
    )
    return changed, (said,)


def refused(command: str, detail: str) -> tuple[Message, ...]:
    """Say that a command was not obeyed."""
    return (Violation(code=f"{command}_refused", value=ZERO, limit=ZERO, detail=detail),)


def _closing(state: RiskState, stamp: Stamp, strategy_id: str, symbol: str) -> Approved | None:
    held = state.accounts[strategy_id][symbol].quantity
    side = Side.SELL if held > 0 else Side.BUY
    quantity = closable(state, strategy_id, symbol, side)
    mark = state.marks.get(symbol)
    if not quantity:
        return None
    price = to_price(mark.price) if mark is not None else ZERO
    key = order_key(stamp.id, strategy_id, symbol)
    reserve(state, key, Working(strategy_id, symbol, side, Intent.CLOSE, quantity, price))
    return Approved(
        signal_id=stamp.id,
        strategy_id=strategy_id,
        symbol=symbol,
        side=side,
        intent=Intent.CLOSE,
        quantity=quantity,
        order_type=OrderType.MARKET,
        limit_price=None,
        time_in_force=TimeInForce.DAY,
        valid_until_ns=state.now_ns + FLATTEN_VALID_NS,
    )
