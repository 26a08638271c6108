"""Tells a ledger what happens on a tape, one short line a message."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from services.ledger.config import BooksSettings
from services.ledger.core import LedgerCore
from services.ledger.rows import Row
from shared.core import Stamp
from shared.domain.values import Intent, OrderType, Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.decisions import Approved, Check, Denied
from shared.messages.market import Bar, Clock, CorporateAction
from shared.messages.orders import Accepted, Account, Filled, OrderMessage, Submitting
from shared.messages.signals import Signal
from shared.subjects import lane
from shared.tape.entry import Entry, fact

TAPE_ID = "00112233445566ff"
BOOK = "main"
MINUTE_NS = 60_000_000_000
OPEN_NS = 1_746_797_400_000_000_000  # 2025-05-09 09:30 in New York
SESSION = "2025-05-09"


def ending_at(seq: int) -> Callable[[], Awaitable[int]]:
    """Return how a ledger that opens is told where its tape ends."""

    async def tape_end() -> int:
        return seq

    return tape_end


class Story:
    """A core and the tape it reads; `entries` keeps the wire form, `said` what the core said."""

    def __init__(self, *, keeps_rows: bool = True, cash_tolerance: str = "0.01") -> None:
        settings = BooksSettings(cash_tolerance=Decimal(cash_tolerance))
        self.core = LedgerCore(settings, BOOK, keeps_rows=keeps_rows)
        self.entries: list[Entry] = []
        self.said: list[Message] = []
        self.now_ns = OPEN_NS
        self.orders = 0

    @property
    def seq(self) -> int:
        return len(self.entries)

    def rows[R: Row](self, kind: type[R]) -> list[R]:
        """Take the rows so far and return those of one kind."""
        return [row for row in self.core.take_rows(self.seq) if isinstance(row, kind)]

    def say(self, speaker: str, message: Message) -> tuple[Message, ...]:
        """Put a message on the tape and let the core handle it."""
        service, actor = speaker.split(".")
        out = fact(TAPE_ID, lane(service, actor), message, ts_ns=self.now_ns, key=f"{self.seq + 1}")
        entry = Entry(self.seq + 1, out.subject, out.payload, self.now_ns + 5)
        self.entries.append(entry)
        stamp, decoded = entry.open()
        outputs = self.core.handle(stamp, decoded)
        self.said += outputs
        return outputs

    def last(self) -> tuple[Stamp, Message, bytes]:
        stamp, message = self.entries[-1].open()
        return stamp, message, self.entries[-1].payload

    # -- the market --------------------------------------------------------------------------

    def bar(self, symbol: str, close: float, *, feed: str = "file") -> None:
        """One minute passes with one price."""
        bar = Bar(
            symbol=symbol,
            timeframe=Timeframe.M1,
            start_ns=self.now_ns - MINUTE_NS,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=100.0,
        )
        self.say(f"data.{feed}", bar)

    def clock(self, session: str = SESSION, *, minutes: int = 1) -> tuple[Message, ...]:
        """Time passes; the session "" is a closed exchange."""
        self.now_ns += minutes * MINUTE_NS
        clock = Clock(ts_ns=self.now_ns, session=session, is_open=bool(session))
        return self.say("data.file", clock)

    def split(self, symbol: str, ratio: float, ex_date: str = SESSION) -> None:
        action = CorporateAction(symbol=symbol, kind="split", ex_date=ex_date, ratio=ratio)
        self.say("data.file", action)

    def dividend(self, symbol: str, cash: float, ex_date: str = SESSION) -> None:
        action = CorporateAction(
            symbol=symbol, kind="dividend", ex_date=ex_date, cash_per_share=cash
        )
        self.say("data.file", action)

    # -- the desk ----------------------------------------------------------------------------

    def account(self, cash: str, **positions: str) -> tuple[Message, ...]:
        """The broker states the account."""
        stated = {symbol: Decimal(quantity) for symbol, quantity in positions.items()}
        account = Account(cash=Decimal(cash), currency="USD", positions=stated)
        return self.say(f"execution.{BOOK}", account)

    def signal(self, symbol: str = "AAPL") -> None:
        signal = Signal(
            strategy_id="ema",
            symbol=symbol,
            side=Side.BUY,
            intent=Intent.OPEN,
            price=10.0,
            valid_until_ns=self.now_ns + MINUTE_NS,
        )
        self.say("strategy.ema", signal)

    def approve(self, symbol: str = "AAPL") -> None:
        check = Check("notional_max", passed=True, value=Decimal(5), limit=Decimal(9))
        approved = Approved(
            signal_id="s1",
            strategy_id="ema",
            symbol=symbol,
            side=Side.BUY,
            intent=Intent.OPEN,
            quantity=Decimal(1),
            order_type=OrderType.MARKET,
            limit_price=None,
            time_in_force=TimeInForce.DAY,
            valid_until_ns=self.now_ns,
            checks=(check,),
        )
        self.say(f"risk.{BOOK}", approved)

    def deny(self, symbol: str = "AAPL") -> None:
        reason = Check("halted", passed=False, value=Decimal(1), limit=Decimal(0))
        denied = Denied(
            signal_id="s2",
            strategy_id="ema",
            symbol=symbol,
            side=Side.BUY,
            intent=Intent.OPEN,
            quantity=Decimal(0),
            reasons=(reason,),
        )
        self.say(f"risk.{BOOK}", denied)

    def submit(
        self, side: Side, quantity: str, symbol: str = "AAPL", strategy_id: str = "ema"
    ) -> Submitting:
        """Execution is about to send an order."""
        self.orders += 1
        order = Submitting(
            order_id=f"o{self.orders}",
            client_order_id=f"c{self.orders}",
            signal_id=f"s{self.orders}",
            strategy_id=strategy_id,
            symbol=symbol,
            side=side,
            intent=Intent.OPEN,
            quantity=Decimal(quantity),
            order_type=OrderType.MARKET,
            limit_price=None,
            time_in_force=TimeInForce.DAY,
            valid_until_ns=self.now_ns + MINUTE_NS,
        )
        self.say(f"execution.{BOOK}", order)
        return order

    def tell[F: OrderMessage](self, kind: type[F], order: Submitting, **content: Any) -> None:
        """State a fact about an order."""
        names = OrderMessage.__struct_fields__
        of_order: dict[str, Any] = {name: getattr(order, name) for name in names}
        self.say(f"execution.{BOOK}", kind(**of_order, **content))

    def accept(self, order: Submitting) -> None:
        self.tell(Accepted, order, broker_order_id="b1")

    def fill(
        self,
        order: Submitting,
        quantity: str,
        price: str,
        *,
        commission: str = "0",
        fees: str = "0",
        is_complete: bool = True,
    ) -> None:
        """The broker executed (part of) an order."""
        self.tell(
            Filled,
            order,
            execution_id=f"x{self.seq + 1}",
            intent=order.intent,
            quantity=Decimal(quantity),
            price=Decimal(price),
            commission=Decimal(commission),
            fees=Decimal(fees),
            cumulative_quantity=Decimal(quantity),
            order_quantity=order.quantity,
            is_complete=is_complete,
        )

    def trade(
        self,
        side: Side,
        quantity: str,
        price: str,
        *,
        symbol: str = "AAPL",
        strategy_id: str = "ema",
        commission: str = "0",
    ) -> None:
        """An order from beginning to end."""
        order = self.submit(side, quantity, symbol, strategy_id)
        self.accept(order)
        self.fill(order, quantity, price, commission=commission)


def ordinary_day() -> Story:
    """Opening, two strategies, a partial fill, a short, a split, a dividend, the close."""
    story = Story()
    story.account("10000")
    story.bar("AAPL", 10.0)
    story.bar("MSFT", 20.0)
    story.clock()
    story.signal()
    story.approve()
    story.trade(Side.BUY, "100", "10.0123", commission="1.00")
    story.deny()
    order = story.submit(Side.SELL, "50", "MSFT", "orb")
    story.accept(order)
    story.fill(order, "20", "20", commission="0.20", is_complete=False)
    story.fill(order, "30", "19.9", commission="0.30", fees="0.01")
    story.bar("AAPL", 11.0)
    story.bar("MSFT", 19.0)
    story.clock()
    story.split("AAPL", 2.0)
    story.dividend("MSFT", 0.10)
    story.trade(Side.SELL, "70", "5.55")
    story.bar("AAPL", 5.6)
    story.clock()
    story.clock("")
    return story
