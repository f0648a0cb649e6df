"""What the documents name exists."""

import json
import re

import pytest

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import manifest

DOCUMENTS = sorted(
    path
    for path in [
        *PROJECT.glob("*.md"),
        *PROJECT.glob("docs/*.md"),
        *PROJECT.glob("data/*/README.md"),
        *PROJECT.glob("crm_pipeline/**/*.md"),
        *PROJECT.glob("dbt_project/models/**/*.md"),
    ]
    if "local" not in path.parts
)
MADE_LATER = re.compile(r"^(data/local|data/myshop|data/[a-z_]+/landing|\.venv|dbt_project/target)")
TOP_LEVEL = {path.name for path in PROJECT.iterdir() if path.is_dir()}


def named_paths(text: str) -> set[str]:
    quoted = re.findall(r"`([\w./\-]+/[\w./\-]*)`", text)
    linked = re.findall(r"\]\(([\w./\-]+)\)", text)
    return {path for path in (*quoted, *linked) if path.split("/")[0] in TOP_LEVEL or path in linked}


def targets_of(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z]+)\b", text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_each_path_that_a_document_names_exists(document):
    paths = {path for path in named_paths(document.read_text()) if not MADE_LATER.match(path)}
    missing = {path for path in paths if not (PROJECT / path).exists() and not (document.parent / path).exists()}
    assert missing == set()


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path.parent in (PROJECT, PROJECT / "docs")], ids=lambda path: path.name
)
def test_each_make_target_that_a_document_names_exists(document):
    quoted = "\n".join(re.findall(r"`[^`]*`|```.*?```", document.read_text(), flags=re.DOTALL))
    rules = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets_of(quoted) - rules == set()


def test_each_row_of_what_to_open_names_what_exists():
    section = (PROJECT / "README.md").read_text().split("## To change X, open Y\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, flags=re.MULTILINE)[1:]
    unknown = [what for what, where in rows if not named_paths(where) and "pipeline.yml" not in where]
    assert unknown == []
    told = " ".join(what for what, _ in rows)
    assert [topic for topic in ("inputs of the models", "limits", "contradict") if topic not in told] == []


def test_the_list_of_marts_has_each_public_mart_with_its_grain():
    parsed = json.loads(manifest(Settings()).read_text())
    marts = {
        node["name"]: node["description"].split(". ")[0].strip().rstrip(".")
        for node in parsed["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts" and node["access"] == "public"
    }
    text = (PROJECT / "dbt_project/models/marts/README.md").read_text()
    assert dict(re.findall(r"^\| `(\w+)` \| (.*)\. \|$", text, flags=re.MULTILINE)) == marts


def test_a_path_that_is_not_there_is_found():
    assert named_paths("see `crm_pipeline/nowhere.py` and [this](NOWHERE.md)") == {
        "crm_pipeline/nowhere.py",
        "NOWHERE.md",
    }
    assert targets_of("make nothing") == {"nothing"}
