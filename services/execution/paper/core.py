"""The paper broker: orders and market data in, the facts a broker would report out.

It stands where a real broker's adapter stands: on the lane `broker.<book>`, answering
`submitting` and `cancelling` with `ack`, `refused`, `report`, `charge` and `snapshot`. Which orders
come in is in `admission`, who is served first in `matching`, at what price in `pricing`, what it
costs in `costs` and `financing`, what the account may take on in `account`.
"""

from collections.abc import Sequence

import msgspec

from services.execution.config import PaperSettings
from services.execution.paper.account import hold, statement
from services.execution.paper.admission import obey_kill, refusal, resting_of
from services.execution.paper.financing import charge_night, note_night
from services.execution.paper.matching import end, meet
from services.execution.paper.pricing import Offer, offer_of_bar, offer_of_quote, offer_of_trade
from services.execution.paper.state import PaperState, Resting
from shared.core import NEVER_NS, Patience, Stamp
from shared.domain.positions import DIVIDEND, SPLIT, dividend, is_news, split_quantity
from shared.domain.values import ZERO, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Ack, Refused
from shared.messages.control import Kill, Resume
from shared.messages.market import Bar, Clock, CorporateAction, MarketStatus, Quote, Trade
from shared.messages.orders import Cancelling, Submitting
from shared.subjects import AGGREGATED, Lane, lane, reading

_TRADES, _QUOTES = 1, 2

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PaperState).decode


