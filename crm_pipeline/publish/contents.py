"""What is published: the tables that dbt calls public, without personal data, with keys that survive a double.

The warehouse is shown through views in the engine's own database, one per published table and under its name, and what
readers need to know of the columns and keys in two tables beside them. The copy, the fingerprint and the verification
read these and nothing else. The warehouse's BIGINT keys leave it as text, since a tool that takes numbers for doubles
would change them; keys of people leave it as their `customer_id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from crm_pipeline.dbt.catalogue import Table
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.stages import Stage
from crm_pipeline.storage.sql import quoted
from crm_pipeline.storage.warehouse import WAREHOUSE

#: The engine's own database, that of the views.
SHOWN = "memory"
_KEY, _PERSON_KEY, _PERSON_ID = "_key", "customer_key", "customer_id"
_PEOPLE = f"{WAREHOUSE}.{Stage.CUSTOMER.value}.dim_customers"


@dataclass(frozen=True)
class PublishedColumn:
    """A column as it is published; `source` is the warehouse's name of it, `sql` what it is made of."""

    name: str
    kind: str
    description: str
    source: str = ""
    sql: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """A table as it is published: its columns in order, personal data left out."""

    schema: str
    name: str
    description: str
    columns: tuple[PublishedColumn, ...]

    @property
    def label(self) -> str:
        """The name that messages and queries use."""
        return f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """The quoted name with its schema."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def published_name(column: str) -> str:
    """Return the name that a column of the warehouse has in the serving file."""
    return column.removesuffix(_PERSON_KEY) + _PERSON_ID if is_person(column) else column


def show(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> list[PublishedTable]:
    """Make views of what is published of the attached warehouse, and return what they show.

    A table that holds nothing but personal data is left out.

    Raises:
        PublishError: if the warehouse lacks a table, or has a column of which dbt does not say what it is.
    """
    kinds = _kinds(con)
    missing = [table.label for table in tables if table.label not in kinds]
    if missing:
        raise PublishError(f"The warehouse has no {', '.join(missing)}. Build the stages customer and marts first.")
    shown = [_published(table, kinds[table.label]) for table in tables]
    for table in (table for table in shown if table.columns):
        con.execute(f"create schema if not exists {SHOWN}.{quoted(table.schema)}")
        con.execute(f"create view {SHOWN}.{table.sql_name} as {_select(table)}")
    return [table for table in shown if table.columns]


def _kinds(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return the types of all columns of the warehouse, by table."""
    found = con.execute(
        "select table_schema || '.' || table_name, column_name, data_type from information_schema.columns "
        "where table_catalog = ? order by table_schema, table_name, ordinal_position",
        [WAREHOUSE],
    ).fetchall()
    kinds: dict[str, dict[str, str]] = {}
    for table, column, kind in found:
        kinds.setdefault(table, {})[column] = kind
    return kinds


def _published(table: Table, kinds: dict[str, str]) -> PublishedTable:
    unknown = [column for column in kinds if column not in table.columns]
    if unknown:
        raise PublishError(f"Nothing says what {', '.join(unknown)} of {table.label} is. Describe it in its yml.")
    columns = [
        PublishedColumn(
            name=published_name(column),
            kind="VARCHAR" if column.endswith(_KEY) else kind,
            description=table.columns[column],
            source=column,
            sql=_sql(column),
        )
        for column, kind in kinds.items()
        if column not in table.personal and not (is_person(column) and published_name(column) in kinds)
    ]
    return PublishedTable(table.stage, table.name, table.description, tuple(columns))


def _sql(column: str) -> str:
    if is_person(column):
        return f"{quoted(_person(column))}.{_PERSON_ID}"
    return f"cast(kept.{quoted(column)} as varchar)" if column.endswith(_KEY) else f"kept.{quoted(column)}"


def _select(table: PublishedTable) -> str:
    columns = ", ".join(f"{column.sql} as {quoted(column.name)}" for column in table.columns)
    people = [column.source for column in table.columns if is_person(column.source)]
    joins = [
        f"left join {_PEOPLE} as {quoted(_person(key))} on kept.{quoted(key)} = {quoted(_person(key))}.{_PERSON_KEY}"
        for key in people
    ]
    return " ".join([f"select {columns} from {WAREHOUSE}.{table.sql_name} as kept", *joins])


def is_person(column: str) -> bool:
    """Tell whether a column of the warehouse holds keys of people."""
    return column == _PERSON_KEY or column.endswith(f"_{_PERSON_KEY}")


def _person(key: str) -> str:
    """Return the alias under which the person of a key is joined."""
    return f"person of {key}"
