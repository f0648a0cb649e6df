"""Renders what dbt knows of the score tables from their records: the source `scoring`, and marts that hand a table on.

Run `make generated` after a record has changed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.scoring.steps import tables
from crm_pipeline.scoring.table import Column, Mart, ScoreTable
from crm_pipeline.stages import Stage

TARGET = PROJECT / "dbt_project" / "models" / Stage.MARTS.value
_MADE = "Generated from the score tables of crm_pipeline/scoring by `make generated`"
_HEADER = f"# {_MADE}; not edited by hand.\n"
_MONEY = {2: "to_money", 4: "to_price"}
_TYPES = {
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "varchar",
    pa.date32(): "date",
    pa.bool_(): "boolean",
    pa.decimal128(18, 2): "decimal(18,2)",
}


def render() -> dict[str, str]:
    """Return the text of each file by its path below the marts."""
    files = {"_scoring_sources.yml": _sources(tables().values())}
    for table in tables().values():
        if table.mart:
            path = f"{table.mart.group}/{table.mart.name or table.name}"
            files |= {f"{path}.sql": _model(table, table.mart), f"{path}.yml": _described(table, table.mart)}
    return files


def _sources(described: Iterable[ScoreTable]) -> str:
    source = {
        "name": str(Stage.SCORING),
        "description": "What the models say: one Parquet file per as-of date and table, written by the scoring stage.",
        "config": {"meta": {"files": f"{Stage.SCORING}/{{name}}/*.parquet", "union_by_name": True}},
        "tables": [
            {"name": table.name, "description": table.description, "columns": [_column(one) for one in table.columns]}
            for table in described
        ],
    }
    return _dumped({"version": 2, "sources": [source]})


def _model(table: ScoreTable, mart: Mart) -> str:
    names = ",\n".join(f"    {_shown(column)}" for column in table.columns)
    rows = f"{mart.until} <=" if mart.until else "as_of_date ="
    source = f"{{{{ source('{Stage.SCORING}', '{table.name}') }}}}"
    return f"-- {_MADE}.\nselect\n{names}\nfrom {source}\nwhere {rows} {{{{ as_of_date() }}}}\n"


def _shown(column: Column) -> str:
    """A column as the mart shows it: money that is computed with floats is rounded."""
    macro = _MONEY.get(column.money)
    return f"{{{{ {macro}('{column.name}') }}}} as {column.name}" if macro else column.name


def _described(table: ScoreTable, mart: Mart) -> str:
    names = {column.name for column in table.columns}
    dated = ["as_of_date"] if mart.until and "as_of_date" in names else []
    tests: list[dict[str, Any]] = [
        {"unique_combination": {"arguments": {"columns": [*table.key, *dated]}}},
        {"never_null": {"arguments": {"columns": [column.name for column in table.columns if column.required]}}},
    ]
    if shares := [column.name for column in table.columns if column.is_probability]:
        tests.append({"in_range": {"arguments": {"columns": shares, "maximum": 1}}})
    model = {
        "name": mart.name or table.name,
        "description": table.description,
        "data_tests": tests,
        "columns": [_column(column) | _typed(column) | _tested(column) for column in table.columns],
    }
    return _dumped({"version": 2, "models": [model]})


def _column(column: Column) -> dict[str, Any]:
    return {"name": column.name, "data_type": _TYPES[column.type], "description": column.description}


def _typed(column: Column) -> dict[str, Any]:
    return {"data_type": f"decimal(18,{column.money})"} if column.money else {}


def _tested(column: Column) -> dict[str, Any]:
    tests: list[dict[str, Any]] = []
    if column.values:
        tests.append({"accepted_values": {"arguments": {"values": list(column.values)}}})
    if column.refers_to:
        found = {"to": f"ref('{column.refers_to}')", "field": column.name}
        tests.append({"relationships": {"arguments": found}})
    return {"data_tests": tests} if tests else {}


def _dumped(document: dict[str, Any]) -> str:
    return _HEADER + yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True, default_flow_style=None)


def main(target: Path = TARGET) -> None:
    """Write the files into the dbt project."""
    for name, text in render().items():
        (target / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
