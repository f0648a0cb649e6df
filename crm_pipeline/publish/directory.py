"""The directory of the serving file: `_columns` and `_keys`, from which tools and people learn what is in it."""

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from crm_pipeline.dbt.catalogue import Table
from crm_pipeline.publish.contents import SHOWN, PublishedColumn, PublishedTable, published_name

_SCHEMA = "main"
_WHERE = {
    "table_schema": ("VARCHAR", "Schema of the table: marts, customer, or main for what tells of the file itself."),
    "table_name": ("VARCHAR", "The table."),
}
_COLUMNS = {
    **_WHERE,
    "column_name": ("VARCHAR", "The column."),
    "ordinal_position": ("BIGINT", "Its place in the table, from 1 on."),
    "data_type": ("VARCHAR", "Its type."),
    "description": ("VARCHAR", "What it holds."),
    "key": (
        "VARCHAR",
        "unique: its value stands for one row; part: it does so with others (_keys); empty: neither.",
    ),
    "joins": ("VARCHAR", "The column of another table in which its values are found, as schema.table.column."),
}
_KEYS = {
    **_WHERE,
    "column_names": ("VARCHAR", "The columns of the key, with commas."),
    "kind": ("VARCHAR", "unique: they stand for one row; foreign: their value is found in another table, or is empty."),
    "to_schema": ("VARCHAR", "Schema of that table; empty for unique keys."),
    "to_table": ("VARCHAR", "That table; empty for unique keys."),
    "to_columns": ("VARCHAR", "Its columns that hold the values; empty for unique keys."),
    "description": ("VARCHAR", "What the key is of."),
}
Row = tuple[str | int | None, ...]


def _described(name: str, description: str, columns: dict[str, tuple[str, str]]) -> PublishedTable:
    made = [PublishedColumn(column, kind, said) for column, (kind, said) in columns.items()]
    return PublishedTable(_SCHEMA, name, description, tuple(made))


COLUMNS = _described("_columns", "One row per column of this file: what it holds, and what it joins.", _COLUMNS)
KEYS = _described("_keys", "One row per key of a table: which columns stand for one row or are found elsewhere.", _KEYS)


def show_directory(
    con: duckdb.DuckDBPyConnection, known: Sequence[Table], shown: Sequence[PublishedTable]
) -> list[PublishedTable]:
    """Make the two tables beside the views of what is published.

    Args:
        con: The engine that has the views.
        known: What dbt says of the tables.
        shown: All tables of the file but these two.
    """
    keys = list(_keys(known, shown))
    for table, rows in ((COLUMNS, list(_columns([*shown, COLUMNS, KEYS], keys))), (KEYS, keys)):
        made = pa.table({column.name: [row[place] for row in rows] for place, column in enumerate(table.columns)})
        kinds = ", ".join(f"{column.name}::{column.kind} as {column.name}" for column in table.columns)
        con.register("made", made)
        con.execute(f"create table {SHOWN}.{table.sql_name} as select {kinds} from made")
        con.unregister("made")
    return [COLUMNS, KEYS]


def _columns(tables: Sequence[PublishedTable], keys: Sequence[Row]) -> Iterator[Row]:
    told: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for schema, name, names, kind, to_schema, to_table, to_columns, _ in keys:
        for of_key in str(names).split(", "):
            place = (f"{schema}.{name}", of_key)
            stands, joins = told.get(place, (None, None))
            if kind == "foreign":
                joins = f"{to_schema}.{to_table}.{to_columns}"
            elif stands != "unique":
                stands = "unique" if of_key == names else "part"
            told[place] = (stands, joins)
    for table in tables:
        for position, column in enumerate(table.columns, start=1):
            said = (table.schema, table.name, column.name, position, column.kind, column.description)
            yield (*said, *told.get((table.label, column.name), (None, None)))


def _keys(known: Sequence[Table], shown: Sequence[PublishedTable]) -> Iterator[Row]:
    """Tell the keys in the names of the serving file; one of which a column is not published is none there."""
    published = {table.label: {column.name: column.description for column in table.columns} for table in shown}
    for table in known:
        columns = published.get(table.label, {})
        unique = dict.fromkeys(tuple(map(published_name, key)) for key in table.keys)
        for key in (key for key in unique if set(key) <= set(columns)):
            said = columns[key[0]] if len(key) == 1 else table.description
            yield table.stage, table.name, ", ".join(key), "unique", None, None, None, said
        for join in table.joins:
            column, to = published_name(join.column), published_name(join.to_column)
            if column in columns and to in published.get(join.to_table, {}):
                yield table.stage, table.name, column, "foreign", *join.to_table.split("."), to, columns[column]
