"""The paper broker: orders and market data in, the facts a broker would report out.

It stands where a real broker's adapter stands: on the lane `broker.<book>`, answering
`submitting` and `cancelling` with `ack`, `refused`, `report` and `snapshot`. Orders of one symbol
are served in order of arrival and share what the market offers. How prices are made is in
`pricing`, what it costs in `costs`, what the account may take on in `account`.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from services.execution.config import PaperSettings
from services.execution.paper.account import execute, hold, lacking, statement
from services.execution.paper.pricing import (
    Offer,
    fill_price,
    offer_of_bar,
    offer_of_quote,
    offer_of_trade,
)
from services.execution.paper.state import PaperState, Resting
from shared.core import NEVER_NS, Patience, Stamp
from shared.domain.positions import DIVIDEND, SPLIT, dividend, is_news, split_quantity
from shared.domain.values import ZERO, OrderType, Side, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Ack, Refused, Report
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
        )
        self._state = PaperState(cash=settings.starting_cash)
        self._patience = Patience(self._state.resting, NEVER_NS)

    @property
    def lane(self) -> Lane:
        """The lane of this book's broker."""
        return self._lane

    @property
    def reads(self) -> Sequence[str]:
        """The book's orders and the market."""
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
            symbol = message.symbol
            state.prices[symbol] = message.close
            if stamp.ts_ns > state.now_ns:  # noqa: PLR1730 - max() costs a call, a million times
                state.now_ns = stamp.ts_ns
            if symbol in state.resting:
                return self._bar(stamp, message)
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
        match message:
            case Quote() | Trade():
                outputs = self._ticks(stamp, message)
            case Submitting():
                outputs = self._submit(message)
            case Cancelling():
                outputs = self._cancel(message)
            case CorporateAction():
                outputs = self._act(message)
            case MarketStatus():
                self._halt(message)
            case _:
                pass
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
        order = _resting(message, state)
        code, detail = self._refusal(message, order)
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

    def _refusal(self, message: Submitting, order: Resting) -> tuple[str, str]:
        """Say why an order does not come in: (code, detail), or two empty texts."""
        if self._state.now_ns > message.valid_until_ns:
            return "expired", f"{(self._state.now_ns - message.valid_until_ns) / 1e9:.3f} s ago"
        if message.quantity <= 0:
            return "zero_quantity", f"was {message.quantity}"
        limit = message.limit_price
        if message.order_type is OrderType.LIMIT and (limit is None or limit <= 0):
            return "limit_price", f"was {limit}"
        if self._state.resting_count >= self._settings.max_resting_orders:
            return "too_many_orders", f"{self._state.resting_count} are resting"
        missing = lacking(self._state, order, self._settings)
        if missing:
            return "insufficient_funds", f"{missing:.2f} {self._settings.currency} are missing"
        return "", ""

    def _cancel(self, message: Cancelling) -> tuple[Message, ...]:
        for order in self._state.resting.get(message.symbol, []):
            if order.client_order_id == message.client_order_id:
                return (self._end(order, "cancelled", message.reason),)
        return ()

    def _bar(self, stamp: Stamp, bar: Bar) -> tuple[Message, ...]:
        wanted = self._settings.fill_timeframe
        if (
            stamp.lane == AGGREGATED
            or bar.symbol in self._state.ticking
            or (wanted is not None and bar.timeframe is not wanted)
        ):
            return ()
        return self._meet(bar.symbol, offer_of_bar(bar, self._settings.participation))

    def _ticks(self, stamp: Stamp, message: Quote | Trade) -> tuple[Message, ...]:
        """Meet orders with quotes, or with trades where there are no quotes."""
        state, symbol = self._state, message.symbol
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        reports = () if state.has_stated else self._state_account()
        for offer in self._offers(message):
            if symbol in state.resting:
                reports += self._meet(symbol, offer)
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

    def _meet(self, symbol: str, offer: Offer) -> tuple[Message, ...]:
        """Serve a symbol's orders, in order of arrival, from one offer."""
        state, reports = self._state, list[Message]()
        buyable, sellable = offer.buyable, offer.sellable
        if symbol in state.halted:
            buyable = sellable = ZERO
        for order in tuple(state.resting[symbol]):
            if offer.begins_ns < order.since_ns:
                continue
            is_buy = order.side is Side.BUY
            report = self._fill(order, offer, buyable if is_buy else sellable)
            if report is not None:
                reports.append(report)
                if is_buy or not offer.is_quote:
                    buyable -= report.quantity
                if not (is_buy and offer.is_quote):
                    sellable -= report.quantity
            reports += self._after_offer(order, offer)
        return tuple(reports)

    def _fill(self, order: Resting, offer: Offer, available: Decimal) -> Report | None:
        if available <= 0:
            return None
        price = fill_price(order, offer, self._settings.slippage_bps)
        if price is None:
            return None
        quantity = min(order.remaining, available)
        return execute(self._state, order, quantity, price, self._settings)

    def _after_offer(self, order: Resting, offer: Offer) -> tuple[Message, ...]:
        """Take a filled order out; end an IOC after its first chance, and a DAY order after a
        bar that was the whole day.
        """
        if not order.remaining:
            self._take_out(order)
            return ()
        if order.time_in_force is TimeInForce.IOC:
            return (self._end(order, "cancelled", "ioc"),)
        if order.time_in_force is TimeInForce.DAY and offer.is_session:
            return (self._end(order, "expired"),)
        return ()

    def _clock(self, clock: Clock) -> tuple[Message, ...]:
        """Notice that a session begins or the market opens or closes."""
        state = self._state
        opening = () if state.has_stated else self._state_account()
        begins = clock.session not in ("", state.session)
        ended = self._end_of_day() if begins or state.is_open else ()
        state.is_open = clock.is_open
        if begins:
            state.session = clock.session
        if clock.is_open:
            self._let_live()
        stated = self._state_account() if begins and not opening else ()
        return opening + ended + stated

    def _end_of_day(self) -> tuple[Message, ...]:
        """Expire the DAY orders that lived in the session that ends."""
        over = [
            order
            for orders in self._state.resting.values()
            for order in orders
            if order.time_in_force is TimeInForce.DAY and order.session
        ]
        return tuple(self._end(order, "expired") for order in over)

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
            ended = tuple(self._end(order, "cancelled", "split") for order in orders)
        elif action.kind == DIVIDEND:
            state.cash += dividend(held, action.cash_per_share)
        return ended + (self._state_account() if held else ())

    def _end(self, order: Resting, kind: str, reason: str = "") -> Report:
        self._take_out(order)
        return Report(
            client_order_id=order.client_order_id,
            signal_id=order.signal_id,
            symbol=order.symbol,
            kind=kind,
            reason=reason,
        )

    def _take_out(self, order: Resting) -> None:
        orders = self._state.resting[order.symbol]
        orders.remove(order)
        self._state.resting_count -= 1
        if not orders:
            del self._state.resting[order.symbol]


_MARKET = ("bar", "quote", "trade", "status", "action")


def _resting(message: Submitting, state: PaperState) -> Resting:
    return Resting(
        client_order_id=message.client_order_id,
        signal_id=message.signal_id,
        symbol=message.symbol,
        side=message.side,
        quantity=message.quantity,
        order_type=message.order_type,
        limit_price=message.limit_price,
        time_in_force=message.time_in_force,
        number=state.orders + 1,
        since_ns=state.now_ns,
        session=state.session if state.is_open else "",
        remaining=message.quantity,
    )
