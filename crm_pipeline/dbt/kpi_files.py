"""Renders what follows from the list of KPIs: the measures in one table, and the metrics of the semantic layer.

A KPI is a row of `seeds/kpi_definitions.csv`, made of columns of models `kpi_..._measures` that their yml describes.
Where no semantic model beside them defines a measure on the facts, it is one of months. `make generated` writes the
files.
"""

import csv
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from crm_pipeline.config.settings import PROJECT

DBT = PROJECT / "dbt_project"
_FOLDER = Path("models", "marts", "kpis")
_MADE = "Generated from the list of KPIs and the models of their measures by `make generated`; not edited by hand."
_ROW = ("month", "dimension", "dimension_value")
_ROWS = """
{%- for model, measures in areas.items() %}
{%- set last_area = loop.last %}
{%- for measure in measures %}
select month, dimension, dimension_value, '{{ measure }}' as measure, cast({{ measure }} as double) as value
from {{ ref(model) }}
where {{ measure }} is not null
{{ "union all" if not (last_area and loop.last) }}
{%- endfor %}
{%- endfor %}
"""


def render(project: Path = DBT) -> dict[str, str]:
    """Return the text of each file by its path below the dbt project."""
    kpis = _kpis(project)
    parts = {row[part] for row in kpis for part in ("numerator", "denominator")}
    measures = {
        model: [column for column in columns if column["name"] in parts] for model, columns in measured(project)
    }
    metrics = {"version": 2, "metrics": [_metric(row) for row in kpis]}
    names = {row["kpi"] for row in kpis}
    of_facts = _measures_of_facts(project)
    months = [_months(model, columns, names, of_facts) for model, columns in measures.items()]
    semantic = {"version": 2, "semantic_models": [one for one in months if one["measures"]]}
    return {
        str(_FOLDER / "kpi_measures.sql"): _model(measures),
        str(_FOLDER / "_metrics.yml"): _dumped(metrics),
        str(_FOLDER / "_semantic_months.yml"): _dumped(semantic),
    }


def _kpis(project: Path) -> list[dict[str, str]]:
    with (project / "seeds" / "kpi_definitions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(project: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each model of measures with the columns that its yml describes beside month and dimension."""
    for path in sorted((project / _FOLDER).glob("kpi_*_measures.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            yield model["name"], [column for column in model["columns"] if column["name"] not in _ROW]


def _measures_of_facts(project: Path) -> set[str]:
    written = yaml.safe_load((project / _FOLDER / "_semantic_models.yml").read_text(encoding="utf-8"))
    return {measure["name"] for model in written["semantic_models"] for measure in model["measures"]}


def _model(measures: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    listed = [
        f"    '{model}': [\n{_wrapped(column['name'] for column in columns)}"
        for model, columns in measures.items()
        if columns
    ]
    areas = "\n    ],\n".join(listed)
    return f"-- {_MADE}\n{{%- set areas = {{\n{areas}\n    ]\n}} -%}}\n{_ROWS}"


def _wrapped(names: Iterable[str]) -> str:
    return textwrap.indent(textwrap.fill(", ".join(f"'{name}'" for name in names), width=100), " " * 8)


def _metric(row: Mapping[str, str]) -> dict[str, Any]:
    is_ratio = row["kind"] == "ratio"
    parts = {"numerator": row["numerator"], "denominator": row["denominator"]}
    return {
        "name": row["kpi"],
        "label": row["kpi"].replace("_", " ").capitalize(),
        "description": row["description"],
        "type": "ratio" if is_ratio else "simple",
        "type_params": parts if is_ratio else {"measure": row["numerator"]},
    }


def _months(model: str, columns: Sequence[Mapping[str, Any]], kpis: set[str], of_facts: set[str]) -> dict[str, Any]:
    """Return the semantic model of the measures that only months tell: the rows that cover all."""
    area = model.removeprefix("kpi_").removesuffix("_measures")
    return {
        "name": f"{area}_months",
        "description": f"The rows of {model} that cover all, by month.",
        "model": f"ref('{model}')",
        "defaults": {"agg_time_dimension": "month_start"},
        "primary_entity": f"{area}_month",
        "dimensions": [
            {"name": "month_start", "type": "time", "expr": "month", "type_params": {"time_granularity": "month"}}
        ],
        "measures": [_of_months(column, kpis) for column in columns if column["name"] not in of_facts],
    }


def _of_months(column: Mapping[str, Any], kpis: set[str]) -> dict[str, Any]:
    """Return a measure; `of_months` in its meta says which month of several counts, where they do not add up."""
    name = column["name"]
    measure: dict[str, Any] = {"name": name, "agg": "sum", "expr": f"case when dimension = 'all' then {name} end"}
    if name not in kpis:
        measure["create_metric"] = True
    if which := column.get("config", {}).get("meta", {}).get("of_months"):
        measure["non_additive_dimension"] = {"name": "month_start", "window_choice": which}
    return measure


def _dumped(document: dict[str, Any]) -> str:
    dumped = yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True, default_flow_style=None)
    return f"# {_MADE}\n{dumped}"


def main(project: Path = DBT) -> None:
    """Write the files into the dbt project."""
    for name, text in render(project).items():
        (project / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
