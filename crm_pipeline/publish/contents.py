"""What is published: which tables, and which of their columns hold no personal data."""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from crm_pipeline.publish.errors import PublishError
from crm_pipeline.stages import Stage
from crm_pipeline.storage.sql import quoted

# Columns that hold personal data under a name that no contract knows: later stages make them.
DERIVED_PII = frozenset(
    {
        "address", "attribute_value", "birthdate", "birth_year", "date_of_birth", "device_id", "email_address",
        "email_hash", "email_normalised", "family_name", "full_name", "given_name", "handle", "house_number",
        "ip_address", "latitude", "longitude", "mobile", "name", "phone_e164", "phone_hash", "phone_normalised",
        "phone_number", "postcode", "zip_code",
    }
)  # fmt: skip
# Without these the file answers no question; their absence means that an earlier stage did not run.
REQUIRED = ("customer.dim_customers", "customer.fct_orders", "marts.customer_360")


@dataclass(frozen=True)
class PublishedTable:
    """A table as it is published: its columns (name, type) in order, personal data left out."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """The name that messages and queries use."""
        return f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """The quoted name with its schema."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def sql_columns(self) -> str:
        """The quoted column names, with commas."""
        return ", ".join(quoted(column) for column, _ in self.columns)


def is_pii(column: str, pii: Collection[str]) -> bool:
    """Tell whether a column holds personal data, by its name."""
    return column.lower() in DERIVED_PII or column.lower() in {name.lower() for name in pii}


def published_tables(con: duckdb.DuckDBPyConnection, catalog: str, pii: Collection[str]) -> list[PublishedTable]:
    """List what is published of an attached warehouse: all marts, and the dimensions and facts of `customer`.

    A table that holds nothing but personal data is left out.

    Raises:
        PublishError: if a table is missing without which the file would be of no use.
    """
    found = con.execute(
        """
        select table_schema, table_name, column_name, data_type from information_schema.columns
        where table_catalog = $catalog and (table_schema = $marts
            or (table_schema = $customer and (starts_with(table_name, 'dim_') or starts_with(table_name, 'fct_'))))
        order by table_schema, table_name, ordinal_position
        """,
        {"catalog": catalog, "marts": Stage.MARTS.value, "customer": Stage.CUSTOMER.value},
    ).fetchall()
    columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, kind in found:
        if not is_pii(column, pii):
            columns.setdefault((schema, table), []).append((column, kind))
    tables = [PublishedTable(schema, name, tuple(kept)) for (schema, name), kept in columns.items()]
    missing = sorted(set(REQUIRED) - {table.label for table in tables})
    if missing:
        raise PublishError(f"The warehouse has no {', '.join(missing)}. Build the stages customer and marts first.")
    return tables
