"""What the documentation says of the tables is true of the tables."""

import json

import duckdb
import pytest

from crm_pipeline.dbt.project import manifest, write_documentation


@pytest.fixture(scope="module")
def parsed(published):
    return json.loads(manifest(published.settings).read_text())


@pytest.fixture(scope="module")
def tables(parsed):
    return [node for node in parsed["nodes"].values() if node["resource_type"] in {"model", "seed"}]


def test_each_column_of_the_warehouse_is_described_and_no_other(published, tables):
    described = {
        (table["schema"], table["name"], column) for table in tables for column, of in table["columns"].items() if of
    }
    with duckdb.connect(str(published.settings.warehouse), read_only=True) as con:
        found = con.execute("select table_schema, table_name, column_name from information_schema.columns").fetchall()
    assert set(found) == described


def test_the_page_of_documentation_tells_of_every_table_and_kpi(published, tables):
    page = write_documentation(published.settings).read_text(encoding="utf-8")
    descriptions = [table["description"] for table in tables]
    assert [text for text in descriptions if json.dumps(text)[1:-1] not in page] == []
