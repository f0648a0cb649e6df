"""What a failed dbt test says: the rule in words, up to five of the rows that break it by their keys, and a remedy.

Rows are named by keys, dates and what is empty or counted; never by a value that may be personal.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.catalogue import Catalogue
from crm_pipeline.faults import guard
from crm_pipeline.raw.ledger import read_ledger
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lake import current_version
from crm_pipeline.storage.warehouse import attached

MOST = 5
_MOST_KEYS, _MOST_COLUMNS, _LONGEST = 4, 6, 40
# Texts that are keys of something else than a person, or one of a few words that the pipeline itself chooses.
_NAMED = re.compile(
    r"(?<!customer)(?<!record)(?<!member)(?<!anonymous)_id$|^(system|(contact_|sales_)?channel|kind|status|stage|kpi|dimension|mart"
    r"|subject|currency|held_in|told_by|staged_in|method|medium|model|level|signal|action|plan|purpose|variant|cohort)$"
)
_OF_NUMBERS = ("value_field", "unique_field", "from_field")
_CUSTOMER_ID = re.compile(r"^C[0-9a-f]{15}$")


def sentences(settings: Settings, stage: Stage, target: Path) -> dict[str, str]:
    """Return what to say of each test that failed in the last `dbt build`, by the name of its check.

    Args:
        settings: the deployment; its warehouse must be free to be read.
        stage: the stage that was built.
        target: dbt's target folder.
    """
    path = target / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
    failed = [result for result in results if result["status"] in ("fail", "warn") and result.get("compiled_code")]
    if not failed:
        return {}
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    catalogue = Catalogue(target / "manifest.json")
    files = {entry.delivery: entry.file for entry in read_ledger(current_version(settings.lake / Stage.RAW))}
    with attached(settings) as connection:
        return {
            nodes[result["unique_id"]]["name"]: _sentence(connection, stage, nodes, result, files, catalogue)
            for result in failed
            if result["unique_id"] in nodes
        }


def _sentence(
    connection: duckdb.DuckDBPyConnection,
    stage: Stage,
    nodes: Mapping[str, Any],
    result: Mapping[str, Any],
    files: Mapping[int, str],
    catalogue: Catalogue,
) -> str:
    node = nodes[result["unique_id"]]
    model = nodes.get(node.get("attached_node") or "", {})
    count = result.get("failures") or 0
    hidden = {"record_id", *catalogue.personal(node.get("attached_node"))}
    nothing: list[str] = []
    name = node["name"]
    rows = guard.attempt(
        f"naming rows that break {name}",
        lambda: _examples(connection, node, model, result["compiled_code"], files, hidden),
        nothing,
    )
    named = f" For example: {'; '.join(rows)}." if rows else ""
    table = model.get("name") or _judged(node)
    broken = "1 row breaks" if count == 1 else f"{count:,} rows break"
    return (
        f"{rule(node, model.get('name', ''))} {broken} it.{named} Remedy: find them in "
        f"{stage.value}.{table} of the warehouse, correct them in the landing files or in pipeline.yml, and run again."
    )


def rule(node: Mapping[str, Any], model: str) -> str:
    """Say in words what a test demands: of a test of one's own its leading comment, else what its kind means."""
    metadata = node.get("test_metadata") or {}
    given = metadata.get("kwargs") or {}
    columns = _columns(given)
    subject = f"{model}: {', '.join(columns)}" if model else ", ".join(columns)
    known = {
        "never_null": f"{subject} must be filled.",
        "not_null": f"{subject} must be filled.",
        "unique": f"{subject} must stand for one row only.",
        "unique_combination": f"{subject} must together stand for one row only.",
        "in_range": f"{subject} must be at least {given.get('minimum', 0)}"
        + (f" and at most {given['maximum']}." if given.get("maximum") is not None else "."),
        "accepted_values": f"{subject} must be one of {', '.join(map(str, given.get('values', [])))}.",
        "relationships": f"{subject} must be found in the table that it points to.",
    }
    if metadata.get("name") in known:
        return known[metadata["name"]]
    comment = re.findall(r"^\s*--\s?(.*)$", node.get("raw_code") or "", re.MULTILINE)
    return " ".join(comment) or f"The test {node['name']} must find no row."


