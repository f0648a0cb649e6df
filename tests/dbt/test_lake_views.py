"""The lake's files are tables to the models: views of what an invocation reads, made before it reads them."""

import os
import subprocess
from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_pipeline.config.contract import arrow_schema, contracts
from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import dbt_environment, dbt_executable

RATE = {"currency": "EUR", "rate_date": date(2024, 3, 30), "rate": Decimal("0.85")}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Settings:
    """A model of a channel and its unit tests, built over a lake in a folder whose name SQL and globs could misread."""
    folder = tmp_path_factory.mktemp("state") / "ann's [old] {name} shop=uk"
    settings = Settings(dataset="inn", state_root=folder)
    schema = arrow_schema(contracts()["exchange_rates"])
    row = RATE | {"_source": "bank", "_system": "bank", "_file": "rates.csv", "_line": 2, "_delivery": 1}
    path = settings.lake / "raw" / "current" / "exchange_rates" / "1.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row | {"_first_delivery": 1}], schema=schema), path)
    project = str(PROJECT / "dbt_project")
    command = [str(dbt_executable()), "build", "--select", "stg_exchange_rates", "--vars", "{as_of_date: 2024-03-31}"]
    command += ["--target-path", str(settings.state / "dbt"), "--project-dir", project, "--profiles-dir", project]
    environment = os.environ | dbt_environment(settings)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return settings


def test_a_model_reads_files_whatever_their_folder_is_called(built):
    with duckdb.connect(str(built.warehouse), read_only=True) as con:
        rows = con.sql("select currency, valid_on, rate from staging.stg_exchange_rates order by all").fetchall()
    assert rows == [("EUR", date(2024, 3, day), Decimal("0.85000000")) for day in (30, 31)]


def test_only_what_is_read_has_a_view_and_a_folder_is_no_column(built):
    with duckdb.connect(str(built.warehouse), read_only=True) as con:
        views = con.sql("select schema_name, view_name from duckdb_views() where not internal").fetchall()
        columns = con.sql("from raw.exchange_rates").columns
    assert views == [("raw", "exchange_rates")]
    assert columns == arrow_schema(contracts()["exchange_rates"]).names
