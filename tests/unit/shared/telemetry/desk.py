"""A desk of five services told by hand: who says what because of what, with its spans."""

from decimal import Decimal

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.core import Stamp
from shared.domain.values import Intent, OrderType, Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Report
from shared.messages.decisions import Approved
from shared.messages.market import Bar
from shared.messages.orders import Filled, Submitting
from shared.messages.signals import Signal
from shared.subjects import Lane, lane
from shared.tape.entry import Entry, Outgoing, answers, fact
from shared.telemetry.spans import SpanRecorder
from shared.telemetry.traces import Tracing

TAPE_ID = "0123456789abcdef"
DATA = lane("data", "sim")
STRATEGY = lane("strategy", "ema")
RISK = lane("risk", "main")
EXECUTION = lane("execution", "main")
BROKER = lane("broker", "main")


class Desk:
    """Puts messages on an imaginary tape; each lane's spans go to one exporter."""

    def __init__(self, ratio: float = 1.0, tracing: Tracing | None = None) -> None:
        self.exporter = InMemorySpanExporter()
        self._ratio = ratio
        self._tracing = tracing
        self._seq = 0
        self._now_ns = 1_000

    def now_ns(self) -> int:
        self._now_ns += 10
        return self._now_ns

    def tracing(self, speaker: Lane) -> Tracing:
        if self._tracing is not None:
            return self._tracing
        recorder = SpanRecorder(
            speaker.service, "1", self.exporter, self._ratio, SimpleSpanProcessor
        )
        return Tracing(self.now_ns, recorder)

    def record(self, out: Outgoing) -> Stamp:
        """Give `out` its place on the tape."""
        self._seq += 1
        entry = Entry(self._seq, out.subject, out.payload, self.now_ns())
        return entry.open()[0]

    def tell(self, speaker: Lane, message: Message, key: str) -> Stamp:
        """Say something that nothing on the tape caused."""
        return self.record(fact(TAPE_ID, speaker, message, ts_ns=0, key=key))

    def report(self, signal_id: str) -> Outgoing:
        """Return a broker's report that came from outside the tape."""
        return fact(TAPE_ID, BROKER, a_report(signal_id), ts_ns=0, key="e")

    def answer(self, speaker: Lane, stamp: Stamp, event: str, *outputs: Message) -> Stamp:
        """Let `speaker` handle a message and say `outputs`; return the stamp of the last."""
        with self.tracing(speaker).handling(speaker, stamp, event) as handling:
            outs = answers(TAPE_ID, speaker, stamp, outputs)
            stamps = [self.record(out) for out in outs]
            handling.answered(outs)
        return stamps[-1]


def a_bar(start_ns: int = 0) -> Bar:
    return Bar(
        symbol="SPY", timeframe=Timeframe.M1, start_ns=start_ns,
        open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0,
    )  # fmt: skip


def a_signal(symbol: str = "SPY") -> Signal:
    return Signal(
        strategy_id="ema", symbol=symbol, side=Side.BUY, intent=Intent.OPEN,
        price=1.0, valid_until_ns=9,
    )  # fmt: skip


def an_approval(signal_id: str) -> Approved:
    return Approved(
        signal_id=signal_id, strategy_id="ema", symbol="SPY", side=Side.BUY, intent=Intent.OPEN,
        quantity=Decimal(1), order_type=OrderType.MARKET, limit_price=None,
        time_in_force=TimeInForce.DAY, valid_until_ns=9,
    )  # fmt: skip


def a_submission(signal_id: str) -> Submitting:
    return Submitting(
        order_id="o", client_order_id="c", signal_id=signal_id, strategy_id="ema", symbol="SPY",
        side=Side.BUY, intent=Intent.OPEN, quantity=Decimal(1), order_type=OrderType.MARKET,
        limit_price=None, time_in_force=TimeInForce.DAY, valid_until_ns=9,
    )  # fmt: skip


def a_report(signal_id: str) -> Report:
    return Report(
        client_order_id="c", signal_id=signal_id, symbol="SPY", kind="fill", execution_id="e",
        quantity=Decimal(1), price=Decimal(1),
    )  # fmt: skip


def a_fill(signal_id: str) -> Filled:
    return Filled(
        order_id="o", client_order_id="c", signal_id=signal_id, strategy_id="ema", symbol="SPY",
        side=Side.BUY, execution_id="e", intent=Intent.OPEN, quantity=Decimal(1), price=Decimal(1),
        commission=Decimal(0), cumulative_quantity=Decimal(1), order_quantity=Decimal(1),
        is_complete=True,
    )  # fmt: skip
