"""The tables of the audit trail, as SQLAlchemy Core objects: the one definition.

The migrations create what stands here (a test compares them), `statements` is generated from
it, `queries` reads through it. Money and shares are `numeric` without a scale: exact, never
rounded by the database. Times are nanoseconds UTC in `*_ns`; `ts` beside them is for people.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

REVISION = "0001"
"""The migration that makes these tables; the service refuses a database at another one."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str) -> Column[str]:
    # Ids, symbols and subjects are compared byte by byte: no locale, and faster indexes.
    return Column(name, String(collation="C"), nullable=False)


def _big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _exact(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Numeric, nullable=nullable)


def _moment(name: str, source: str) -> Column[object]:
    moment = Computed(
        f"to_timestamp({source}::double precision / '1000000000'::double precision)", persisted=True
    )
    return Column(name, DateTime(timezone=True), moment)


tape_events = Table(
    "tape_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("subject"),
    _text("service"),
    _text("actor"),
    _text("event"),
    _text("symbol"),
    _text("message_id"),
    _text("causation_id"),
    _text("correlation_id"),
    _big("ts_ns"),
    _big("recorded_ns"),
    # `json`, not `jsonb`: it keeps the text as it was on the wire, which the hash covers.
    Column("payload", JSON, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _moment("ts", "ts_ns"),
    # Not unique: a copy of market data that slipped past the server's window of two minutes is
    # on the tape twice, and what is on the tape is stored. `seq` is what is exactly once.
    Index(None, "message_id"),
    Index(None, "correlation_id"),
    Index("ix_tape_events_caused", "causation_id", postgresql_where="causation_id <> ''"),
    Index(None, "event", "symbol", "seq"),
    Index(None, "ts", postgresql_using="brin"),
    comment="Every message of the tape, as it was on the wire; append-only, chained by hash.",
)

ledger_cursor = Table(
    "ledger_cursor",
    metadata,
    _text("tape_id"),
    _text("book"),
    _big("seq"),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tape_id", "book"),
    comment="How far the tape is stored, and the hash of its last event; moves with the rows.",
)

orders = Table(
    "orders",
    metadata,
    _text("book"),
    _text("order_id"),
    _text("client_order_id"),
    _text("signal_id"),
    _text("strategy_id"),
    _text("symbol"),
    _text("side"),
    _text("intent"),
    _text("order_type"),
    _text("time_in_force"),
    _exact("quantity"),
    _exact("limit_price", nullable=True),
    _big("opened_seq"),
    _big("opened_ns"),
    _text("status"),
    _text("broker_order_id"),
    _exact("filled_quantity"),
    _exact("filled_notional"),
    _exact("commission"),
    _exact("fees"),
    _text("reason"),
    _big("updated_seq"),
    _big("updated_ns"),
    PrimaryKeyConstraint("book", "order_id"),
    Index(None, "book", "opened_seq"),
    Index(None, "signal_id"),
    comment="Each order as it stands.",
)

fills = Table(
    "fills",
    metadata,
    _text("book"),
    _text("execution_id"),
    _big("seq"),
    _big("ts_ns"),
    _text("order_id"),
    _text("signal_id"),
    _text("strategy_id"),
    _text("symbol"),
    _text("side"),
    _text("intent"),
    _exact("quantity"),
    _exact("price"),
    _exact("commission"),
    _exact("fees"),
    _exact("realized_pnl"),
    PrimaryKeyConstraint("book", "execution_id"),
    UniqueConstraint("book", "seq"),
    Index(None, "order_id"),
    comment="Each execution, once; append-only.",
)

positions = Table(
    "positions",
    metadata,
    _text("book"),
    _text("strategy_id"),
    _text("symbol"),
    _exact("quantity"),
    _exact("cost"),
    _exact("realized_pnl"),
    _big("seq"),
    _big("ts_ns"),
    PrimaryKeyConstraint("book", "strategy_id", "symbol"),
    comment="What each strategy holds; strategy '' holds what was there before the desk.",
)

equity = Table(
    "equity",
    metadata,
    _text("book"),
    _big("minute_ns"),
    _big("seq"),
    _big("ts_ns"),
    _exact("cash"),
    _exact("market_value"),
    _exact("equity"),
    _exact("realized_pnl"),
    _exact("unrealized_pnl"),
    _exact("dividends"),
    _exact("commission"),
    _exact("fees"),
    Column("marks", JSONB, nullable=False),
    PrimaryKeyConstraint("book", "minute_ns"),
    comment="The worth of the books at the end of each minute in which it could change.",
)

journal_entries = Table(
    "journal_entries",
    metadata,
    _text("book"),
    _big("seq"),
    Column("entry", Integer, nullable=False),
    _big("ts_ns"),
    _text("kind"),
    _text("symbol"),
    _text("strategy_id"),
    PrimaryKeyConstraint("book", "seq", "entry"),
    comment="Economic events; append-only.",
)

journal_lines = Table(
    "journal_lines",
    metadata,
    _text("book"),
    _big("seq"),
    Column("entry", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    _text("account"),
    _exact("amount"),
    _exact("quantity"),
    PrimaryKeyConstraint("book", "seq", "entry", "line"),
    Index(None, "book", "account"),
    comment="Debits (positive) and credits of each entry, summing to zero; append-only.",
)

decisions = Table(
    "decisions",
    metadata,
    _text("book"),
    _big("seq"),
    _big("ts_ns"),
    _text("signal_id"),
    _text("strategy_id"),
    _text("symbol"),
    _text("side"),
    _text("intent"),
    Column("is_approved", Boolean, nullable=False),
    _exact("quantity"),
    Column("checks", JSONB, nullable=False),
    PrimaryKeyConstraint("book", "seq"),
    Index(None, "signal_id"),
    comment="What risk decided, with every check; append-only.",
)

closed_days = Table(
    "closed_days",
    metadata,
    _text("book"),
    _text("session"),
    _big("seq"),
    _big("ts_ns"),
    _text("currency"),
    _exact("cash"),
    _exact("equity"),
    _exact("realized_pnl"),
    _exact("unrealized_pnl"),
    _exact("commission"),
    Column("fills", Integer, nullable=False),
    Column("is_balanced", Boolean, nullable=False),
    PrimaryKeyConstraint("book", "session"),
    comment="The books at the close of each session; totals run from the opening.",
)

mismatches = Table(
    "mismatches",
    metadata,
    _text("book"),
    _text("subject"),
    _big("opened_seq"),
    _big("ts_ns"),
    _exact("booked"),
    _exact("stated"),
    _text("detail"),
    _big("settled_seq", nullable=True),
    PrimaryKeyConstraint("book", "subject", "opened_seq"),
    comment="Where books and broker disagreed, and until when.",
)

APPEND_ONLY = (tape_events, fills, journal_entries, journal_lines, decisions)
PROJECTIONS = (ledger_cursor, orders, positions, equity, closed_days, mismatches)
