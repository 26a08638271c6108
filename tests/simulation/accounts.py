"""Money and shares, worked out again from the tape: the broker's account, the books, the rows."""

from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import cast

from shared.messages.books import ClosedDay
from shared.messages.broker import BrokerSnapshot, Charge, Report
from shared.messages.market import CorporateAction
from shared.messages.orders import Account, Charged, Filled, Submitting
from tests.simulation.evidence import Breach, Evidence, Fact
from tests.simulation.keeping import Database

ZERO = Decimal(0)
CENT = Decimal("0.01")
SHARE = Decimal("0.000000001")
TOLERANCE = Decimal("0.01")


class Purse:
    """Cash and shares, moved by fills, charges and corporate actions."""

    def __init__(self) -> None:
        self.cash = ZERO
        self.shares: dict[str, Decimal] = {}
        self.commission = ZERO
        self.fills = 0
        self._seen: dict[tuple[str, str], str] = {}

    def trade(self, symbol: str, signed: Decimal, fill: Report | Filled) -> None:
        """Buy or sell at the fill's price."""
        self.cash -= signed * fill.price + fill.commission + fill.fees
        self.shares[symbol] = self.shares.get(symbol, ZERO) + signed
        self.commission += fill.commission
        self.fills += 1

    def act(self, action: CorporateAction) -> None:
        """Split shares or take a dividend, once for each date."""
        key = (action.symbol, action.kind)
        if action.ex_date <= self._seen.get(key, ""):
            return
        self._seen[key] = action.ex_date
        held = self.shares.get(action.symbol, ZERO)
        if action.kind == "split":
            after = held * Decimal(str(action.ratio))
            self.shares[action.symbol] = after.quantize(SHARE, ROUND_DOWN)
        elif action.kind == "dividend":
            paid = held * Decimal(str(action.cash_per_share))
            self.cash += paid.quantize(CENT, ROUND_HALF_EVEN)

    def held(self) -> dict[str, Decimal]:
        """Return the shares that are not none."""
        return {symbol: held for symbol, held in sorted(self.shares.items()) if held}


def _actions(evidence: Evidence) -> list[tuple[Fact, CorporateAction]]:
    return [(fact, action) for fact, action in evidence.of(CorporateAction) if fact.is_news]


def check_account(evidence: Evidence) -> Iterator[Breach]:
    """INV-ACCOUNT: what the broker states is what its reports, charges and the actions make."""
    sides = {order.client_order_id: order.side.sign for _, order in evidence.of(Submitting)}
    actions = _actions(evidence)
    purse, is_open, done = Purse(), False, 0
    for fact in evidence.facts:
        if fact.lane != "broker.main":
            continue
        while done < len(actions) and actions[done][0].seq <= fact.cause:
            purse.act(actions[done][1])
            done += 1
        match fact.message:
            case Report(kind="fill") as report:
                signed = report.quantity * sides[report.client_order_id]
                purse.trade(report.symbol, signed, report)
            case Charge() as charge:
                purse.cash -= charge.amount
            case BrokerSnapshot() as stated:
                if not is_open:
                    is_open, purse.cash = True, stated.cash
                theirs = {s: held for s, held in sorted(stated.positions.items()) if held}
                if (stated.cash, theirs) != (purse.cash, purse.held()):
                    text = f"states {stated.cash} and {theirs},"
                    text += f" worked out {purse.cash} and {purse.held()}"
                    yield Breach("INV-ACCOUNT", fact.seq, text)
            case _:
                pass
    stated_by_broker = [s for _, s in evidence.of(BrokerSnapshot)]
    passed_on = [(a.cash, a.positions) for _, a in evidence.of(Account)]
    if passed_on != [(s.cash, s.positions) for s in stated_by_broker]:
        yield Breach("INV-ACCOUNT", 0, "execution passes other statements on than the broker made")


def books(evidence: Evidence) -> Iterator[tuple[Fact, Purse]]:
    """Yield the books after every message, worked out in tape order as the ledger must."""
    purse, is_open = Purse(), False
    for fact in evidence.facts:
        match fact.message:
            case Filled() as fill:
                purse.trade(fill.symbol, fill.quantity * fill.side.sign, fill)
            case Charged() as charged:
                purse.cash -= charged.amount
            case CorporateAction() as action if fact.is_news:
                purse.act(action)
            case Account() as account if not is_open:
                is_open = True
                purse.cash += account.cash
            case _:
                pass
        yield fact, purse


