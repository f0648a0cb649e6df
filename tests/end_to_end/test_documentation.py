"""What the documentation says of the tables is true of the tables, and the serving file says it itself."""

import json

import duckdb
import pytest

from crm_pipeline.config.contract import golden_attributes
from crm_pipeline.dbt.project import manifest, write_documentation


@pytest.fixture(scope="module")
def parsed(published):
    return json.loads(manifest(published.settings).read_text())


@pytest.fixture(scope="module")
def tables(parsed):
    built = [node for node in parsed["nodes"].values() if node["resource_type"] in {"model", "seed"}]
    return [*built, *parsed["sources"].values()]


def test_each_column_of_the_warehouse_is_described_and_no_other(published, tables):
    """Attributes of the golden record are described by the contract that lists them."""
    described = {
        (table["schema"], table["name"], column)
        for table in tables
        for column, of in table["columns"].items()
        if of["description"]
    }
    with duckdb.connect(str(published.settings.warehouse), read_only=True) as con:
        found = con.execute("select table_schema, table_name, column_name from information_schema.columns").fetchall()
    attributes = {attribute.name for attribute in golden_attributes()}
    assert {column for column in set(found) - described if column[2] not in attributes} == set()
    # Of the lake only what some model reads is a view of the warehouse.
    views = {(schema, table) for schema, table, _ in found}
    assert {column for column in described - set(found) if column[:2] in views} == set()


def test_the_page_of_documentation_tells_of_every_table_and_kpi(published, tables):
    page = write_documentation(published.settings).read_text(encoding="utf-8")
    descriptions = [table["description"] for table in tables]
    assert [text for text in descriptions if json.dumps(text)[1:-1] not in page] == []


@pytest.fixture(scope="module")
def serving(published):
    with duckdb.connect(str(published.settings.serving_file), read_only=True) as con:
        yield con


def test_each_table_and_column_of_the_serving_file_is_described(serving):
    tables = serving.execute(
        "select schema_name, table_name, comment from duckdb_tables() where database_name = current_database()"
    ).fetchall()
    columns = serving.execute(
        "select schema_name, table_name, column_name, comment from duckdb_columns() "
        "where database_name = current_database() and not internal"
    ).fetchall()
    assert len(columns) > len(tables) > 60
    assert [found for found in (*tables, *columns) if not found[-1]] == []
    listed = serving.execute("select table_schema, table_name, column_name, description from _columns").fetchall()
    assert sorted(listed) == sorted(columns)


def test_helpers_of_marts_stay_in_the_warehouse(serving, parsed):
    helpers = {node["name"] for node in parsed["nodes"].values() if node.get("access") == "protected"}
    there = serving.execute("select distinct table_name from _columns").fetchall()
    assert helpers & {name for (name,) in there} == set()


def test_each_key_stands_for_one_row_and_joined_values_are_found(serving):
    """Sources may speak of what they did not deliver, such as a ticket that waits: hardly any value is not found."""
    keys = serving.execute("from _keys").fetchall()
    assert {kind for _, _, _, kind, *_ in keys} == {"unique", "foreign"}
    broken = []
    for schema, table, names, kind, to_schema, to_table, to_columns, _ in keys:
        columns = ", ".join(f'"{name}"' for name in names.split(", "))
        query = (
            f'select 0, count(*) from (select 1 from {schema}."{table}" group by {columns} having count(*) > 1)'
            if kind == "unique"
            else f"""
                select count(*) // 50, count(*) filter (where one."{to_columns}" is null)
                from {schema}."{table}" as many left join {to_schema}."{to_table}" as one
                    on many.{columns} = one."{to_columns}"
                where many.{columns} is not null
            """
        )
        allowed, wrong = serving.execute(query).fetchall()[0]
        if wrong > allowed:
            broken.append((table, names, kind))
    assert broken == []


def test_every_table_of_people_has_their_id_and_every_other_key_is_text(serving):
    columns = serving.execute("select table_name, column_name, data_type from _columns").fetchall()
    assert [column for column in columns if column[1].endswith("customer_key")] == []
    assert {kind for _, name, kind in columns if name.endswith(("_key", "_id"))} == {"VARCHAR"}


def test_no_whole_number_of_the_serving_file_is_too_large_for_a_double(serving):
    numbers = serving.execute(
        "select table_schema, table_name, column_name from _columns where data_type in ('BIGINT', 'HUGEINT', 'UBIGINT')"
    ).fetchall()
    too_large = [
        (table, name)
        for schema, table, name in numbers
        if (serving.execute(f'select max(abs("{name}"::hugeint)) from {schema}."{table}"').fetchall()[0][0] or 0)
        > 2**53
    ]
    assert too_large == []
