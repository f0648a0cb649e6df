"""`make check`: the rules of a dbt project that dbt itself does not enforce, read from its manifest.

They are those of dbt-labs' project evaluator (naming, fan-out, no direct source joins, documentation and test coverage,
tested primary keys), in the words of this project's stages. See https://dbt-labs.github.io/dbt-project-evaluator/.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import manifest
from crm_pipeline.stages import Stage

Manifest = Mapping[str, Any]
Rule = Callable[[Manifest], Iterator[str]]

MOST_LEAVES = 3
"""Marts that may hang on one model which was not made to be read by many."""
LONGEST_LINE = 120
_KEY_TESTS = {"unique", "unique_combination"}
_READ_BY_MANY = ("dim_", "fct_")
_RUN_RECORDS = {"ledger", "quarantine"}
_WRITTEN_OUT = re.compile(rf"\b(?:from|join)\s+(?:{'|'.join(Stage)})\.\w+", re.IGNORECASE)


def models(parsed: Manifest) -> dict[str, Mapping[str, Any]]:
    return {name: node for name, node in parsed["nodes"].items() if node["resource_type"] == "model"}


def _stage(node: Mapping[str, Any]) -> Stage:
    return Stage(node["source_name"] if node["resource_type"] == "source" else node["config"]["schema"])


def _tests(parsed: Manifest) -> dict[str, list[str]]:
    """Return the names of the generic tests on each node."""
    found: dict[str, list[str]] = {}
    for node in parsed["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            found.setdefault(node["attached_node"], []).append(node["test_metadata"]["name"])
    return found


def a_name_tells_the_layer(parsed: Manifest) -> Iterator[str]:
    for node in models(parsed).values():
        name, stage = node["name"], _stage(node)
        if name.startswith("stg_") != (stage is Stage.STAGING):
            yield f"{name}: models of staging, and no others, begin with stg_"
        if name.startswith(_READ_BY_MANY) != (stage is Stage.CUSTOMER and node["access"] == "public"):
            yield f"{name}: public models of customer, and no others, begin with dim_ or fct_"


def a_source_is_read_where_it_becomes_a_model(parsed: Manifest) -> Iterator[str]:
    """Raw rows are joined to nothing outside staging; what Python wrote is read by the stage after it."""
    reader = {Stage.RAW: Stage.STAGING, Stage.IDENTITY: Stage.CUSTOMER, Stage.SCORING: Stage.MARTS}
    for node in models(parsed).values():
        for parent in node["depends_on"]["nodes"]:
            source = parsed["sources"].get(parent)
            if source and source["name"] not in _RUN_RECORDS and _stage(node) is not reader[_stage(source)]:
                yield f"{node['name']}: reads {parent}, which is for {reader[_stage(source)]}"


def a_mart_stands_on_no_staging_model(parsed: Manifest) -> Iterator[str]:
    for node in models(parsed).values():
        if _stage(node) is Stage.MARTS and node["group"] != "operations":
            for parent in node["depends_on"]["nodes"]:
                if parent in parsed["nodes"] and _stage(parsed["nodes"][parent]) is Stage.STAGING:
                    yield f"{node['name']}: reads {parent} past the customer stage"


def few_leaves_hang_on_one_model(parsed: Manifest) -> Iterator[str]:
    nodes = models(parsed)
    parents = {parent for node in nodes.values() for parent in node["depends_on"]["nodes"]}
    for name, node in nodes.items():
        leaves = [
            child["name"] for key, child in nodes.items() if key not in parents and name in child["depends_on"]["nodes"]
        ]
        if len(leaves) > MOST_LEAVES and _stage(node) is not Stage.CUSTOMER:
            yield f"{node['name']}: {len(leaves)} leaves hang on it ({', '.join(sorted(leaves))})"


def no_table_is_written_out(parsed: Manifest) -> Iterator[str]:
    for node in models(parsed).values():
        for found in _WRITTEN_OUT.findall(node["raw_code"]):
            yield f"{node['name']}: '{found}' instead of ref() or source()"


def no_line_is_long(parsed: Manifest) -> Iterator[str]:
    """The linter measures lines as macros leave them, which is not as they are read."""
    for node in parsed["nodes"].values():
        for number, line in enumerate(node.get("raw_code", "").splitlines(), start=1):
            if node["original_file_path"].endswith(".sql") and len(line) > LONGEST_LINE:
                yield f"{node['original_file_path']}: line {number} has {len(line)} characters, {LONGEST_LINE} at most"


def all_is_described(parsed: Manifest) -> Iterator[str]:
    described = {**models(parsed), **parsed["sources"], **parsed["exposures"]}
    described |= {name: node for name, node in parsed["nodes"].items() if node["resource_type"] == "seed"}
    for name, node in described.items():
        if not node["description"].strip():
            yield f"{name}: has no description"
        for column in node.get("columns", {}).values():
            if not column["description"].strip():
                yield f"{name}: column {column['name']} has no description"
    for node in models(parsed).values():
        if not node["description"].startswith("One row "):
            yield f"{node['name']}: its description does not begin with its grain"


def each_key_is_tested(parsed: Manifest) -> Iterator[str]:
    tests = _tests(parsed)
    for name, node in models(parsed).items():
        if not _KEY_TESTS & set(tests.get(name, [])):
            yield f"{node['name']}: no test of its key (unique or unique_combination)"
        if not {"not_null", "never_null"} & set(tests.get(name, [])):
            yield f"{node['name']}: no test that its key is never empty"


def each_mart_has_a_contract_a_group_and_a_reader(parsed: Manifest) -> Iterator[str]:
    read = {parent for exposure in parsed["exposures"].values() for parent in exposure["depends_on"]["nodes"]}
    for name, node in models(parsed).items():
        if _stage(node) is not Stage.MARTS:
            continue
        if not node["config"]["contract"]["enforced"]:
            yield f"{node['name']}: its contract is not enforced"
        if node["group"] != node["fqn"][2]:
            yield f"{node['name']}: its group is not its folder"
        if (node["access"] == "public") != (name in read):
            yield f"{node['name']}: public marts, and no others, stand in an exposure"


RULES: tuple[Rule, ...] = (
    a_name_tells_the_layer,
    a_source_is_read_where_it_becomes_a_model,
    a_mart_stands_on_no_staging_model,
    few_leaves_hang_on_one_model,
    no_table_is_written_out,
    no_line_is_long,
    all_is_described,
    each_key_is_tested,
    each_mart_has_a_contract_a_group_and_a_reader,
)


def broken_rules(parsed: Manifest) -> list[str]:
    return [f"{rule.__name__}: {sentence}" for rule in RULES for sentence in rule(parsed)]


def main() -> int:
    found = broken_rules(json.loads(manifest(Settings()).read_text()))
    print(*found, sep="\n", file=sys.stderr) if found else print(f"dbt project: {len(RULES)} rules hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