class PaperBroker:
    """The actor `broker.<book>` of a book that trades on paper."""

    def __init__(self, settings: PaperSettings, book: str) -> None:
        self._settings = settings
        self._lane = lane("broker", book)
        self._reads = (
            reading("execution", book, "submitting", ">"),
            reading("execution", book, "cancelling", ">"),
            *(reading("data", "*", kind, ">") for kind in _MARKET),
            reading("data", "*", "clock"),
            *(reading("control", "*", command) for command in ("kill", "resume")),
        )
        self._state = PaperState(cash=settings.starting_cash)
        self._patience = Patience(self._state.resting, NEVER_NS, minds_time=False)

    @property
    def lane(self) -> Lane:
        """The lane of this book's broker."""
        return self._lane

    @property
    def reads(self) -> Sequence[str]:
        """The book's orders, the market, and who stops trading or lets it go on."""
        return self._reads

    @property
    def patience(self) -> Patience:
        """Bars matter to orders that rest, and otherwise as the newest price."""
        return self._patience

    @property
    def state(self) -> PaperState:
        """What the core knows; for inspection only."""
        return self._state

    def snapshot(self) -> bytes:
        """Return the state as JSON; dictionaries in insertion order, which is part of it."""
        return _encode(self._state)

    def restore(self, state: bytes, /) -> None:
        """Take over a snapshot; MsgspecError when it is not one."""
        self._state = _decode(state)
        self._patience.bars = self._state.resting

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message. Bars that no order waits for and clocks that change nothing are
        what a backtest is made of; they pass in a fraction of a microsecond.
        """
        state = self._state
        if type(message) is Bar:
            if stamp.lane == AGGREGATED:
                return ()  # a longer bar tells an old price late
            symbol = message.symbol
            state.prices[symbol] = message.close
            if stamp.ts_ns > state.now_ns:  # noqa: PLR1730 - max() costs a call, a million times
                state.now_ns = stamp.ts_ns
            if symbol in state.resting:
                return self._bar(message)
            return () if state.has_stated else self._state_account()
        if type(message) is Clock:
            if message.ts_ns > state.now_ns:  # noqa: PLR1730 - as above
                state.now_ns = message.ts_ns
            if message.is_open is state.is_open and message.session == state.session:
                return () if state.has_stated else self._state_account()
            return self._clock(message)
        return self._other(stamp, message)

    def _other(self, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        outputs: tuple[Message, ...] = ()
        if type(message) is Submitting:
            outputs = self._submit(message)
        elif type(message) is Quote or type(message) is Trade:
            outputs = self._ticks(stamp, message)
        elif type(message) is Cancelling:
            outputs = self._cancel(message)
        elif type(message) is CorporateAction:
            outputs = self._act(message)
        elif type(message) is MarketStatus:
            self._halt(message)
        elif type(message) is Kill or type(message) is Resume:
            obey_kill(self._state, stamp, message)
        return outputs

    def _halt(self, status: MarketStatus) -> None:
        if status.halted:
            self._state.halted[status.symbol] = None
        else:
            self._state.halted.pop(status.symbol, None)

    def _state_account(self) -> tuple[Message, ...]:
        self._state.has_stated = True
        return (statement(self._state, self._settings.currency),)

    def _submit(self, message: Submitting) -> tuple[Message, ...]:
        state = self._state
        order = resting_of(message, state, self._settings)
        code, detail = refusal(message, order, state, self._settings)
        if code:
            refused = Refused(
                client_order_id=message.client_order_id,
                signal_id=message.signal_id,
                symbol=message.symbol,
                code=code,
                detail=detail,
            )
            return (refused,)
        state.orders = order.number
        state.resting_count += 1
        state.resting.setdefault(order.symbol, []).append(order)
        return (
            Ack(
                client_order_id=order.client_order_id,
                signal_id=order.signal_id,
                symbol=order.symbol,
                broker_order_id=f"paper-{order.number}",
            ),
        )

    def _cancel(self, message: Cancelling) -> tuple[Message, ...]:
        for order in self._state.resting.get(message.symbol, []):
            if order.client_order_id == message.client_order_id:
                return (end(self._state, order, "cancelled", message.reason),)
        return ()

    def _bar(self, bar: Bar) -> tuple[Message, ...]:
        wanted = self._settings.fill_timeframe
        if bar.symbol in self._state.ticking or (
            wanted is not None and bar.timeframe is not wanted
        ):
            return ()
        offer = offer_of_bar(bar, self._settings.participation)
        return meet(self._state, bar.symbol, offer, self._settings)

    def _ticks(self, stamp: Stamp, message: Quote | Trade) -> tuple[Message, ...]:
        """Meet orders with quotes, or with trades where there are no quotes."""
        state, symbol = self._state, message.symbol
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        reports = () if state.has_stated else self._state_account()
        for offer in self._offers(message):
            if symbol in state.resting:
                reports += meet(state, symbol, offer, self._settings)
        return reports

    def _offers(self, message: Quote | Trade) -> tuple[Offer, ...]:
        """Note the price; return what orders may fill on, nothing when none waits."""
        state, symbol = self._state, message.symbol
        if isinstance(message, Quote):
            mid = message.ticks[-1].mid
            if mid is not None:
                state.prices[symbol] = mid
            state.ticking[symbol] = _QUOTES
            if symbol not in state.resting:
                return ()
            return tuple(offer_of_quote(tick) for tick in message.ticks)
        state.prices[symbol] = message.ticks[-1].price
        if state.ticking.setdefault(symbol, _TRADES) != _TRADES or symbol not in state.resting:
            return ()
        return tuple(offer_of_trade(tick, self._settings.participation) for tick in message.ticks)

    def _clock(self, clock: Clock) -> tuple[Message, ...]:
        """Notice that a session begins or the market opens or closes."""
        state = self._state
        opening = () if state.has_stated else self._state_account()
        begins = clock.session not in ("", state.session)
        ended = self._end_of_day(begins=begins) if begins or state.is_open else ()
        if state.is_open:
            note_night(state)
        charged = charge_night(state, clock.session, self._settings) if begins else ()
        state.is_open = clock.is_open
        if begins:
            state.session = clock.session
        if clock.is_open:
            self._let_live()
        stated = self._state_account() if begins and not opening else ()
        return opening + ended + charged + stated

    def _end_of_day(self, *, begins: bool) -> tuple[Message, ...]:
        """Expire what lived in the session that ends; EXT orders once another one begins."""
        over = [
            order
            for orders in self._state.resting.values()
            for order in orders
            if order.session
            and (order.time_in_force in _OF_A_SESSION or (begins and _is_extended(order)))
        ]
        return tuple(end(self._state, order, "expired") for order in over)

    def _let_live(self) -> None:
        """Give the orders that waited for an opening their session."""
        for orders in self._state.resting.values():
            for order in orders:
                order.session = order.session or self._state.session

    def _act(self, action: CorporateAction) -> tuple[Message, ...]:
        """Apply a split or a cash dividend once; a split cancels what rests in old shares."""
        state, symbol = self._state, action.symbol
        if not is_news(state.actions, symbol, action.kind, action.ex_date):
            return ()
        ended: tuple[Message, ...] = ()
        held = state.positions.get(symbol, ZERO)
        if action.kind == SPLIT:
            hold(state, symbol, split_quantity(held, action.ratio))
            if symbol in state.prices:
                state.prices[symbol] /= action.ratio
            orders = tuple(state.resting.get(symbol, ()))
            ended = tuple(end(state, order, "cancelled", "split") for order in orders)
        elif action.kind == DIVIDEND:
            state.cash += dividend(held, action.cash_per_share)
        return ended + (self._state_account() if held else ())


_MARKET = ("bar", "quote", "trade", "status", "action")
_OF_A_SESSION = (TimeInForce.DAY, TimeInForce.OPG, TimeInForce.CLS)


def _is_extended(order: Resting) -> bool:
    return order.time_in_force is TimeInForce.EXT
