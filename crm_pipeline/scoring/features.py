"""The features of people as the models see them: the columns of customer_features that are marked so, read by type.

Numbers are rounded, so that the last bits of an average never decide a split; yes and no are 1 and 0; a date is the
days since then; a text with few values is a feature `column=value` for each. Texts with many values are left out.
"""

from collections.abc import Sequence
from datetime import date
from functools import cache

import duckdb
import numpy as np
import pyarrow as pa
import yaml

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.scoring.model import Floats, SchemaMismatchError
from crm_pipeline.stages import Stage
from crm_pipeline.storage.sql import literal, quoted

TABLE = "features.customer_features"
"""Everybody's features. The past is a view over many tables: to be asked for one date at a time."""
SAMPLE = "features.sampled_features"
"""The same of some people, at all dates."""
_DESCRIBED = PROJECT / "dbt_project" / "models" / Stage.FEATURES / "customer_features.yml"
_DERIVED = {"recency_to_gap": "recency_days / nullif(mean_gap_days, 0)"}
_MOST_VALUES = 12
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UINTEGER", "UBIGINT")


@cache
def model_inputs() -> frozenset[str]:
    """Return the columns that models may look at: those that are marked `model_input` where dbt describes them.

    A further column is none until somebody marks it. What the golden record says today was not known then, nor should
    a person's risk hang on sex, age or income: these are not marked.
    """
    described = yaml.safe_load(_DESCRIBED.read_text(encoding="utf-8"))["models"][0]["columns"]
    return frozenset(
        column["name"] for column in described if column.get("config", {}).get("meta", {}).get("model_input")
    )


def feature_names(connection: duckdb.DuckDBPyConnection, as_of: date) -> tuple[str, ...]:
    """Return the inputs of models that the table has, in its order; which values a text has is read at `as_of`."""
    names: list[str] = []
    for column, kind in _columns(connection).items():
        if kind == "VARCHAR":
            names += [f"{column}={value}" for value in _values(connection, column, as_of)]
        elif kind == "BOOLEAN" or kind == "DATE" or kind.startswith(_NUMBERS):
            names.append(column)
    return (*names, *_DERIVED)


def select_list(connection: duckdb.DuckDBPyConnection, names: Sequence[str], given: Sequence[str] = ()) -> str:
    """Return the SQL that selects these features from rows of customer_features joined with the numbers `given`.

    Raises:
        SchemaMismatchError: if the table has no such columns any more.
    """
    kinds = _columns(connection) | dict.fromkeys(given, "DOUBLE")
    gone = sorted({name.partition("=")[0] for name in names} - set(kinds) - set(_DERIVED))
    if gone:
        raise SchemaMismatchError(f"The model was trained on features that are gone: {', '.join(gone)}.")
    return ", ".join(f"round(({_expression(name, kinds)})::double, 6) as {quoted(name)}" for name in names)


def matrix(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> Floats:
    """Return features as a matrix; unknown values are NaN."""
    columns = [rows.column(name).to_numpy(zero_copy_only=False) for name in names]
    return np.column_stack(columns).astype(np.float64, copy=False) if columns else np.empty((len(rows), 0))


def _expression(name: str, kinds: dict[str, str]) -> str:
    if name in _DERIVED:
        return _DERIVED[name]
    column, is_text, value = name.partition("=")
    if is_text:
        return f"coalesce({quoted(column)} = {literal(value)}, false)::integer"
    if kinds[column] == "BOOLEAN":
        return f"{quoted(column)}::integer"
    return f"as_of_date - {quoted(column)}" if kinds[column] == "DATE" else quoted(column)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.sql(f"describe {TABLE}").fetchall()
    return {row[0]: row[1] for row in rows if row[0] in model_inputs()}


def _values(connection: duckdb.DuckDBPyConnection, column: str, as_of: date) -> list[str]:
    rows = connection.sql(
        f"select distinct {quoted(column)} from {TABLE} where as_of_date = $as_of and {quoted(column)} is not null "
        f"order by 1 limit {_MOST_VALUES + 1}",
        params={"as_of": as_of},
    ).fetchall()
    return [row[0] for row in rows] if len(rows) <= _MOST_VALUES else []
