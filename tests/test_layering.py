"""Data flows forward only, and Dagster stays at the edge."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import manifest
from crm_pipeline.stages import STAGES, Stage, is_upstream

PACKAGE = PROJECT / "crm_pipeline"
#: The rooms of the package, each of which imports from those before it only. The stages stand in the order of the flow.
ROOMS = (
    *("stages", "config", "storage", "faults", "show", "sample", "resources"),
    *("raw", "dbt", "identity", "scoring", "publish"),
    *("operations", "definitions", "cli"),
)
LONGEST_MODULE, MEAN_MODULE = 400, 130
MAY_IMPORT_DAGSTER = re.compile(r"^(definitions\.py|resources\.py|dbt/.*|operations/.*|.*/assets\.py|.*/checks\.py)$")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str | None:
    """The room of a module of the package: its folder, or the module itself where it lies beside them."""
    parts = module.split(".")
    return parts[1] if parts[0] == "crm_pipeline" and len(parts) > 1 and parts[1] in ROOMS else None


def upward_imports(package: Path) -> list[str]:
    found = []
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        room = relative.parts[0].removesuffix(".py")
        if room not in ROOMS:
            continue
        for name in imports(path):
            other = room_of(name)
            if other and ROOMS.index(other) > ROOMS.index(room):
                found.append(f"{relative} imports {name}")
    return found


def dagster_imports(package: Path) -> list[str]:
    return [
        f"{relative} imports {name}"
        for path in sorted(package.rglob("*.py"))
        if not MAY_IMPORT_DAGSTER.match(relative := path.relative_to(package).as_posix())
        for name in imports(path)
        if name.split(".")[0] in {"dagster", "dagster_dbt"}
    ]


def forward_refs(nodes: dict[str, dict]) -> list[str]:
    def stage(unique_id: str) -> Stage:
        node = nodes[unique_id]
        return Stage(node["source_name"] if node["resource_type"] == "source" else node["config"]["schema"])

    return [
        f"{unique_id} refers to {parent}"
        for unique_id, node in nodes.items()
        if node["resource_type"] in {"model", "seed", "snapshot"}
        for parent in node["depends_on"].get("nodes", [])
        if is_upstream(stage(unique_id), stage(parent))
    ]


def test_all_of_the_package_lies_in_the_rooms():
    here = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith(("_", "."))}
    assert here == set(ROOMS)


def test_the_stages_of_python_stand_in_the_order_of_the_flow():
    stages = [room for room in ROOMS if room in {stage.value for stage in STAGES}]
    assert stages == sorted(stages, key=lambda name: STAGES.index(Stage(name)))


def test_no_room_imports_from_a_higher_one():
    assert upward_imports(PACKAGE) == []


def test_dagster_is_imported_only_where_it_may_be():
    assert dagster_imports(PACKAGE) == []


def test_no_module_is_too_long_to_be_read_at_a_sitting():
    lines = {path.relative_to(PACKAGE).as_posix(): len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lines.items() if length > LONGEST_MODULE} == {}
    written = [length for length in lines.values() if length > 1]  # a package's one line of description is no module
    assert sum(written) / len(written) <= MEAN_MODULE


def test_no_model_refers_to_a_later_stage():
    parsed = json.loads(manifest(Settings()).read_text())
    assert forward_refs({**parsed["nodes"], **parsed["sources"]}) == []


def test_each_model_lies_in_the_folder_of_its_stage():
    parsed = json.loads(manifest(Settings()).read_text())
    models = [node for node in parsed["nodes"].values() if node["resource_type"] == "model"]
    assert models
    assert [node["name"] for node in models if node["fqn"][1] != node["config"]["schema"]] == []


@pytest.mark.parametrize(
    "line",
    [
        "from crm_pipeline.publish.release import publish",
        "from crm_pipeline import definitions",
        "import crm_pipeline.scoring.rfm",
    ],
)
def test_a_planted_upward_import_is_found(tmp_path, line):
    module = tmp_path / "identity" / "planted.py"
    module.parent.mkdir()
    module.write_text(f"{line}\n")
    assert len(upward_imports(tmp_path)) == 1


def test_a_planted_dagster_import_is_found(tmp_path):
    module = tmp_path / "scoring" / "planted.py"
    module.parent.mkdir()
    module.write_text("from dagster import asset\n")
    assert len(dagster_imports(tmp_path)) == 1


def test_a_planted_forward_ref_is_found():
    nodes = {
        "model.crm.stg_orders": {
            "resource_type": "model",
            "config": {"schema": "staging"},
            "depends_on": {"nodes": ["source.crm.identity.person_map"]},
        },
        "source.crm.identity.person_map": {"resource_type": "source", "source_name": "identity"},
    }
    assert len(forward_refs(nodes)) == 1
