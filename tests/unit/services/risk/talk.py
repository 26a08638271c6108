"""A conversation with the risk core: short sentences in, its answers out."""

from decimal import Decimal

from services.risk.config import RiskSettings
from services.risk.core import RiskCore
from services.risk.proposal import Proposal, judged_price
from services.risk.state import RiskState
from services.risk.valuation import appraise, money
from shared.core import Stamp
from shared.domain.values import ZERO, Intent, Side, Timeframe
from shared.messages.base import Message
from shared.messages.decisions import Approved, Check, Denied
from shared.messages.market import Bar, Clock
from shared.messages.orders import Account, Cancelled, Filled
from shared.messages.signals import Signal
from shared.subjects import Lane

OPEN_NS = 1_767_623_400_000_000_000  # 2026-01-05, 09:30 in New York
MINUTE_NS = 60_000_000_000

FILE = Lane("data", "file")
EXECUTION = Lane("execution", "main")
OPERATOR = Lane("control", "ada")


class Talk:
    """Speaks to a core; `now_ns` moves with what is said. The session is open, the account empty
    but for cash, unless the test says otherwise.
    """

    def __init__(self, settings: RiskSettings | None = None, cash: str = "100000") -> None:
        self.core = RiskCore(settings or RiskSettings(), "main")
        self.seq = 0
        self.now_ns = OPEN_NS
        self.signals = 0
        self.heard: list[tuple[Stamp, Message]] = []
        self.answers: list[tuple[Message, ...]] = []
        if cash:
            self.account(cash)
            self.clock()

    @property
    def state(self) -> RiskState:
        return self.core.state

    def say(
        self, lane: Lane, message: Message, identity: str = "", recorded_ns: int = 0
    ) -> tuple[Message, ...]:
        self.seq += 1
        name = identity or f"m{self.seq}"
        stamp = Stamp(self.seq, self.now_ns, lane, name, name, recorded_ns)
        answer = self.core.handle(stamp, message)
        self.heard.append((stamp, message))
        self.answers.append(answer)
        return answer

    def order(self, message: Message, identity: str = "", recorded_ns: int = 0) -> list[Message]:
        """An operator's command."""
        return list(self.say(OPERATOR, message, identity, recorded_ns))

    def clock(self, session: str = "2026-01-05") -> tuple[Message, ...]:
        return self.say(FILE, Clock(ts_ns=self.now_ns, session=session, is_open=bool(session)))

    def minute(self, session: str = "2026-01-05", /, **prices: float) -> tuple[Message, ...]:
        """One slice of one-minute bars; returns what the clock brought."""
        self.now_ns += MINUTE_NS
        for symbol, price in prices.items():
            self.say(FILE, bar(symbol, price, self.now_ns))
        return self.clock(session)

    def account(self, cash: str, **positions: int) -> tuple[Message, ...]:
        held = {symbol: Decimal(quantity) for symbol, quantity in positions.items()}
        stated = Account(cash=Decimal(cash), currency="USD", positions=held)
        return self.say(EXECUTION, stated)

    def signal(
        self,
        side: Side = Side.BUY,
        intent: Intent = Intent.OPEN,
        symbol: str = "AAPL",
        by: str = "trend",
        quantity: int | str | None = None,
        **fields: object,
    ) -> Approved | Denied:
        self.signals += 1
        message = signal(side, intent, symbol, by, quantity, now_ns=self.now_ns, **fields)
        (answer,) = self.say(Lane("strategy", by), message, f"s{self.signals}")
        assert isinstance(answer, Approved | Denied)
        return answer

    def fill(
        self, order: Approved, price: str, quantity: int | None = None, *, done: bool = True
    ) -> tuple[Message, ...]:
        shares = order.quantity if quantity is None else Decimal(quantity)
        return self.say(EXECUTION, filled(order, price, shares, done=done))

    def cancelled(self, order: Approved) -> tuple[Message, ...]:
        return self.say(EXECUTION, cancelled(order))


def bar(symbol: str, price: float, end_ns: int, timeframe: Timeframe = Timeframe.M1) -> Bar:
    return Bar(
        symbol=symbol,
        timeframe=timeframe,
        start_ns=end_ns - timeframe.seconds * 1_000_000_000,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=10_000.0,
    )


def signal(
    side: Side = Side.BUY,
    intent: Intent = Intent.OPEN,
    symbol: str = "AAPL",
    by: str = "trend",
    quantity: int | str | None = None,
    now_ns: int = OPEN_NS,
    **fields: object,
) -> Signal:
    return Signal(
        strategy_id=by,
        symbol=symbol,
        side=side,
        intent=intent,
        price=100.0,
        quantity=None if quantity is None else Decimal(quantity),
        valid_until_ns=fields.pop("valid_until_ns", now_ns + MINUTE_NS),  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )


def filled(order: Approved, price: str, quantity: Decimal, *, done: bool = True) -> Filled:
    return Filled(
        order_id="o",
        client_order_id="c",
        signal_id=order.signal_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        execution_id="e",
        intent=order.intent,
        quantity=quantity,
        price=Decimal(price),
        commission=ZERO,
        cumulative_quantity=quantity,
        order_quantity=order.quantity,
        is_complete=done,
    )


def cancelled(order: Approved) -> Cancelled:
    return Cancelled(
        order_id="o",
        client_order_id="c",
        signal_id=order.signal_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        filled_quantity=ZERO,
    )


def propose(talk: Talk, asked: Signal, quantity: str = "10", speaker: str = "trend") -> Proposal:
    """What the rules would judge if this signal got `quantity` shares."""
    price = judged_price(asked, talk.state)
    notional = None if price is None else money(float(quantity) * float(price))
    equity, gross = appraise(talk.state)
    return Proposal(asked, speaker, Decimal(quantity), price, notional, equity, gross)


def codes(answer: Approved | Denied) -> list[str]:
    """The codes of a denial, or of an approval's checks."""
    checks: tuple[Check, ...] = answer.reasons if isinstance(answer, Denied) else answer.checks
    return [check.code for check in checks]
