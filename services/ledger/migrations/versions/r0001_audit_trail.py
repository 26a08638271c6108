"""The audit trail: tape events, orders and fills, books, journal; its guards and its roles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("tape_events", "fills", "journal_entries", "journal_lines", "decisions")
_PROJECTIONS = ("ledger_cursor", "orders", "positions", "equity", "closed_days", "mismatches")

_REFUSE_CHANGE = """
CREATE FUNCTION tapedeck_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$
"""
# Looks at whole statements: the lines of an entry have to arrive in one (the writer's COPY).
_REFUSE_IMBALANCE = """
CREATE FUNCTION tapedeck_refuse_imbalance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted GROUP BY book, seq, entry HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION 'a journal entry does not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
# Roles belong to the server, not to the database: one that is there already is as good, and
# without the right to create any, the owner of the tables works alone.
_CREATE_ROLE = """
DO $$
BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role {role} was not made: this user may not create roles';
END $$
"""
_GRANT = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        GRANT {rights} ON {tables} TO {role};
    END IF;
END $$
"""


def upgrade() -> None:
    """Create everything."""
    _create_tape()
    _create_orders()
    _create_books()
    _create_journal()
    _create_guards()
    _create_roles()


def downgrade() -> None:
    """Drop everything but the roles, which other databases may use."""
    for table in (*_APPEND_ONLY, *_PROJECTIONS):
        op.drop_table(table)
    op.execute("DROP FUNCTION tapedeck_refuse_change")
    op.execute("DROP FUNCTION tapedeck_refuse_imbalance")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(collation="C"), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _exact(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(), nullable=False)


def _create_tape() -> None:
    op.create_table(
        "tape_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
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
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "ts",
            sa.DateTime(timezone=True),
            sa.Computed(
                "to_timestamp(ts_ns::double precision / '1000000000'::double precision)",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_tape_events"),
        comment="Every message of the tape, as it was on the wire; append-only, chained by hash.",
    )
    op.create_index(
        "ix_tape_events_caused",
        "tape_events",
        ["causation_id"],
        postgresql_where="causation_id <> ''",
    )
    op.create_index("ix_tape_events_correlation_id", "tape_events", ["correlation_id"])
    op.create_index("ix_tape_events_event_symbol_seq", "tape_events", ["event", "symbol", "seq"])
    op.create_index("ix_tape_events_message_id", "tape_events", ["message_id"])
    op.create_index("ix_tape_events_ts", "tape_events", ["ts"], postgresql_using="brin")
    op.create_table(
        "ledger_cursor",
        _text("tape_id"),
        _text("book"),
        _big("seq"),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tape_id", "book", name="pk_ledger_cursor"),
        comment="How far the tape is stored, and the hash of its last event; moves with the rows.",
    )


def _create_orders() -> None:
    op.create_table(
        "decisions",
        _text("book"),
        _big("seq"),
        _big("ts_ns"),
        _text("signal_id"),
        _text("strategy_id"),
        _text("symbol"),
        _text("side"),
        _text("intent"),
        sa.Column("is_approved", sa.Boolean(), nullable=False),
        _exact("quantity"),
        sa.Column("checks", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("book", "seq", name="pk_decisions"),
        comment="What risk decided, with every check; append-only.",
    )
    op.create_index("ix_decisions_signal_id", "decisions", ["signal_id"])
    op.create_table(
        "orders",
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
        sa.Column("limit_price", sa.Numeric(), nullable=True),
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
        sa.PrimaryKeyConstraint("book", "order_id", name="pk_orders"),
        comment="Each order as it stands.",
    )
    op.create_index("ix_orders_book_opened_seq", "orders", ["book", "opened_seq"])
    op.create_index("ix_orders_signal_id", "orders", ["signal_id"])
    op.create_table(
        "fills",
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
        sa.PrimaryKeyConstraint("book", "execution_id", name="pk_fills"),
        sa.UniqueConstraint("book", "seq", name="uq_fills_book_seq"),
        comment="Each execution, once; append-only.",
    )
    op.create_index("ix_fills_order_id", "fills", ["order_id"])


def _create_books() -> None:
    op.create_table(
        "positions",
        _text("book"),
        _text("strategy_id"),
        _text("symbol"),
        _exact("quantity"),
        _exact("cost"),
        _exact("realized_pnl"),
        _big("seq"),
        _big("ts_ns"),
        sa.PrimaryKeyConstraint("book", "strategy_id", "symbol", name="pk_positions"),
        comment="What each strategy holds; strategy '' holds what was there before the desk.",
    )
    op.create_table(
        "equity",
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
        sa.Column("marks", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("book", "minute_ns", name="pk_equity"),
        comment="The worth of the books at the end of each minute in which it could change.",
    )
    op.create_table(
        "closed_days",
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
        sa.Column("fills", sa.Integer(), nullable=False),
        sa.Column("is_balanced", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("book", "session", name="pk_closed_days"),
        comment="The books at the close of each session; totals run from the opening.",
    )
    op.create_table(
        "mismatches",
        _text("book"),
        _text("subject"),
        _big("opened_seq"),
        _big("ts_ns"),
        _exact("booked"),
        _exact("stated"),
        _text("detail"),
        sa.Column("settled_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("book", "subject", "opened_seq", name="pk_mismatches"),
        comment="Where books and broker disagreed, and until when.",
    )


def _create_journal() -> None:
    op.create_table(
        "journal_entries",
        _text("book"),
        _big("seq"),
        sa.Column("entry", sa.Integer(), nullable=False),
        _big("ts_ns"),
        _text("kind"),
        _text("symbol"),
        _text("strategy_id"),
        sa.PrimaryKeyConstraint("book", "seq", "entry", name="pk_journal_entries"),
        comment="Economic events; append-only.",
    )
    op.create_table(
        "journal_lines",
        _text("book"),
        _big("seq"),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        _text("account"),
        _exact("amount"),
        _exact("quantity"),
        sa.PrimaryKeyConstraint("book", "seq", "entry", "line", name="pk_journal_lines"),
        comment="Debits (positive) and credits of each entry, summing to zero; append-only.",
    )
    op.create_index("ix_journal_lines_book_account", "journal_lines", ["book", "account"])


def _create_guards() -> None:
    op.execute(_REFUSE_CHANGE)
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION tapedeck_refuse_change()"
        )
    op.execute(_REFUSE_IMBALANCE)
    op.execute(
        "CREATE TRIGGER balanced AFTER INSERT ON journal_lines"
        " REFERENCING NEW TABLE AS inserted"
        " FOR EACH STATEMENT EXECUTE FUNCTION tapedeck_refuse_imbalance()"
    )


def _create_roles() -> None:
    for role in ("tapedeck_writer", "tapedeck_reader"):
        op.execute(_CREATE_ROLE.format(role=role))
    append_only = ", ".join(_APPEND_ONLY)
    projections = ", ".join(_PROJECTIONS)
    everything = f"{append_only}, {projections}, alembic_version"
    for role, rights, tables in (
        ("tapedeck_writer", "SELECT, INSERT", append_only),
        ("tapedeck_writer", "SELECT, INSERT, UPDATE", projections),
        ("tapedeck_writer", "SELECT", "alembic_version"),
        ("tapedeck_reader", "SELECT", everything),
    ):
        op.execute(_GRANT.format(role=role, rights=rights, tables=tables))
