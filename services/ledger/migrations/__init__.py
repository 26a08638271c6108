"""Alembic's scripts; `services.ledger.migrate` runs them, there is no alembic.ini."""
