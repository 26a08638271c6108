"""Settings of the ledger. Defaults live here and nowhere else."""

from decimal import Decimal

from pydantic import Field

from shared.config.desk import DeskSettings, Section


class BooksSettings(Section):
    """What the core decides by; part of its birth certificate."""

    cash_tolerance: Decimal = Field(default=Decimal("0.01"), ge=0)
    """Difference in cash between books and broker that is rounding, not an error; money."""


class WriterSettings(Section):
    """How rows get from memory to PostgreSQL; without influence on what the rows say."""

    batch_events_max: int = Field(default=1_000, ge=1, le=10_000)
    """Events in one transaction: beyond 1,000 COPY gains little and a crash repeats more."""
    flush_ms: float = Field(default=50.0, gt=0, le=10_000)
    """Longest time that an event waits for others before its transaction begins."""
    trail_ms: float = Field(default=20.0, ge=0, le=1_000)
    """Age an event must have before it is committed: two sync intervals of the tape's server,
    so that after a power cut the database does not know more than the tape."""
    queue_events_max: int = Field(default=10_000, ge=1, le=1_000_000)
    """Events in memory before the tape's reader has to wait."""
    retry_ms: float = Field(default=100.0, gt=0)
    """First pause before PostgreSQL is tried again; doubles, with jitter, up to `retry_max_ms`."""
    retry_max_ms: float = Field(default=5_000.0, gt=0)
    command_timeout_s: float = Field(default=30.0, gt=0)
    """Longest time for one statement; then the connection is given up and made anew."""
    flush_timeout_s: float = Field(default=8.0, gt=0)
    """Longest time that `flush` waits for PostgreSQL before it says that it is not there."""


class LedgerSettings(Section):
    """The section `ledger`."""

    books: BooksSettings = BooksSettings()
    writer: WriterSettings = WriterSettings()


class LedgerServiceSettings(DeskSettings):
    """What the ledger service reads."""

    ledger: LedgerSettings = LedgerSettings()
