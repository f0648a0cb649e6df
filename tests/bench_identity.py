"""`make bench`: who is who at 100,000 records and at a million, beside bare Splink on the same records.

The invented company is generated, loaded and staged for real; then each measurement runs in a process of its own, so
that its peak memory is its own. Compare the ratios of one run, not seconds of two machines.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import yaml
from splink import DuckDBAPI, Linker

from crm_pipeline.config.dataset import PIPELINE_FILE, load_dataset
from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.config.settings import Settings, now
from crm_pipeline.dbt.project import dbt_environment, dbt_executable, dbt_vars
from crm_pipeline.identity import candidates, changes, store
from crm_pipeline.identity.normalise import load_identifiers
from crm_pipeline.identity.profiles import COMPARED, load_profiles
from crm_pipeline.identity.resolve import Previous, resolve
from crm_pipeline.raw.load import load
from crm_pipeline.sample.generate import generate
from crm_pipeline.stages import Stage
from crm_pipeline.storage.warehouse import workshop
from tests.bench import alone, peak_gigabytes

AS_OF = date(2026, 6, 30)
RECORDS_PER_PERSON = 4.57
# They say nothing about who is who, and are most of the files.
NOT_NEEDED = ("order_lines", "web_events")
NEW_SHARE = 100


def prepare(root: Path, people: int) -> Settings:
    """Make a company, load it, and build what the identity stage reads."""
    os.environ.update(CRM_DATA_ROOT=str(root / "data"), CRM_STATE_ROOT=str(root / "state"), CRM_MEMORY_LIMIT="3GB")
    settings = Settings()
    folder = settings.dataset_folder
    generate(people, 7, folder, processes=2, say=lambda _: None)
    pipeline = yaml.safe_load((folder / PIPELINE_FILE).read_text())
    pipeline["sources"] = [source for source in pipeline["sources"] if source["channel"] not in NOT_NEEDED]
    (folder / PIPELINE_FILE).write_text(yaml.safe_dump(pipeline, allow_unicode=True))
    dataset = load_dataset(folder)
    load(settings, dataset, "bench", now())
    project = str(settings.dbt_project)
    subprocess.run(
        [dbt_executable(), "--quiet", "run", "--select", "+stg_identifiers", "--vars", dbt_vars(dataset, AS_OF),
         "--target-path", str(root / "target"), "--project-dir", project, "--profiles-dir", project],
        env={**os.environ, **dbt_environment(settings)}, check=True,
    )  # fmt: skip
    return settings


def _full() -> str:
    """Resolve all records, training included, and keep what the next run starts from."""
    settings = Settings()
    with workshop(settings, Stage.STAGING) as con:
        resolution = resolve(con, MatchSettings(), "GB", AS_OF, previous=Previous(), seed=1)
    store.save(settings, resolution)
    return f"{resolution.figures.records:,} records, {resolution.figures.people:,} people"


def _kept_model() -> str:
    """Resolve all records with the model that is there."""
    settings = Settings()
    with workshop(settings, Stage.STAGING) as con:
        resolve(con, MatchSettings(), "GB", AS_OF, previous=Previous(model=store.read_model(settings)))
    return "all records, no training"


def _before_increment() -> str:
    """Resolve all but the newest hundredth of the records, and keep the result."""
    settings = Settings()
    with workshop(settings, Stage.STAGING) as con:
        for table in ("stg_identifiers", "stg_customers"):
            con.execute(f"""
                create or replace view staging.{table} as
                from warehouse.staging.{table} where hash(record_id) % {NEW_SHARE} > 0
            """)
        model = store.read_model(settings)
        store.save(settings, resolve(con, MatchSettings(), "GB", AS_OF, previous=Previous(model=model)))
    return "99 % of the records, no training"


def _increment() -> str:
    """Resolve all records when a hundredth is new."""
    settings = Settings()
    with workshop(settings, Stage.STAGING) as con:
        resolution = resolve(con, MatchSettings(), "GB", AS_OF, previous=store.read_previous(settings))
    store.save(settings, resolution)
    return f"1 % of the records new, {resolution.looked_at:,} looked at"


def _bare_splink() -> str:
    """Let Splink alone predict on all records, profiles or not, with the same model and the same keys."""
    settings = Settings()
    model = store.read_model(settings)
    assert model
    with workshop(settings, Stage.STAGING) as con:
        changes.look_at_all(con, MatchSettings())
        load_identifiers(con, MatchSettings(), "GB")
        load_profiles(con)
        con.execute(f"""
            create table everybody as
            with others as (
                select records.record_key, kind, value from identifiers join records using (node)
                where unusable is null and kind <> 'source_id' and record_key not in (select record_key from profiles)
            )
            select record_key, {", ".join(COMPARED)}, first_forms from profiles
            union all by name
            select record_key, min(value) filter (where kind = 'email') as email,
                min(value) filter (where kind = 'phone') as phone,
                min(value) filter (where kind = 'loyalty_id') as loyalty_id
            from others group by record_key
        """)
        started = time.monotonic()
        keys = [("email",), ("phone",), ("loyalty_id",), *candidates.KEYS]
        rules = [" and ".join(f"{_of(part, 'l')} = {_of(part, 'r')}" for part in key) for key in keys]
        linker = Linker(
            DuckDBAPI(con).register("everybody"),
            {**model.settings, "blocking_rules_to_generate_predictions": rules},
            log_level=None,
        )
        pairs = linker.inference.predict(threshold_match_weight=0, warning_mode="never")
        count = con.execute(f"select count(*) from {pairs.physical_name}").fetchall()[0][0]
        return f"{count:,} pairs in {time.monotonic() - started:.1f} s without the reading"


def _of(part: str, side: str) -> str:
    for column in sorted(COMPARED, key=len, reverse=True):
        part = part.replace(column, f"{side}.{column}")
    return part


def _measured(job: Callable[[], str]) -> tuple[float, float, float, str]:
    started, cpu = time.monotonic(), time.process_time()
    told = job()
    return time.monotonic() - started, time.process_time() - cpu, peak_gigabytes(), told


def main() -> None:
    """Print the figures of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="*", type=int, default=[100_000, 1_000_000], help="how many records")
    jobs = {"full": _full, "kept model": _kept_model, "bare Splink": _bare_splink, "but 1 %": _before_increment,
            "increment": _increment}  # fmt: skip
    for records in parser.parse_args().records:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), round(records / RECORDS_PER_PERSON))
            print(f"\n{records:,} records\n  {'':12} {'wall s':>8} {'CPU s':>8} {'GiB':>6}")
            for name, job in jobs.items():
                wall, cpu, peak, told = alone(_measured, job)
                print(f"  {name:12} {wall:8.1f} {cpu:8.1f} {peak:6.2f}   {told}", flush=True)


if __name__ == "__main__":
    main()