def _examples(
    connection: duckdb.DuckDBPyConnection,
    node: Mapping[str, Any],
    model: Mapping[str, Any],
    compiled: str,
    files: Mapping[int, str],
    hidden: Collection[str],
) -> list[str]:
    metadata = node.get("test_metadata") or {}
    kind, given = metadata.get("name"), metadata.get("kwargs") or {}
    broken = _condition(kind, given)
    if broken and model.get("relation_name"):
        found = connection.execute(f"select * from {model['relation_name']} where {broken} limit {MOST}")
    else:
        found = connection.execute(f"select * from ({compiled.rstrip().rstrip(';')}) as broken limit {MOST}")
    names = [column[0] for column in found.description or ()]
    asked = set(_columns(given)) if broken else set(names)
    tested = _columns(given)[0] if kind in ("unique", "accepted_values", "relationships") else ""
    if tested:
        names = [tested if name in _OF_NUMBERS else name for name in names]
    told = []
    for values in found.fetchall():
        row = {
            name: value
            for name, value in zip(names, values, strict=True)
            if value is None or name.lower() not in hidden
        }
        of_rule = {name: row[name] for name in row if name in asked and (kind != "never_null" or row[name] is None)}
        told.append(", ".join([*_told(row, of_rule), *_origin(row, files)]))
    return [row for row in dict.fromkeys(told) if row]


def _condition(kind: str | None, given: Mapping[str, Any]) -> str | None:
    """Return the condition on rows of the model that break a rule about single rows; None for other rules."""
    columns = _columns(given)
    if kind in ("never_null", "not_null"):
        return " or ".join(f"{column} is null" for column in columns)
    if kind == "in_range":
        low, high = given.get("minimum", 0), given.get("maximum")
        return " or ".join(
            f"{column} < {low}" + (f" or {column} > {high}" if high is not None else "") for column in columns
        )
    return None


def _columns(given: Mapping[str, Any]) -> Sequence[str]:
    columns = given.get("columns")
    return columns if isinstance(columns, list) else [given["column_name"]] if given.get("column_name") else []


def _told(row: Mapping[str, Any], of_rule: Mapping[str, Any]) -> list[str]:
    """Name a row: what is empty or a number of what the rule is about, and before it keys and dates."""
    broken = {name: value for name, value in of_rule.items() if value is None or not _is_key(name)}
    keys = {name: value for name, value in row.items() if value is not None and _is_key(name)}
    shown = [f"{name} {value}" for name, value in keys.items() if _may_be_shown(name, value)][:_MOST_KEYS]
    for name, value in list(broken.items())[:_MOST_COLUMNS]:
        if value is None or _may_be_shown(name, value):
            shown.append(f"{name} {'empty' if value is None else value}")
    return shown


def _origin(row: Mapping[str, Any], files: Mapping[int, str]) -> list[str]:
    file = files.get(row.get("delivery") or row.get("first_delivery") or 0)
    return [f"file {file}"] if file else []


def _is_key(name: str) -> bool:
    return name.endswith(("_key", "_on", "_id")) or name in ("as_of_date", "month", "day") or bool(_NAMED.search(name))


def _may_be_shown(name: str, value: object) -> bool:
    """Tell whether a value tells nobody apart by name: a key, a date, a number, or a text that the pipeline chooses."""
    if not isinstance(value, str):
        return not isinstance(value, bytes | list | dict)
    if _CUSTOMER_ID.match(value):
        return True
    return bool(_NAMED.search(name)) and len(value) <= _LONGEST and "@" not in value


def _judged(node: Mapping[str, Any]) -> str:
    """Return the table that a test of one's own is shown with in Dagster."""
    reference = ((node.get("meta") or {}).get("dagster") or {}).get("ref") or {}
    return reference.get("name", "")
