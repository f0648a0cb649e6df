"""`make bench`: time and peak memory of each dbt model and scoring step at 100,000 and at a million people.

The published sample company is copied side by side, each copy with ids, addresses, cards and words of its own, until
there are enough people: raw files, person map and scores; products, campaigns, advertising and rates stay what they
are. Then all dbt models are built from staging to marts, and everybody is scored anew. What grows faster than the
people is named. Compare the ratios of one run, not seconds of two machines.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunner

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import dbt_environment, dbt_vars
from crm_pipeline.scoring import steps
from crm_pipeline.scoring.steps import Given
from crm_pipeline.stages import Stage
from crm_pipeline.storage import lake
from crm_pipeline.storage.warehouse import connect
from tests.bench import alone, peak_gigabytes

OWN = (
    "customer_id", "loyalty_id", "email", "phone", "referrer_id", "referrer_email", "referred_id", "referred_email",
    "social_handle", "handle", "order_id", "original_order_id", "event_id", "contact_id", "anonymous_id", "session_id",
    "ticket_id", "response_id", "mention_id", "referral_id",
)  # fmt: skip
"""Columns whose values each copy has of its own."""
WORDS = ("subject_line", "body", "comment")
"""Columns that each copy words in its own way, as no two people write the same."""
SHARED = ("products", "campaigns", "ad_spend", "exchange_rates", "quarantine", "ledger")
"""Raw tables that do not grow with people."""
TOO_FAST, NOTICEABLE_SECONDS = 1.5, 2.0
"""A model is named when its time grows more than this times as fast as the people, if it takes a while at all."""
COPY_BITS = 1 << 60


@dataclass(frozen=True)
class Cost:
    """What building one model, or one scoring step, took."""

    seconds: float
    cpu: float
    gigabytes: float


def replicate(source: Path, target: Path, copies: int) -> None:
    """Write the lake of a company that is `copies` times as large."""
    con = duckdb.connect(config={"memory_limit": "4GB", "threads": 2, "preserve_insertion_order": False})
    con.execute(f"create table copies as select unnest(range({copies})) as copy")
    raw, made = source / "raw" / lake.CURRENT, target / "raw" / lake.CURRENT
    guests = []
    for folder in sorted(raw.iterdir()):
        name = folder.stem
        if name in SHARED:
            (shutil.copytree if folder.is_dir() else shutil.copy)(folder, _made(made) / folder.name)
            continue
        columns = [column for (column, *_) in con.execute(f"describe from '{folder}/*.parquet'").fetchall()]
        own = [f"{_owned(column)} as {column}" for column in OWN if column in columns]
        own += [f"{column} || ' ' || copy as {column}" for column in WORDS if column in columns]
        _copy(con, f"select * replace ({', '.join(own)}) from '{folder}/*.parquet', copies", made / name / "a.parquet")
        if "customer_id" in columns and "email" in columns:
            given = [column if column in columns else "null" for column in ("loyalty_id", "email", "phone")]
            guests.append(f"select _system as system, {', '.join(given)} from '{folder}/*.parquet'")
    _replicate_people(con, source, target, guests)
    for folder in sorted((source / "scoring").iterdir()):
        if folder.name != "registry":
            schema = con.execute(f"describe from '{folder}/*.parquet'").fetchall()
            keyed = "customer_key" in {column for (column, *_) in schema}
            query = f"from '{folder}/*.parquet'"
            if keyed:
                query = f"select * replace ({_key('customer_key')} as customer_key) {query}, copies"
            _copy(con, query, target / "scoring" / folder.name / "a.parquet")


def _replicate_people(con: duckdb.DuckDBPyConnection, source: Path, target: Path, guests: list[str]) -> None:
    """Write the person map; a guest's record is named by what the guest gave."""
    identity, made = source / "identity" / lake.CURRENT, target / "identity" / lake.CURRENT
    text = "lower({0}) || '|' || lower({1}) || '|' || lower({2})"
    values = [f"coalesce({column}, '')" for column in ("loyalty_id", "email", "phone")]
    owned = [f"coalesce({_owned(column)}, '')" for column in ("loyalty_id", "email", "phone")]
    con.execute(f"""
        create table guests (system varchar, loyalty_id varchar, email varchar, phone varchar);
        insert into guests select distinct * from ({" union all ".join(guests)});
        create table people as
        select distinct system || '|guest|' || md5({text.format(*values)}) as record_id,
            system || '|guest|' || md5({text.format(*owned)}) as copied_id, copy
        from guests, copies
    """)
    _copy(
        con,
        f"""
        with person_map as (from '{identity}/person_map.parquet', copies)
        select coalesce(people.copied_id, regexp_replace(record_id, '^(.*?[|]customer[|])', '\\1' || {_prefix()}))
                as record_id, {_key("customer_key")} as customer_key, {_prefix()} || customer_id as customer_id,
            first_load, linked_by
        from person_map left join people using (record_id, copy)
        """,
        made / "person_map.parquet",
    )
    for file in sorted(identity.glob("*.parquet")):
        if file.stem != "person_map":
            shutil.copy(file, made / file.name)


def _prefix() -> str:
    return "case when copy > 0 then copy || 'c' else '' end"


def _owned(column: str) -> str:
    """What each copy writes: placeholders such as `none`, which name nobody, stay what they are."""
    return f"case when regexp_matches({column}, '[0-9@]') then {_prefix()} || {column} else {column} end"


def _key(column: str) -> str:
    return f"({column} + copy * 1_000_003) % {COPY_BITS}"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copy(con: duckdb.DuckDBPyConnection, query: str, target: Path) -> None:
    _made(target.parent)
    con.execute(f"copy ({query}) to '{target}' (format parquet)")


