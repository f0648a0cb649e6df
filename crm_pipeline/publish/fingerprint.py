"""A fingerprint of the published content: equal for equal tables, in whatever order their rows lie."""

import hashlib
from collections.abc import Iterable

import duckdb

from crm_pipeline.publish.contents import PublishedTable
from crm_pipeline.storage.sql import quoted

# Adding and taking away x * (2^20 + 1) leaves the 33 leading bits of a double: about ten decimal digits. Parallel sums
# differ in the last bits from run to run; such noise is not a change.
_SPLITTER = "1048577.0::double"
_FLOATS = ("DOUBLE", "FLOAT")


def fingerprint(con: duckdb.DuckDBPyConnection, catalog: str, tables: Iterable[PublishedTable]) -> str:
    """Return a hash over names, types, row counts and rows of the tables in an attached database."""
    digest = hashlib.sha256()
    for table in sorted(tables, key=lambda table: table.label):
        columns = tuple((column.name, column.kind) for column in table.columns)
        # The sum of row hashes does not depend on the order and, unlike an exclusive or, counts repeated rows.
        row_hash = f"hash({', '.join(_rounded(*column) for column in columns)})"
        content = con.execute(
            f"select count(*), coalesce(sum({row_hash}::hugeint), 0) from {quoted(catalog)}.{table.sql_name}"
        ).fetchall()[0]
        digest.update(repr((table.label, columns, content)).encode())
    return digest.hexdigest()


def _rounded(column: str, kind: str) -> str:
    name = quoted(column)
    if kind not in _FLOATS:
        return name
    scaled = f"({name} * {_SPLITTER})"
    # Minus zero equals zero; adding zero makes their hashes equal, too.
    return f"({scaled} - ({scaled} - {name}) + 0.0)"
