from decimal import Decimal

from console.view.picture import Holding, Picture, holdings_of
from services.ledger.queries import PositionView
from shared.core import Stamp
from shared.domain.values import Intent, Side
from shared.messages.base import Message
from shared.messages.control import Deactivate, Kill
from shared.messages.decisions import Halted, Resumed
from shared.messages.orders import Account, Expired
from shared.messages.signals import Signal
from shared.subjects import lane

SIGNAL = Signal(
    strategy_id="x", symbol="A", side=Side.BUY, intent=Intent.OPEN, price=1.0, valid_until_ns=1
)


def picture() -> Picture:
    return Picture(title="t", strategies={"x": "active"}, starting_equity=Decimal(100))


def take(into: Picture, service: str, message: Message, seq: int = 1) -> None:
    into.take(Stamp(seq, 0, lane(service, "main"), "id", "story"), message)


def position(symbol: str, quantity: int, cost: int, mark: int | None) -> PositionView:
    return PositionView(
        symbol=symbol, strategy_id="x", quantity=Decimal(quantity), average_cost=Decimal(cost),
        realized_pnl=Decimal(0), mark=None if mark is None else Decimal(mark),
        market_value=None, unrealized_pnl=None,
    )  # fmt: skip


def test_the_newest_stands_on_top_and_is_counted() -> None:
    seen = picture()
    take(seen, "strategy", SIGNAL, 1)
    take(seen, "strategy", SIGNAL, 2)
    assert [one.seq for one in seen.decided] == [2, 1]
    assert seen.counts == {"signal": 2}


def test_a_halt_is_shown_until_it_is_over() -> None:
    seen = picture()
    shown = []
    for service, message in (
        ("control", Kill(reason="drill")),
        ("risk", Halted(code="killed", detail="drill")),
        ("risk", Resumed(operator="me")),
    ):
        take(seen, service, message)
        shown.append(seen.halted)
    assert shown == ["drill", "killed: drill", ""]


def test_strategies_follow_their_commands() -> None:
    seen = picture()
    take(seen, "control", Deactivate(strategy_id="x"))
    assert seen.strategies == {"x": "inactive"}


def test_orders_are_a_story_of_their_own_and_accounts_are_not() -> None:
    seen = picture()
    take(seen, "execution", Account(cash=Decimal(1), currency="USD", positions={}))
    assert not seen.traded
    expired = Expired(
        order_id="o", client_order_id="c", signal_id="s", strategy_id="x", symbol="A",
        side=Side.BUY, filled_quantity=Decimal(0),
    )  # fmt: skip
    take(seen, "execution", expired)
    assert seen.traded[0].text == "buy A"


def test_equity_is_cash_and_holdings_at_their_newest_marks() -> None:
    unknown, seen = picture(), picture()
    assert (unknown.equity, unknown.day_pnl) == (None, None)
    seen.cash, seen.booked_equity = Decimal(50), Decimal(99)
    seen.holdings = (Holding("A", Decimal(-2), Decimal(5), Decimal(4)),)
    assert (seen.equity, seen.day_pnl) == (Decimal(42), Decimal(-58))
    seen.day_opened_at = Decimal(40)
    assert seen.day_pnl == Decimal(2)
    seen.holdings = (Holding("A", Decimal(-2), Decimal(5), None),)
    assert seen.equity == 99


def test_positions_of_several_strategies_are_one_holding() -> None:
    parts = [position("A", 2, 10, 11), position("A", 1, 13, 11), position("B", -1, 5, None)]
    assert holdings_of(parts, {}) == (
        Holding("A", Decimal(3), Decimal(11), Decimal(11)),
        Holding("B", Decimal(-1), Decimal(5), None),
    )
    assert holdings_of(parts, {"B": Decimal(4)})[1].unrealized == 1


def test_a_complaint_is_shown_once() -> None:
    seen = picture()
    for text in ("a", "b", "a", "c", "d"):
        seen.complain(text)
    assert list(seen.complaints) == ["d", "c", "b"]
