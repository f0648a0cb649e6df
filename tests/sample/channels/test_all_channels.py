"""What holds for every channel of the invented company."""

import re
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import crm_pipeline.sample
from crm_pipeline.sample.channels import MODULES
from crm_pipeline.sample.tables import SourceFile
from crm_pipeline.sample.world import World

from .conftest import make_world

NAMES = [module.SYSTEM for module in MODULES]
# Rows of these have no id of their own: what they are about is their key.
WITHOUT_IDS = {"ads", "bank", "consent"}
PIPELINE = Path(crm_pipeline.sample.__file__).with_name("pipeline.yaml")


def made(module: ModuleType, world: World, seed: int = 1) -> list[SourceFile]:
    files: list[SourceFile] = module.files(world, np.random.default_rng(seed))
    return files


@pytest.fixture(scope="module")
def files(world: World) -> dict[str, list[SourceFile]]:
    return {module.SYSTEM: made(module, world) for module in MODULES}


@pytest.fixture(scope="module")
def sources() -> list[dict[str, Any]]:
    document: dict[str, list[dict[str, Any]]] = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    return document["sources"]


def source_of(file: SourceFile, sources: list[dict[str, Any]]) -> dict[str, Any]:
    (source,) = [source for source in sources if fnmatch(file.path, source["files"])]
    return source


def origins(source: dict[str, Any]) -> dict[str, str]:
    """Return the source column that each contract column is read from."""
    given = {
        name: origin if isinstance(origin, str) else origin.get("from") for name, origin in source["columns"].items()
    }
    return {name: origin for name, origin in given.items() if origin}


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_the_same_seed_gives_the_same_rows(module: ModuleType, files: dict[str, list[SourceFile]]) -> None:
    for first, second in zip(files[module.SYSTEM], made(module, make_world()), strict=True):
        assert first.path == second.path
        pd.testing.assert_frame_equal(first.rows, second.rows)


@pytest.mark.parametrize("module", [module for module in MODULES if module.SYSTEM not in WITHOUT_IDS])
def test_ids_of_two_parts_of_the_company_never_meet(module: ModuleType, files: dict[str, list[SourceFile]]) -> None:
    first, second = ({file.source: set() for file in files[module.SYSTEM]} | {"campaigns": set()} for _ in range(2))
    for ids, made_files in ((first, files[module.SYSTEM]), (second, made(module, make_world(part=1)))):
        for file in made_files:
            values = file.rows[file.key]
            assert values.is_unique
            ids[file.source] |= set(values)
    assert any(second.values())
    assert all(first[source].isdisjoint(second[source]) for source in second)


def test_what_the_company_has_once_is_written_by_the_first_part_alone() -> None:
    second = [file.source for module in MODULES for file in made(module, make_world(200, part=1))]
    assert not {"campaigns", "spend", "rates"} & set(second)


def test_each_file_has_one_source_and_all_its_mapped_columns(
    files: dict[str, list[SourceFile]], sources: list[dict[str, Any]]
) -> None:
    for file in (file for family in files.values() for file in family):
        assert set(origins(source_of(file, sources)).values()) <= set(file.rows.columns), file.path


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_each_fault_is_planted_in_the_column_that_it_names(
    module: ModuleType, files: dict[str, list[SourceFile]], sources: list[dict[str, Any]]
) -> None:
    assert set(module.FAULTS) == {file.source for file in files[module.SYSTEM]}
    for file in files[module.SYSTEM]:
        columns = source_of(file, sources)["columns"]
        for fault in module.FAULTS[file.source]:
            assert fault.source_column in file.rows.columns
            assert fault.source_column in str(columns[fault.column]), (file.source, fault)


@pytest.mark.parametrize("module", [module for module in MODULES if hasattr(module, "records")])
def test_the_truth_names_rows_that_are_there_and_people_of_the_world(
    module: ModuleType, world: World, files: dict[str, list[SourceFile]], sources: list[dict[str, Any]]
) -> None:
    truth = module.records(world)
    assert list(truth.columns) == ["system", "kind", "source_id", "person"]
    assert truth["person"].isin(world.people["person"]).all()
    assert len(truth) > 10
    names = {(system, id_) for system, id_ in zip(truth["system"], truth["source_id"], strict=True)}
    written = set()
    for file in files[module.SYSTEM]:
        key = "email" if module.SYSTEM == "consent" else file.key
        system = source_of(file, sources)["system"]
        written |= {(system, value.strip('"')) for value in file.rows[key] if isinstance(value, str)}
    assert names <= written


def test_every_address_is_an_example(files: dict[str, list[SourceFile]]) -> None:
    found = set()
    for file in (file for family in files.values() for file in family):
        for column in file.rows.columns:
            texts = {text for text in file.rows[column].unique() if isinstance(text, str)}
            found |= {domain for text in texts for domain in re.findall(r"(?:[\w.]@|https://)([a-z.]+)", text)}
    assert found
    assert all(re.search(r"(^|\.)example(\.(com|net|org))?$", domain) for domain in found), found
