"""A signed position with its cost, and the pure functions that change it.

Every book of the desk (paper broker, risk, strategies, ledger) folds fills and corporate actions
with these functions, so all of them agree to the last digit. The cost is kept, not the average:
adding to it is exact, and what a fill moves out of it is rounded once, to COST_STEP. Therefore

    cash flow of the fill  ==  realized P&L  -  change of cost                    (INV-POSITION)

holds exactly for every fill: nothing is made or lost by rounding.
"""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from msgspec import Struct

from shared.domain.errors import InvariantError, ensure
from shared.domain.values import ZERO, to_cents

COST_STEP = Decimal("0.00000001")
QUANTITY_STEP = Decimal("0.000000001")  # nine decimals: the finest fraction of a share brokers book
RATIO_DENOMINATOR_MAX = 10_000  # a split of 1 for 10,000 is the harshest on record

SPLIT = "split"
DIVIDEND = "dividend"


class Position(Struct, frozen=True):
    """Shares held (negative: sold short) and what they were bought (negative: sold short) for.

    `cost` has the sign of `quantity` and is money without commission; a flat position costs 0.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def average_cost(self) -> Decimal:
        """Cost per share, without commission; 0 when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    def unrealized_pnl(self, price: Decimal) -> Decimal:
        """What closing at `price` would realise."""
        return self.quantity * price - self.cost


FLAT = Position()


def apply_fill(
    position: Position, signed_quantity: Decimal, price: Decimal
) -> tuple[Position, Decimal]:
    """Book a fill of `signed_quantity` (negative: sold) at `price` per share; return the position
    after it, and the profit (negative: loss) that it realised.

    Opens, adds, reduces or flips. Commission and fees are the caller's: they are no cost of the
    position here. Raises InvariantError for a fill of nothing.
    """
    if not signed_quantity:
        raise InvariantError("INV-POSITION", "a fill moves at least a fraction of a share")
    held, is_buy = position.quantity, signed_quantity > ZERO
    after = held + signed_quantity
    if not held or (held > ZERO) is is_buy:
        return Position(after, position.cost + signed_quantity * price), ZERO
    flips = bool(after) and (after > ZERO) is is_buy
    closing = -held if flips else signed_quantity
    released = position.cost if flips or not after else _part_of_cost(position, closing)
    opening = signed_quantity - closing
    cost = position.cost - released + opening * price
    return Position(after, cost), -closing * price - released


def _part_of_cost(position: Position, closing: Decimal) -> Decimal:
    share = position.cost * -closing / position.quantity
    return share.quantize(COST_STEP, ROUND_HALF_EVEN)


def split_quantity(quantity: Decimal, ratio: float) -> Decimal:
    """Return the shares that `quantity` shares become; no cash in lieu, fractions are kept.

    `ratio` is taken as the simple fraction it stands for (0.3333333333333333 is 1 for 3), so
    300 shares become 100 and not 99.99999999999999. What no nine decimals can hold is cut.
    """
    ensure(ratio > 0, "INV-ACTION", f"a split ratio is positive, was {ratio}")
    simple = Fraction(ratio).limit_denominator(RATIO_DENOMINATOR_MAX)
    exact = quantity * simple.numerator / simple.denominator
    return exact.quantize(QUANTITY_STEP, ROUND_DOWN).normalize() + ZERO


def dividend(quantity: Decimal, cash_per_share: float) -> Decimal:
    """Return the cash, in whole cents, that a holding receives (negative: a short pays)."""
    return to_cents(quantity * Decimal(repr(cash_per_share)))


def is_news(seen: dict[str, str], symbol: str, kind: str, ex_date: str) -> bool:
    """Tell whether a corporate action is new, and note it in `seen`.

    Two feeds may report one action; a book applies it once. `ex_date` is an ISO date, so text
    order is time order.
    """
    key = f"{symbol} {kind}"
    if ex_date <= seen.get(key, ""):
        return False
    seen[key] = ex_date
    return True
