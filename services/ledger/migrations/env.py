"""What Alembic executes for each command: on the connection that the caller brings."""

from alembic import context
from alembic.runtime.migration import MigrationInfo
from sqlalchemy import text

from services.ledger.schema import metadata

LOCK = 0x7461_7065_6465_636B  # "tapedeck": one migration at a time, whoever starts it

connection = context.config.attributes["connection"]
applied: list[str] = context.config.attributes["applied"]


def _note(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001
    applied.append(str(step.up_revision_id))


context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_server_default=True,
    on_version_apply=_note,
)
with context.begin_transaction():
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    context.run_migrations()
