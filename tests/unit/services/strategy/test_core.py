from decimal import Decimal
from typing import override

import pytest

from services.strategy import Strategy
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.domain.errors import ConfigurationError, InvariantError
from shared.domain.values import Intent, Side
from shared.messages.control import Activate, Deactivate, Quarantine
from shared.messages.market import Bar, CorporateAction, Quote, QuoteTick, Trade, TradeTick
from shared.messages.orders import Cancelled, Expired, Filled, Rejected
from shared.messages.signals import Signal, Suppressed
from tests.unit.services.strategy.talk import (
    MINUTE_NS,
    Talk,
    codes,
    opening,
    signal_in,
    signals,
)

BUY = (Side.BUY, Intent.OPEN)
SELL = (Side.SELL, Intent.OPEN)
LEAVE = (Side.SELL, Intent.CLOSE)
COVER = (Side.BUY, Intent.CLOSE)


class Obedient(Strategy):
    """Does what the bar's close says: above 100 buy, below 100 exit, 66 fails, 50 sells short."""

    @override
    def on_bar(self, bar: Bar) -> None:
        self.note(close=bar.close)
        if bar.close == 66:
            self.buy(bar.symbol)
            raise RuntimeError(f"the number of the beast in {object()!r}")
        if bar.close == 50:
            self.sell(bar.symbol, reason="short")
        elif bar.close > 100:
            self.buy(bar.symbol, reason="high")
        elif bar.close < 100:
            self.exit(bar.symbol, reason="low")


class Listener(Strategy):
    """Writes down every hook that was called."""

    heard: list[object]

    @override
    def on_start(self) -> None:
        self.heard = []

    @override
    def on_quote(self, quote: Quote) -> None:
        self.heard.append(("quote", quote.symbol, self.price(quote.symbol)))

    @override
    def on_trade(self, trade: Trade) -> None:
        self.heard.append(("trade", trade.symbol, self.price(trade.symbol)))

    @override
    def on_fill(self, fill: Filled) -> None:
        self.heard.append(("fill", fill.quantity, self.position(fill.symbol)))

    @override
    def on_timer(self, name: str, due_ns: int) -> None:
        self.heard.append(("timer", name, due_ns))

    @override
    def on_split(self, symbol: str, ratio: float) -> None:
        self.heard.append(("split", symbol, ratio, self.position(symbol), self.price(symbol)))

    @override
    def on_session_open(self, date: str) -> None:
        self.heard.append(("open", date))

    @override
    def on_session_close(self, date: str) -> None:
        self.heard.append(("close", date))


def test_a_wish_becomes_a_signal_with_everything_risk_must_know() -> None:
    talk = Talk(Obedient(), Instance(id="s", book="main", signal_ttl_ns=7))
    said = talk.bar(101.0)
    assert said == (
        Signal(
            strategy_id="s",
            symbol="AAPL",
            side=Side.BUY,
            intent=Intent.OPEN,
            price=101.0,
            valid_until_ns=talk.now_ns + 7,
            reason="high",
            values={"close": 101.0},
        ),
    )


def test_an_inactive_strategy_says_once_what_it_would_have_done() -> None:
    talk = Talk(Obedient(), active=False)
    assert codes(talk.bar(101.0)) == ["inactive"]
    assert talk.bar(102.0) == ()
    assert talk.bar(100.0) == ()
    assert codes(talk.bar(101.0)) == ["inactive"]


def test_it_trades_once_it_is_activated_and_no_longer_once_it_is_deactivated() -> None:
    talk = Talk(Obedient(), active=False)
    talk.command(Activate(strategy_id="s"))
    talk.fill(signal_in(talk.bar(101.0)))
    talk.command(Deactivate(strategy_id="s"))
    assert codes(talk.bar(99.0)) == ["inactive"]
    assert talk.strategy.position("AAPL") == 10


def test_a_command_is_obeyed_once_per_id() -> None:
    talk = Talk(Obedient(), active=False)
    talk.command(Activate(strategy_id="s"), "first")
    talk.command(Deactivate(strategy_id="s"), "second")
    talk.command(Activate(strategy_id="s"), "first")
    assert codes(talk.bar(101.0)) == ["inactive"]