def check_closed_days(evidence: Evidence) -> Iterator[Breach]:
    """INV-CLOSED-DAY: the ledger's words about a day are what the tape up to its close makes."""
    closed = {fact.cause: day for fact, day in evidence.of(ClosedDay)}
    for fact, purse in books(evidence):
        day = closed.get(fact.seq)
        if day is not None:
            said = (day.cash, day.commission, day.fills)
            worked_out = (purse.cash, purse.commission, purse.fills)
            if said != worked_out:
                yield Breach("INV-CLOSED-DAY", fact.seq, f"says {said}, worked out {worked_out}")


def check_rows(evidence: Evidence, database: Database) -> Iterator[Breach]:
    """INV-TRAIL: the trail holds every message once, in order. INV-JOURNAL-ZERO: every entry sums
    to zero. INV-BOOKS: the journal's cash and shares are those of the tape.
    """
    stored = [(cast("int", record[0]), record[11]) for record in database.events]
    recorded = [(fact.seq, fact.entry.payload.decode()) for fact in evidence.facts]
    if stored != recorded[: len(stored)] or database.seq != len(stored):
        yield Breach("INV-TRAIL", database.seq, "the stored events are not the tape's")
    if len(stored) != len(recorded):
        yield Breach("INV-TRAIL", database.seq, f"{len(recorded)} messages, {len(stored)} stored")
    sums: dict[object, Decimal] = {}
    accounts: dict[str, Decimal] = {}
    shares: dict[str, Decimal] = {}
    for record in database.copies.get("journal_lines", []):
        _, seq, entry, _, account, amount, quantity = cast(
            "tuple[str, int, int, int, str, Decimal, Decimal]", record
        )
        sums[seq, entry] = sums.get((seq, entry), ZERO) + amount
        accounts[account] = accounts.get(account, ZERO) + amount
        shares[account] = shares.get(account, ZERO) + quantity
    for key, total in sums.items():
        if total:
            yield Breach("INV-JOURNAL-ZERO", 0, f"entry {key} sums to {total}")
    purse = Purse()
    for _, purse in books(evidence):  # noqa: B007 - the last one
        pass
    if accounts.get("Assets:Cash", ZERO) != purse.cash:
        text = f"the journal has {accounts.get('Assets:Cash')} cash, the tape makes {purse.cash}"
        yield Breach("INV-BOOKS", 0, text)
    prefix = "Assets:Positions:"
    booked = {a.removeprefix(prefix): q for a, q in sorted(shares.items()) if q}
    if {s: q for s, q in booked.items() if s != "Assets:Cash"} != purse.held():
        yield Breach("INV-BOOKS", 0, f"the journal has {booked}, the tape makes {purse.held()}")
    fills = [cast("str", record[1]) for record in database.copies.get("fills", [])]
    if fills != [fill.execution_id for _, fill in evidence.of(Filled)]:
        yield Breach("INV-BOOKS", 0, "the rows of fills are not the tape's fills")


def check_agreement(evidence: Evidence) -> Iterator[Breach]:
    """INV-AGREE: at the end the books have the broker's cash and shares, unless a corporate
    action came between an execution and its booking.
    """
    sides = {order.client_order_id: order.side.sign for _, order in evidence.of(Submitting)}
    actions = [fact.seq for fact, _ in _actions(evidence)]
    booked_at = {fill.execution_id: fact.seq for fact, fill in evidence.of(Filled)}
    purse = Purse()
    for fact in evidence.facts:
        match fact.message:
            case Report(kind="fill") as report:
                end = booked_at.get(report.execution_id, fact.seq)
                if any(fact.cause <= seq <= end for seq in actions):
                    return
                signed = report.quantity * sides[report.client_order_id]
                purse.trade(report.symbol, signed, report)
            case Charge() as charge:
                purse.cash -= charge.amount
            case CorporateAction() as action if fact.is_news:
                purse.act(action)
            case _:
                pass
    opening = next((s.cash for _, s in evidence.of(BrokerSnapshot)), ZERO)
    last = Purse()
    for _, last in books(evidence):  # noqa: B007 - the last one
        pass
    if abs(last.cash - purse.cash - opening) > TOLERANCE or last.held() != purse.held():
        text = f"books {last.cash} {last.held()}, broker {purse.cash + opening} {purse.held()}"
        yield Breach("INV-AGREE", 0, text)
