"""The golden record: its attributes stand in one list, and whoever adds one names it there and describes it."""

import os
import shutil
import subprocess
from datetime import date, datetime
from filecmp import dircmp
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_pipeline.config import contract
from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import dbt_environment, dbt_executable, dbt_vars
from crm_pipeline.identity.products import PRODUCT_MAP_SCHEMA
from crm_pipeline.raw import dbt_sources
from crm_pipeline.raw.ledger import ledger_schema

AS_OF = date(2024, 6, 30)
ATTRIBUTE = """\
      - name: occupation
        logicalType: string
        physicalType: VARCHAR
        customProperties: [{property: goldenRecord, value: customers}]
        description: What the person does for a living.
"""
DESCRIPTION = """\
      - &occupation
        name: occupation
        description: What the person does for a living.
"""
CREATED = {"1": datetime(2024, 1, 1), "2": datetime(2024, 2, 1), "3": datetime(2024, 2, 1)}
RECORDS = [
    {"customer_id": "1", "updated_at": datetime(2024, 1, 1), "occupation": "baker", "birth_date": date(1980, 7, 1)},
    {"customer_id": "1", "updated_at": datetime(2024, 3, 1), "occupation": " miller "},
    {"customer_id": "2", "updated_at": datetime(2024, 2, 1), "occupation": "smith"},
    {"customer_id": "3", "updated_at": datetime(2024, 2, 1), "age_band": "35-44"},
]
PEOPLE = {"shop|customer|1": 1, "shop|customer|2": 1, "shop|customer|3": 2}


def insert(file: Path, mark: str, text: str) -> None:
    """Put text before the first line that begins with a mark."""
    before, found, after = file.read_text(encoding="utf-8").partition(mark)
    assert found, f"{file} has no {mark!r}"
    file.write_text(before + text + found + after, encoding="utf-8")


def changed(folder: dircmp) -> set[str]:
    """The files of two trees that differ, or that only one of them has."""
    below = [changed(sub) for sub in folder.subdirs.values()]
    return {*folder.diff_files, *folder.left_only, *folder.right_only}.union(*below)


@pytest.fixture
def with_occupation(tmp_path, monkeypatch) -> Path:
    """A copy of the contracts and of the dbt project in which people have an occupation; its root."""
    for folder in ("crm_pipeline/config/contracts", "dbt_project"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("target", "logs"))
    contracts = tmp_path / "crm_pipeline" / "config" / "contracts"
    insert(contracts / "customers.odcs.yaml", "      - {name: created_at", ATTRIBUTE)
    monkeypatch.setattr(contract, "CONTRACTS_FOLDER", contracts)
    contract.contracts.cache_clear()
    models = tmp_path / "dbt_project" / "models"
    (models / "staging" / dbt_sources.TARGET.name).write_text(dbt_sources.render(), encoding="utf-8")
    insert(models / "customer" / "dim_customers.yml", "      - &language\n", DESCRIPTION)
    insert(models / "customer" / "dim_customers.yml", "      - *language\n", "      - *occupation\n")
    yield tmp_path
    contract.contracts.cache_clear()


def write_lake(lake: Path) -> None:
    """Customer records of two people, and empty tables for all else."""
    for name, described in contract.contracts().items():
        rows = RECORDS if name == "customers" else []
        told = [
            {
                "_system": "shop",
                "_delivery": 1,
                "_first_delivery": 1,
                "_line": line,
                "created_at": CREATED[row["customer_id"]],
            }
            | row
            for line, row in enumerate(rows, start=1)
        ]
        write(lake / "raw" / "current" / name / "1.parquet", told, contract.arrow_schema(described))
    write(lake / "raw" / "current" / "ledger.parquet", [{"delivery": 1, "load": 1}], ledger_schema())
    people = [{"record_id": record, "customer_key": key, "customer_id": f"C{key}"} for record, key in PEOPLE.items()]
    schema = pa.schema([("record_id", pa.string()), ("customer_key", pa.int64()), ("customer_id", pa.string())])
    write(lake / "identity" / "current" / "person_map.parquet", people, schema)
    write(lake / "identity" / "current" / "product_map.parquet", [], PRODUCT_MAP_SCHEMA)


def write(path: Path, rows: list[dict], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def build(root: Path) -> Path:
    """Build the golden record and run its tests; the warehouse."""
    settings = Settings(state_root=root, dataset="shop", dbt_project=root / "dbt_project")
    write_lake(settings.lake)
    project = str(settings.dbt_project)
    command = [str(dbt_executable()), "build", "--select", "+dim_customers", "customer_attributes"]
    command += ["--exclude-resource-type", "unit_test", "--project-dir", project, "--profiles-dir", project]
    command += ["--vars", dbt_vars(load_dataset(PROJECT / "data" / "sample"), AS_OF)]
    done = subprocess.run(command, env=os.environ | dbt_environment(settings), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return settings.warehouse


def test_a_further_attribute_is_one_entry_of_the_contract_and_its_description(with_occupation):
    touched = set()
    for folder in ("crm_pipeline/config/contracts", "dbt_project"):
        touched |= changed(dircmp(PROJECT / folder, with_occupation / folder, ignore=["target", "logs"]))
    assert touched == {"customers.odcs.yaml", "_raw_sources.yml", "dim_customers.yml"}
    with duckdb.connect(build(with_occupation), read_only=True) as con:
        golden = con.sql("select occupation, age_band from customer.dim_customers order by customer_key").fetchall()
        history = con.sql(
            "select valid_from, occupation from customer.dim_customers_history where customer_key = 1 order by all"
        ).fetchall()
        told = con.sql(
            "select rank, attribute_value, record_id from customer.customer_attributes "
            "where attribute = 'occupation' order by all"
        ).fetchall()
    assert golden == [("miller", None), (None, "35-44")]
    assert history == [
        (date(2024, 1, 1), "baker"), (date(2024, 2, 1), "smith"), (date(2024, 3, 1), "miller")
    ]  # fmt: skip
    assert told == [(1, "miller", "shop|customer|1"), (2, "smith", "shop|customer|2")]
