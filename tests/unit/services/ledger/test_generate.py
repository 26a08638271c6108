"""What is generated or written twice agrees with the tables."""

from services.ledger import generate, schema
from services.ledger.adapters import statements
from services.ledger.adapters.records import TABLES


def test_the_writers_statements_are_what_the_tables_say() -> None:
    advice = "run `python -m services.ledger.generate`"
    assert generate.TARGET.read_text(encoding="utf-8") == generate.render(), advice


def test_every_row_has_the_columns_of_its_table_in_their_order() -> None:
    for row, table in TABLES.items():
        columns = [column.name for column in schema.metadata.tables[table].columns]
        assert list(row.__struct_fields__) == columns, table


def test_every_table_is_written_by_copy_or_upsert() -> None:
    written = {*statements.COPY, *statements.UPSERT, "ledger_cursor"}
    assert written == set(schema.metadata.tables)


def test_keys_lead_their_rows() -> None:
    for table, width in statements.KEY_WIDTH.items():
        columns = list(schema.metadata.tables[table].columns)
        assert list(schema.metadata.tables[table].primary_key.columns) == columns[:width]
