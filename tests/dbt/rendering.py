"""The SQL of the dbt models as an engine would be given it, from dbt's manifest alone: no engine, and no warehouse.

dbt can compile for the engines whose adapters are installed. Here a macro with `dispatch` answers for any engine: with
the variant that is named after it, or else with the default one.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jinja2
import yaml

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import age_bands_var, golden_attributes_var, manifest

Manifest = Mapping[str, Any]

PACKAGES = ("crm", "dbt_duckdb", "dbt")
"""Where a macro is looked for, the nearest first."""
VARS: Mapping[str, Any] = {
    "as_of_date": "2024-05-31",
    "timezone": "Europe/Berlin",
    "stand_ins": "(0+)|(none)",
    "service_costs": {"phone": 6.5},
    "kpi_targets": {"visits": 900},
    "source_trust": ["erp", "shop"],
    "golden_attributes": golden_attributes_var(),
    "age_bands": age_bands_var(),
}
"""Values that leave no branch of a macro empty."""


class _Returned(Exception):  # noqa: N818
    """Carries what a macro gives back by `return`, as in dbt."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Macro:
    """A macro that is compiled when it is first called."""

    def __init__(self, name: str, text: str, environment: jinja2.Environment) -> None:
        self._name, self._text, self._environment = name, text, environment
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._compiled is None:
            self._compiled = getattr(self._environment.from_string(self._text).module, self._name)
        try:
            return self._compiled(*arguments, **named)
        except _Returned as returned:
            return returned.value


class _Namespace:
    """What stands behind `adapter.` and `dbt.` in a model."""

    def __init__(self, macros: Mapping[str, _Macro], engine: str) -> None:
        self._macros, self._engine = macros, engine

    def dispatch(self, name: str, _package: str = "crm") -> _Macro:
        return self._macros.get(f"{self._engine}__{name}") or self._macros[f"default__{name}"]

    def get_columns_in_relation(self, _relation: str) -> list[Any]:
        """There is no warehouse to ask: nothing is built yet."""
        return []

    def __getattr__(self, name: str) -> _Macro:
        return self._macros[name]


def rendered_models(parsed: Manifest, engine: str) -> dict[str, str]:
    """Return the SQL of each model by its path, as `engine` would be given it."""
    environment = _environment(parsed, engine)
    return {
        node["original_file_path"]: environment.from_string(node["raw_code"]).render(model=node)
        for node in parsed["nodes"].values()
        if node["resource_type"] == "model"
    }


@cache
def linter_context() -> dict[str, Any]:
    """Return what the names in a model stand for when it is linted: relations have a schema, as dbt names them."""
    context = dict(_environment(json.loads(manifest(Settings()).read_text()), "duckdb").globals)
    # The linter knows no `grouping sets`.
    grouped = {"each_dimension": lambda names: ", ".join(("month", *names))}
    return context | grouped | {"ref": "stage.{}".format, "source": "{}.{}".format}


def _environment(parsed: Manifest, engine: str) -> jinja2.Environment:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    macros: dict[str, _Macro] = {}
    for package in reversed(PACKAGES):
        for macro in parsed["macros"].values():
            if macro["package_name"] == package:
                macros[macro["name"]] = _Macro(macro["name"], macro["macro_sql"], environment)
    settings = yaml.safe_load((Settings().dbt_project / "dbt_project.yml").read_text())
    values = {**settings["vars"], **VARS}
    namespace = _Namespace(macros, engine)
    environment.globals.update(macros)
    environment.globals.update(
        adapter=namespace,
        dbt=namespace,
        config=lambda **_: "",
        env_var=lambda _, default="": default,
        execute=True,
        graph={"nodes": parsed["nodes"], "sources": parsed["sources"]},
        ref=lambda name: name,
        source=lambda source, table: f"{source}.{table}",
        var=lambda name, default=None: values.get(name, default),
    )
    environment.globals["return"] = _give_back
    return environment


def _give_back(value: Any) -> None:
    raise _Returned(value)
