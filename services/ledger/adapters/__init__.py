"""The ledger's edge: PostgreSQL."""
