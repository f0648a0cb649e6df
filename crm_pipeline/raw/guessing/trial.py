"""Tries a mapping on values before it is proposed: what a run would make of them."""

from collections.abc import Mapping
from datetime import datetime

import duckdb

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.contract import Column, Contract
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.casting import FATE, FIT, TYPED_ROWS, CastPlan
from crm_pipeline.raw.sandbox import EXPRESSION_VALUES, value_column
from crm_pipeline.raw.source_rows import SOURCE_ROWS, fill_source_rows
from crm_pipeline.storage.sql import quoted

_MOST_TRIED = 2_000
_NO_LATER = datetime(9999, 12, 31)


def unreadable(
    texts: list[str],
    column: Column,
    mapping: ColumnMapping | Mapping[str, str],
    origin: str = "value",
    read: ReadOptions | None = None,
    currency: str = "",
) -> int:
    """Return how many values of a source column a run would refuse under a mapping; all where it cannot be run.

    Args:
        texts: the values.
        column: of the contract.
        mapping: where the column gets its value; an expression must be one of this project's own.
        origin: the source column that has the values.
        read: how the file is read.
        currency: of amounts; each is read where none is given.
    """
    mapping = mapping if isinstance(mapping, ColumnMapping) else ColumnMapping.model_validate(mapping)
    source = SourceConfig.model_construct(read=read or ReadOptions(), columns={column.name: mapping})
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        rows = ((line, None, None, None, text) for line, text in enumerate(texts[:_MOST_TRIED], start=1))
        fill_source_rows(con, [origin], rows)
        plan = CastPlan(Contract("", "", (column,)), source, "UTC", _NO_LATER, (origin,), currency=currency)
        try:
            if mapping.sql:
                made = f"({mapping.sql})::varchar as {value_column(f'columns.{column.name}')}"
                con.execute(f"create view {EXPRESSION_VALUES} as select {quoted(LINE)}, {made} from {SOURCE_ROWS}")
            con.execute(plan.as_written(con).typed_rows())
        except duckdb.Error:
            return len(texts)
        return int(con.execute(f"select count(*) from {TYPED_ROWS} where {FATE} <> {FIT}").fetchall()[0][0])