def test_an_activation_after_its_validity_is_refused_on_the_record() -> None:
    talk = Talk(Obedient(), active=False)
    refused = talk.command(Activate(strategy_id="s", valid_until_ns=999))  # recorded at 1,000
    assert codes(refused) == ["command_refused"]
    assert codes(talk.bar(101.0)) == ["inactive"]


def test_an_activation_cannot_undo_a_newer_stop() -> None:
    talk = Talk(Obedient())
    talk.command(Deactivate(strategy_id="s"))
    assert codes(talk.command(Activate(strategy_id="s", expected_seq=1))) == ["command_refused"]
    assert talk.command(Activate(strategy_id="s", expected_seq=2)) == ()
    assert signals(talk.bar(101.0)) == [BUY]


def test_a_wish_that_is_under_way_is_not_stated_again() -> None:
    talk = Talk(Obedient())
    assert signals(talk.bar(101.0)) == [BUY]
    assert talk.bar(102.0) == ()
    assert signals(talk.bar(101.0, symbol="MSFT")) == [BUY]


def test_another_wish_has_to_wait_until_the_first_has_come_to_its_end() -> None:
    talk = Talk(Obedient())
    talk.bar(101.0)
    assert codes(talk.bar(50.0)) == ["pending"]
    assert talk.bar(50.0) == ()


def test_a_denial_ends_the_wait() -> None:
    talk = Talk(Obedient())
    talk.deny(signal_in(talk.bar(101.0)))
    assert signals(talk.bar(102.0)) == [BUY]


def test_a_denial_of_another_strategy_does_not() -> None:
    talk = Talk(Obedient())
    signal = signal_in(talk.bar(101.0))
    other = Signal(
        strategy_id="other", symbol="AAPL", side=signal.side, intent=signal.intent,
        price=1.0, valid_until_ns=0,
    )  # fmt: skip
    talk.deny(other)
    talk.fill(other)
    assert talk.strategy.is_pending("AAPL")
    assert talk.strategy.position("AAPL") == 0


def test_a_signal_that_nobody_answered_ends_with_its_validity() -> None:
    talk = Talk(Obedient(), Instance(id="s", book="main", signal_ttl_ns=90 * 10**9))
    talk.bar(101.0)
    assert talk.bar(102.0) == ()
    assert signals(talk.bar(103.0)) == [BUY]


def test_an_order_that_works_is_waited_for_however_long() -> None:
    talk = Talk(Obedient(), Instance(id="s", book="main", signal_ttl_ns=1))
    signal = signal_in(talk.bar(101.0))
    talk.submit(signal)
    assert talk.bar(102.0) == ()
    talk.fill(signal, 4, is_complete=False)
    assert codes(talk.bar(99.0)) == ["pending"]
    assert talk.strategy.is_pending("AAPL")
    assert talk.strategy.position("AAPL") == 4


@pytest.mark.parametrize("end", [Cancelled, Rejected, Expired])
def test_the_end_of_its_order_ends_the_wait(
    end: type[Cancelled] | type[Rejected] | type[Expired],
) -> None:
    talk = Talk(Obedient())
    signal = signal_in(talk.bar(101.0))
    talk.submit(signal, "o7")
    more = {"code": "no"} if end is Rejected else {"filled_quantity": Decimal(0)}
    for order_id in ("o6", "o7"):
        assert talk.bar(101.0) == ()
        talk.say(
            "execution",
            end(
                order_id=order_id, client_order_id="", signal_id="", strategy_id="s",
                symbol="AAPL", side=Side.BUY, **more,
            ),
        )  # fmt: skip
    assert signals(talk.bar(101.0)) == [BUY]


def test_its_position_is_what_its_own_fills_add_up_to() -> None:
    talk = Talk(Obedient())
    talk.fill(signal_in(talk.bar(101.0)), 30)
    assert talk.strategy.position("AAPL") == 30
    leave = talk.bar(99.0)
    assert signals(leave) == [LEAVE]
    talk.fill(signal_in(leave), 30)
    assert talk.strategy.position("AAPL") == 0
    assert talk.bar(98.0) == ()