def build(settings: Settings, as_of: date) -> dict[str, Cost]:
    """Build all models, without their tests, and return what each cost; one at a time, as every run does."""
    started: dict[str, tuple[float, float]] = {}
    costs: dict[str, Cost] = {}

    def watch(event: object) -> None:
        told = getattr(event, "info", None)
        name = getattr(getattr(getattr(event, "data", None), "node_info", None), "node_name", None)
        if told is None or name is None:
            return
        if told.name == "NodeStart":
            started[name] = _begun()
        elif told.name == "NodeFinished":
            costs[name] = _ended(name, *started[name])

    os.environ.update(dbt_environment(settings))
    project = str(settings.dbt_project)
    stages = [f"tag:{stage}" for stage in (Stage.STAGING, Stage.CUSTOMER, Stage.FEATURES, Stage.MARTS)]
    arguments = [
        "--quiet", "build", "--select", *stages, "--resource-type", "model", "--resource-type", "seed",
        "--vars", dbt_vars(load_dataset(settings.dataset_folder), as_of),
        "--project-dir", project, "--profiles-dir", project, "--target-path", str(settings.state / "dbt"),
    ]  # fmt: skip
    done = dbtRunner(callbacks=[watch]).invoke(arguments)
    if not done.success:
        raise SystemExit(f"dbt failed: {done.exception or [str(result) for result in done.result][-3:]}")
    return costs


def score(settings: Settings, as_of: date) -> dict[str, Cost]:
    """Score everybody from nothing, without the scores that were copied, and return what each step cost."""
    shutil.rmtree(settings.lake / Stage.SCORING)
    dataset = load_dataset(settings.dataset_folder)
    # Copied often enough, a harmless difference from the planned share looks like a broken draw.
    dataset = dataset.model_copy(update={"actions": dataset.actions.model_copy(update={"control_shares": {}})})
    costs: dict[str, Cost] = {}
    with connect(settings) as connection:
        begun = _begun()
        for name, _ in steps.score(Given.of(connection, dataset, settings, as_of)):
            costs[name] = _ended(name, *begun)
            begun = _begun()
    return costs


def _begun() -> tuple[float, float]:
    # The kernel forgets the highest memory of this process so far.
    Path("/proc/self/clear_refs").write_text("5")
    return time.monotonic(), time.process_time()


def _ended(name: str, wall: float, cpu: float) -> Cost:
    cost = Cost(time.monotonic() - wall, time.process_time() - cpu, peak_gigabytes())
    print(f"{name:34}{cost.seconds:>8.1f} s{cost.gigabytes:>8.2f} GiB", file=sys.stderr, flush=True)
    return cost


def _measured(source: Path, copies: int, as_of: date, memory: str) -> list[dict[str, Cost]]:
    """Build and score in a process each: dbt does not close the warehouse that it has opened."""
    with tempfile.TemporaryDirectory(dir=source.parents[1], prefix="bench-") as folder:
        own = {"CRM_STATE_ROOT": folder, "CRM_MEMORY_LIMIT": memory}
        return [alone(_built, own, source, copies, as_of), alone(_scored, own, as_of)]


def _built(own: dict[str, str], source: Path, copies: int, as_of: date) -> dict[str, Cost]:
    os.environ.update(own)
    settings = Settings()
    replicate(source, settings.lake, copies)
    return build(settings, as_of)


def _scored(own: dict[str, str], as_of: date) -> dict[str, Cost]:
    os.environ.update(own)
    return score(Settings(), as_of)


def report(title: str, costs: dict[int, dict[str, Cost]]) -> Iterator[str]:
    """Say what each took at each size, the slowest first, and which grow faster than the people."""
    sizes = sorted(costs)
    yield f"\n{title:34}" + "".join(f"{people:>14,} s {'CPU s':>8} {'GiB':>6}" for people in sizes)
    last = costs[sizes[-1]]
    for name in sorted(last, key=lambda model: -last[model].seconds):
        cells = (costs[people][name] for people in sizes)
        yield f"{name:34}" + "".join(f"{cost.seconds:>16.1f} {cost.cpu:>8.1f} {cost.gigabytes:>6.2f}" for cost in cells)
    for people in sizes:
        of = costs[people].values()
        yield f"all at {people:,}: {sum(c.seconds for c in of):.0f} s, at most {max(c.gigabytes for c in of):.2f} GiB"
    for small, large in pairwise(sizes):
        for name, cost in costs[large].items():
            growth = cost.seconds / max(costs[small][name].seconds, 0.05)
            if growth > TOO_FAST * large / small and cost.seconds > NOTICEABLE_SECONDS:
                yield f"{name} grows faster than the data: {growth:.0f} times the time for {large / small:.0f} times"


def main() -> None:
    """Print the costs of each model and scoring step at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="*", type=int, default=[100_000, 1_000_000], help="how many people")
    parser.add_argument("--memory", default="5GB", help="DuckDB's memory limit (default: %(default)s)")
    asked = parser.parse_args()
    settings = Settings()
    if not settings.serving_file.exists():
        raise SystemExit(f"There is no published {settings.dataset} to copy. Remedy: crm run.")
    with duckdb.connect(str(settings.serving_file), read_only=True) as con:
        people, as_of = con.execute("select people, as_of_date from _release").fetchall()[0]
    costs = {}
    for wanted in asked.people:
        costs[wanted] = _measured(settings.lake, -(-wanted // people), as_of, asked.memory)
    for place, title in enumerate(("model", "scoring step")):
        print(*report(title, {people: both[place] for people, both in costs.items()}), sep="\n")


if __name__ == "__main__":
    main()
