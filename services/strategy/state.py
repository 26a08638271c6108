"""What a strategy core remembers, apart from the author's own attributes."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from shared.domain.values import Intent, Side

NO_SYMBOL = "-"  # stands for the symbol where a message concerns none


class Code(StrEnum):
    """Why a strategy did not say what it would have said."""

    INACTIVE = "inactive"
    PENDING = "pending"
    OPPOSITE = "opposite"
    NO_PRICE = "no_price"
    ERROR = "error"
    QUARANTINED = "quarantined"
    COMMAND_REFUSED = "command_refused"


class Instance(Struct, frozen=True, kw_only=True):
    """One configured strategy: what the core is told about itself and never changes.

    `symbols` is ("*",) for all; those of them that fall to `shard` of `shards` are its own, and
    `actor` is the name of its lane where that is not its id. A signal may be acted on for
    `signal_ttl_ns`; after `errors_max` errors in a row the strategy is taken out of service.
    """

    id: str
    book: str
    symbols: tuple[str, ...] = ("*",)
    timeframe: str = ""
    signal_ttl_ns: int = 300_000_000_000
    errors_max: int = 3
    shard: int = 1
    shards: int = 1
    actor: str = ""


class Pending(Struct):
    """A signal that has not come to an end: nothing more is said about its symbol until then.

    Until execution submits the order, it ends by itself with the signal's validity.
    """

    side: Side
    intent: Intent
    valid_until_ns: int
    order_id: str = ""

    def waits_for(self, side: Side, intent: Intent) -> bool:
        """Tell whether an answer of this kind may be the first to this signal."""
        return not self.order_id and (side, intent) == (self.side, self.intent)


class Muted(Struct, frozen=True):
    """A wish that was suppressed and reported; while it lasts it is not reported again."""

    code: Code
    side: Side
    intent: Intent


class StrategyState(Struct):
    """The state. `now_ns` is the newest market time seen; positions hold no zeros.

    `changed_seq` is the tape sequence at which the strategy last became active or inactive,
    `obeyed` holds the ids of the commands handled, oldest first, `actions` the corporate actions.
    """

    now_ns: int = 0
    is_active: bool = False
    is_quarantined: bool = False
    is_market_open: bool = False
    session_date: str = ""
    errors: int = 0
    changed_seq: int = 0
    obeyed: dict[str, None] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    positions: dict[str, Decimal] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    muted: dict[str, Muted] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