def test_an_exit_that_is_under_way_is_not_stated_again() -> None:
    talk = Talk(Obedient())
    talk.fill(signal_in(talk.bar(101.0)))
    assert signals(talk.bar(99.0)) == [LEAVE]
    assert talk.bar(98.0) == ()


def test_being_long_already_a_buy_says_nothing() -> None:
    talk = Talk(Obedient())
    talk.fill(signal_in(talk.bar(101.0)))
    assert talk.bar(102.0) == ()


def test_the_opposite_side_asks_for_an_exit_first() -> None:
    talk = Talk(Obedient())
    talk.fill(signal_in(talk.bar(101.0)))
    assert codes(talk.bar(50.0)) == ["opposite"]


def test_a_short_position_is_covered_by_a_buy_to_close() -> None:
    talk = Talk(Obedient())
    opened = talk.bar(50.0)
    assert signals(opened) == [SELL]
    talk.fill(signal_in(opened))
    assert talk.strategy.position("AAPL") == -10
    assert signals(talk.bar(99.0)) == [COVER]


def test_what_a_failing_call_said_is_taken_back_and_the_error_is_on_record() -> None:
    talk = Talk(Obedient())
    (said,) = talk.bar(66.0)
    assert isinstance(said, Suppressed)
    assert said.code == "error"
    assert said.detail.startswith("RuntimeError: the number of the beast in <object object at 0x…>")
    assert "(test_core.py:" in said.detail
    assert signals(talk.bar(101.0)) == [BUY]


def test_errors_in_a_row_quarantine_it_until_it_is_activated() -> None:
    talk = Talk(Obedient(), Instance(id="s", book="main", errors_max=2))
    talk.bar(66.0)
    assert codes(talk.bar(66.0)) == ["error", "quarantined"]
    assert talk.bar(101.0) == ()
    talk.command(Activate(strategy_id="s"))  # names nothing: it may be older than the quarantine
    assert talk.bar(101.0) == ()
    talk.command(Activate(strategy_id="s", expected_seq=talk.seq))
    assert signals(talk.bar(101.0)) == [BUY]


def test_a_success_between_errors_starts_the_count_again() -> None:
    talk = Talk(Obedient(), Instance(id="s", book="main", errors_max=2))
    for close in (66.0, 100.0, 66.0, 100.0):
        assert "quarantined" not in codes(talk.bar(close))


def test_a_broken_invariant_is_not_contained() -> None:
    class Broken(Strategy):
        @override
        def on_bar(self, bar: Bar) -> None:
            raise InvariantError("INV-TEST", "ours")

    with pytest.raises(InvariantError, match="INV-TEST"):
        Talk(Broken()).bar(1.0)


def test_a_host_can_take_it_out_of_service() -> None:
    talk = Talk(Obedient())
    talk.command(Quarantine(strategy_id="s", from_seq=5))
    assert talk.bar(101.0) == ()


def test_quotes_and_trades_are_read_only_where_the_class_asks_for_them() -> None:
    instance = Instance(id="s", book="main", symbols=("AAPL",))
    plain, curious = StrategyCore(instance, Obedient()), StrategyCore(instance, Listener())
    asked = {"data.*.quote.AAPL", "data.*.trade.AAPL"}
    assert asked <= set(curious.reads)
    assert not asked & set(plain.reads)
    assert "data.*.bar.1m.AAPL" in plain.reads


def test_no_two_of_its_filters_overlap_and_none_covers_its_own_lane() -> None:
    reads = StrategyCore(Instance(id="s", book="main"), Listener()).reads
    assert len(set(reads)) == len(reads)
    assert not any(pattern.startswith("strategy.") for pattern in reads)


def test_every_hook_is_called_with_the_facts_up_to_date() -> None:
    strategy = Listener()
    talk = Talk(strategy)
    talk.say("data", Quote(symbol="AAPL", ticks=(QuoteTick(1, 99.0, 101.0, 1.0, 1.0),)))
    talk.say("data", Trade(symbol="AAPL", ticks=(TradeTick(1, 102.0, 1.0),)))
    wish = Signal(
        strategy_id="s", symbol="AAPL", side=Side.BUY, intent=Intent.OPEN, price=1.0,
        valid_until_ns=0,
    )  # fmt: skip
    talk.fill(wish, 10)
    split = CorporateAction(symbol="AAPL", kind="split", ex_date="2025-05-13", ratio=4.0)
    talk.say("data", split)
    talk.say("data", split)
    assert strategy.heard == [
        ("quote", "AAPL", 100.0),
        ("trade", "AAPL", 102.0),
        ("fill", 10, 10),
        ("split", "AAPL", 4.0, 40, 25.5),
    ]


