"""The dbt project's manifest, parsed when it is missing or out of date, and dbt's environment."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

from crm_pipeline.config.ages import AGE_BANDS
from crm_pipeline.config.contract import golden_attributes
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.identity import STAND_IN
from crm_pipeline.config.settings import Settings
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lake import as_pattern, atomic_file

_PROJECT_FILES = ("*.sql", "*.yml", "*.csv", "*.md")

_LOCK_HELD = re.compile(r"Could not set lock on file [^\n]*?\(PID (\d+)\)")
_END_OF_LOG = 100_000


class DbtError(RuntimeError):
    """The dbt project does not parse, or cannot be described; the message is dbt's own."""


def dbt_executable() -> Path:
    """The dbt of the same virtual environment."""
    return Path(sys.executable).parent / "dbt"


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The environment variables that profiles.yml and the sources read."""
    return {
        "CRM_LAKE": as_pattern(settings.lake),
        "CRM_WAREHOUSE": str(settings.warehouse),
        "CRM_MEMORY_LIMIT": settings.memory_limit,
        "CRM_THREADS": str(settings.threads),
    }


def dbt_vars(dataset: Dataset, as_of: date) -> str:
    """The business settings that the models need, as dbt's `--vars`."""
    business, journeys, service, models = dataset.business, dataset.journeys, dataset.service, dataset.models
    return json.dumps(
        {
            "as_of_date": as_of.isoformat(),
            "currency": business.currency,
            "timezone": business.timezone,
            "gross_margin": business.gross_margin,
            "source_trust": dataset.source_trust(),
            "churn_horizon_days": business.churn_horizon_days,
            "attribution_days": journeys.attribution_days,
            "session_gap_minutes": journeys.session_gap_minutes,
            "login_days": journeys.login_days,
            "response_days": dataset.actions.response_days,
            "first_response_target_hours": service.first_response_hours,
            "resolution_target_hours": service.resolution_hours,
            "kpi_targets": dataset.kpi_targets(),
            "feature_grid_months": models.feature_months,
            "sampled_feature_rows": models.sampled_rows,
            "service_costs": business.service_costs,
            "loyalty_point_value": business.loyalty_point_value,
            "stand_ins": STAND_IN,
            "emails_per_customer_id": dataset.identity.emails_per_customer_id,
            "golden_attributes": golden_attributes_var(),
            "age_bands": age_bands_var(),
        }
    )


def golden_attributes_var() -> list[dict[str, str | None]]:
    """The attributes of the golden record as macros loop over them."""
    return [
        {"name": column.name, "type": column.physical_type, "format": column.format, "told_by": column.told_by}
        for column in golden_attributes()
    ]


def age_bands_var() -> list[dict[str, str | int | None]]:
    """The bands of ages as macros loop over them."""
    return [band._asdict() for band in AGE_BANDS]


def manifest(settings: Settings) -> Path:
    """Return the path of an up-to-date manifest.json, parsing the project first where a file is newer.

    Raises:
        DbtError: if the project does not parse.
    """
    path = settings.dbt_project / "target" / "manifest.json"
    path.parent.mkdir(exist_ok=True)
    # dbt writes the file in place: who comes while another process parses waits, and finds it whole.
    with (path.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() or path.stat().st_mtime_ns < _newest_change(settings.dbt_project):
            # What dbt parses of what changed it may get wrong where a definition moved from one file to another.
            _dbt(settings, "parse", "--no-partial-parse")
    return path


def forget_outdated_parse(settings: Settings, target: Path) -> None:
    """Let dbt parse the project whole in a target folder that was last used with an earlier project."""
    parsed = target / "partial_parse.msgpack"
    if parsed.exists() and parsed.stat().st_mtime_ns < manifest(settings).stat().st_mtime_ns:
        parsed.unlink()


def write_documentation(settings: Settings) -> Path:
    """Write all models, columns, tests and KPIs with their lineage as one HTML page, and return its path.

    Column types come from the warehouse; before the first run they are left out.

    Raises:
        DbtError: if dbt fails, as it does while a run keeps the warehouse.
    """
    target, page = settings.state / "dbt", settings.state / "docs.html"
    catalog = () if settings.warehouse.exists() else ("--empty-catalog",)
    forget_outdated_parse(settings, target)
    # What is not compiled is not written either, so that the page's model of the project comes from parsing it.
    _dbt(settings, "parse", "--target-path", str(target))
    _dbt(settings, "docs", "generate", "--static", "--no-compile", "--target-path", str(target), *catalog)
    with atomic_file(page) as building:
        shutil.copyfile(target / "static_index.html", building)
    return page


def failure_sentence(target: Path, stage: Stage) -> str:
    """Say in one line which models and tests of a `dbt build` failed, from the results in its target folder."""
    path = target / "run_results.json"
    results = json.loads(path.read_text())["results"] if path.exists() else []
    broken = [result for result in results if result["status"] in ("error", "fail")]
    said = [f"{result['unique_id'].split('.')[2]} ({_first_lines(result['message'])})" for result in broken]
    holder = None if said else _lock_holder(target / "dbt.log")
    if holder:
        return (
            f"dbt could not open the warehouse for stage {stage}: process {holder} has it open. "
            "Close it there and run again; to read while a run goes on, open the serving file."
        )
    if not said:
        return f"dbt could not build stage {stage}: see {target / 'dbt.log'}."
    return f"dbt stopped in stage {stage}: {'; '.join(said[:5])}. Details: {target / 'dbt.log'}."


def _lock_holder(log: Path) -> str | None:
    """Return the number of the process that kept dbt from opening the warehouse, if the end of its log tells of one."""
    if not log.exists():
        return None
    end = log.read_bytes()[-_END_OF_LOG:].decode(errors="replace")
    held = _LOCK_HELD.findall(end)
    return held[-1] if held else None


def _first_lines(message: str | None) -> str:
    return " ".join(line.strip() for line in (message or "").splitlines()[:3] if line.strip())


def _newest_change(project: Path) -> int:
    made_by_dbt = {project / "target", project / "logs"}
    files = (file for pattern in _PROJECT_FILES for file in project.rglob(pattern))
    return max(file.stat().st_mtime_ns for file in files if made_by_dbt.isdisjoint(file.parents))


def _dbt(settings: Settings, *arguments: str) -> None:
    project = str(settings.dbt_project)
    command = [str(dbt_executable()), *arguments, "--project-dir", project, "--profiles-dir", project]
    environment = {**os.environ, **dbt_environment(settings), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise DbtError(done.stdout[-4000:] or done.stderr[-4000:])
