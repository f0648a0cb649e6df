"""Names in the published file mean what the glossary says."""

import duckdb

from tests.glossary import PAGE, broken, read_glossary


def test_the_published_columns_keep_to_the_glossary(published):
    with duckdb.connect(str(published.settings.serving_file), read_only=True) as con:
        columns = con.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
            "where schema_name in ('customer', 'marts')"
        ).fetchall()
    assert len(columns) > 500
    assert broken(read_glossary(PAGE.read_text()), columns) == []
