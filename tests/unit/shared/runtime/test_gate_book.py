"""What the gate knows of an order, and what a broker's statement adds."""

from decimal import Decimal

from shared.core import Stamp
from shared.messages.broker import Ack, Report, Sending
from shared.runtime.gate_book import GateBook, names
from shared.runtime.venue import Execution, OrderStatement
from tests.unit.shared.runtime.test_gate import BROKER, EXECUTION, order


def _sent() -> GateBook:
    book = GateBook()
    book.take(Stamp(1, 1, EXECUTION, "a", "a", 1), order(), 0.0)
    for fact in (
        Sending(**names(order()), attempt=1),
        Ack(**names(order()), broker_order_id="b"),
    ):
        book.take(Stamp(2, 1, BROKER, "b", "b", 1), fact, 0.0)
    return book


def _state(ended: str, filled: int) -> OrderStatement:
    return OrderStatement(
        client_order_id="c1",
        broker_order_id="b",
        symbol="AAPL",
        ended=ended,
        filled=Decimal(filled),
    )


def test_a_fill_counts_once_from_stream_and_snapshot() -> None:
    book = _sent()
    fill = Execution(
        client_order_id="c1",
        symbol="AAPL",
        execution_id="x1",
        quantity=Decimal(4),
        price=Decimal(10),
    )
    report = book.news(fill)
    assert isinstance(report, Report)
    book.take(Stamp(3, 1, BROKER, "c", "c", 1), report, 0.0)
    assert book.news(fill) is None


def test_an_end_waits_for_the_fills_before_it() -> None:
    book = _sent()
    assert book.news(_state("cancelled", 4)) is None
    ended = book.news(_state("cancelled", 0))
    assert isinstance(ended, Report)
    assert ended.kind == "cancelled"
