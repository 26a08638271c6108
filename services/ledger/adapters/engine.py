"""The SQLAlchemy engine for whoever reads or migrates; the writer itself has no need of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.ledger.adapters.failures import FAILURES, explain
from shared.domain.errors import TapedeckError


@asynccontextmanager
async def database(url: str, timeout_s: float = 5.0) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on `postgresql://…`; its statements fail with the project's errors.

    asyncpg reads the URL itself, so that it means the same here and in the writer. Each statement
    raises UnavailableError or ConfigurationError with one sentence for the operator, where it
    stands: who asks again and again goes on when the server is back.
    """

    async def connect() -> asyncpg.Connection:
        try:
            return await asyncpg.connect(url, timeout=timeout_s)
        except FAILURES as error:
            raise explain(error, url) from error

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=2, max_overflow=0
    )

    @event.listens_for(engine.sync_engine, "handle_error")
    def translate(context: ExceptionContext) -> TapedeckError | None:
        error = context.sqlalchemy_exception
        return explain(_origin(error), url) if isinstance(error, DBAPIError) else None

    try:
        yield engine
    finally:
        await engine.dispose()


def _origin(error: DBAPIError) -> BaseException:
    """Return asyncpg's own error from under the wrappers of SQLAlchemy."""
    return getattr(error.orig, "__cause__", None) or error.orig or error
