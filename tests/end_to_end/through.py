"""Takes the dataset of the environment from raw files to the customer stage, without Dagster; says as JSON how it went.

Run as a program of its own, so that it is the package on PYTHONPATH that is tried.
"""

import json
import os
import subprocess
from datetime import UTC, date, datetime

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import dbt_environment, dbt_executable, dbt_vars
from crm_pipeline.identity import store
from crm_pipeline.identity.products import resolve_products
from crm_pipeline.identity.resolve import resolve
from crm_pipeline.raw.load import load
from crm_pipeline.stages import Stage
from crm_pipeline.storage.warehouse import workshop

AS_OF = date(2024, 3, 31)


def main() -> None:
    settings = Settings()
    dataset = load_dataset(settings.dataset_folder)
    problems = load(settings, dataset, "run", datetime(2024, 6, 1, tzinfo=UTC)).problems
    assert not problems, problems
    build(settings, Stage.STAGING)
    with workshop(settings, Stage.STAGING) as connection:
        region = dataset.business.default_region
        people = resolve(connection, dataset.identity, region, AS_OF)
        product_map = resolve_products(connection, dataset.source_trust())
    store.save(settings, people, product_map)
    results = build(settings, Stage.CUSTOMER)
    print(json.dumps({result["unique_id"].split(".")[2]: result["status"] for result in results}))


def build(settings: Settings, stage: Stage) -> list[dict[str, str]]:
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    command = [str(dbt_executable()), "build", "--exclude-resource-type", "unit_test", "--select", f"tag:{stage}"]
    command += ["--vars", dbt_vars(load_dataset(settings.dataset_folder), AS_OF)]
    project = str(settings.dbt_project)
    command += ["--target-path", str(settings.state / "dbt"), "--project-dir", project, "--profiles-dir", project]
    done = subprocess.run(command, env=os.environ | dbt_environment(settings), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return json.loads((settings.state / "dbt" / "run_results.json").read_text())["results"]


if __name__ == "__main__":
    main()
