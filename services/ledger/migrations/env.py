"""What Alembic executes for each command: on the connection that the caller brings."""

from alembic import context
from alembic.runtime.migration import MigrationInfo

from services.ledger.schema import metadata

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
    context.run_migrations()
