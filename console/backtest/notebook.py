"""What a backtest writes down while it runs: fills, and what they did to cash and positions."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from console.backtest.result import Fill
from services.ledger.books import shares_of
from services.ledger.state import BooksState
from shared.core import Stamp
from shared.domain.values import ZERO
from shared.messages.base import Message
from shared.messages.market import CorporateAction
from shared.messages.orders import Account, Charged, Filled, Submitting
from shared.subjects import reading


class Change(Struct, frozen=True):
    """What the books say after the slice at `ts_ns`: cash, and shares of the symbols it moved."""

    ts_ns: int
    cash: float
    shares: dict[str, float]


class Notebook:
    """Listens to one book: its executions, and whatever else moves its money or shares.

    `price_of` gives the newest price of a symbol; it is asked when an order is sent.
    """

    def __init__(self, book: str, price_of: Callable[[str], float | None]) -> None:
        self.reads = (
            *(reading("execution", book, event, ">") for event in ("submitting", "filled")),
            *(reading("execution", book, event) for event in ("account", "charged")),
            reading("data", "*", "action", ">"),
        )
        self.fills: list[Fill] = []
        self.changes: list[Change] = []
        self.charges: dict[str, Decimal] = {}
        self.is_touched = False
        self._price_of = price_of
        self._references: dict[str, float | None] = {}
        self._symbols: dict[str, None] = {}

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Write down one message."""
        # The frequent ones by type: asking a struct whether it is of another class is dear.
        if type(message) is Submitting:
            self._references[message.order_id] = self._price_of(message.symbol)
        elif type(message) is Filled:
            self._fill(stamp, message)
            self._symbols[message.symbol] = None
            self.is_touched = True
        else:
            self._other(message)
        return ()

    def settle(self, ts_ns: int, books: BooksState) -> None:
        """Write down what a slice, and everything it caused, made of the books."""
        shares = {symbol: float(shares_of(books, symbol)) for symbol in self._symbols}
        self.changes.append(Change(ts_ns, float(books.totals.cash), shares))
        self._symbols.clear()
        self.is_touched = False

    def _other(self, message: Message) -> None:
        match message:
            case Account():
                self._symbols |= dict.fromkeys(message.positions)
            case CorporateAction():
                self._symbols[message.symbol] = None
            case Charged():
                before = self.charges.get(message.kind, ZERO)
                self.charges[message.kind] = before + message.amount
            case _:
                return
        self.is_touched = True

    def _fill(self, stamp: Stamp, filled: Filled) -> None:
        self.fills.append(
            Fill(
                seq=stamp.seq,
                ts_ns=stamp.ts_ns,
                strategy_id=filled.strategy_id,
                order_id=filled.order_id,
                symbol=filled.symbol,
                side=filled.side,
                intent=filled.intent,
                quantity=filled.quantity,
                price=filled.price,
                fees=filled.commission + filled.fees,
                reference=self._references.get(filled.order_id),
                fee_parts={"commission": filled.commission, **filled.fee_parts},
            )
        )
        if filled.is_complete:
            self._references.pop(filled.order_id, None)