def test_a_quote_with_an_empty_side_has_no_price() -> None:
    strategy = Listener()
    Talk(strategy).say("data", Quote(symbol="A", ticks=(QuoteTick(1, 0.0, 101.0, 0.0, 1.0),)))
    assert strategy.heard == [("quote", "A", None)]


def test_timers_fire_once_on_the_first_clock_at_or_past_due_earliest_first() -> None:
    strategy = Listener()
    talk = Talk(strategy)
    start = talk.now_ns
    strategy.set_timer("b", start + 20)
    strategy.set_timer("a", start + 20)
    strategy.set_timer("early", start + 10)
    strategy.set_timer("never", start + 5)
    strategy.cancel_timer("never")
    talk.clock(start + 9)
    assert strategy.heard == []
    talk.clock(start + 25)
    talk.clock(start + 26)
    assert strategy.heard == [
        ("timer", "early", start + 10),
        ("timer", "a", start + 20),
        ("timer", "b", start + 20),
    ]


def test_sessions_open_and_close_with_the_clock() -> None:
    strategy = Listener()
    talk = Talk(strategy)
    for is_open in (True, True, False, False):
        talk.clock(talk.now_ns + 1, "2025-05-13" if is_open else "", is_open=is_open)
    assert strategy.heard == [("open", "2025-05-13"), ("close", "2025-05-13")]


def test_a_split_is_invisible_to_a_crossover() -> None:
    class Watching(Strategy):
        values: list[float]

        @override
        def on_start(self) -> None:
            self.values = []

        @override
        def on_bar(self, bar: Bar) -> None:
            self.values.append(self.ema(bar.symbol, 2) / bar.close)

    strategy = Watching()
    talk = Talk(strategy)
    for _ in range(3):
        talk.bar(400.0)
    talk.say("data", CorporateAction(symbol="AAPL", kind="split", ex_date="2025-05-14", ratio=4.0))
    talk.bar(100.0)
    assert strategy.values[-1] == 1.0


def test_control_and_broker_time_is_not_market_time() -> None:
    talk = Talk(Obedient())
    talk.bar(100.0)
    market = talk.strategy.now_ns
    talk.say("control", Deactivate(strategy_id="s"), ts_ns=market + 10**15)
    assert talk.strategy.now_ns == market


def test_a_bar_belongs_to_the_session_in_which_it_starts() -> None:
    class Dated(Strategy):
        dates: list[str]

        @override
        def on_start(self) -> None:
            self.dates = []

        @override
        def on_bar(self, bar: Bar) -> None:
            self.dates.append(self.session.date if self.session else "closed")

    strategy = Dated()
    talk = Talk(strategy, start_ns=opening() - MINUTE_NS)
    talk.bar(1.0)
    talk.bar(1.0)
    talk.now_ns = opening() + 389 * MINUTE_NS
    talk.bar(1.0)
    talk.bar(1.0)
    assert strategy.dates == ["closed", "2025-05-13", "2025-05-13", "closed"]


def test_an_error_at_the_start_is_a_configuration_error() -> None:
    class Picky(Strategy):
        @override
        def on_start(self) -> None:
            raise ValueError("these parameters do not fit")

    with pytest.raises(ConfigurationError, match="strategy 's': ValueError: these parameters"):
        StrategyCore(Instance(id="s", book="main"), Picky())


def test_nothing_can_be_traded_at_the_start() -> None:
    class Hasty(Strategy):
        @override
        def on_start(self) -> None:
            self.buy("AAPL")

    with pytest.raises(ConfigurationError, match="no time and no price yet"):
        StrategyCore(Instance(id="s", book="main"), Hasty())


def test_an_unknown_timeframe_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'2m': one of .*1m, 5m"):
        StrategyCore(Instance(id="s", book="main", timeframe="2m"), Obedient())
