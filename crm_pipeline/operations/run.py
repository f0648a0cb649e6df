"""One run of `crm_daily` in this process, told in the terminal as it goes."""

import logging
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

from dagster import AssetKey, DagsterInstance, Definitions, JobDefinition

from crm_pipeline.operations.progress import Progress
from crm_pipeline.operations.schedules import DAILY
from crm_pipeline.stages import Stage, is_upstream

_POLL_SECONDS = 1.0
_LOGS_KEPT = 20


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: the stages that it reached, and one sentence per failed check or step."""

    run_id: str
    success: bool
    reached: list[Stage]
    problems: list[str]


def execute(
    definitions: Definitions,
    log_folder: Path,
    as_of: date | None = None,
    *,
    first: Stage = Stage.RAW,
    verbose: bool = False,
) -> RunOutcome:
    """Run the stages in flow order, with the instance that DAGSTER_HOME names.

    Args:
        definitions: the project's definitions.
        log_folder: gets a file with dbt's output, unless verbose.
        as_of: computes everything as of the end of this day; None leaves it to settings and pipeline.yml.
        first: the stage to begin with; those before it are taken as they are, and publish asks for their gates.
        verbose: shows Dagster's own log instead of one line a stage.
    """
    job = definitions.resolve_job_def(DAILY)
    run_config = {"resources": {"workspace": {"config": {"as_of": as_of.isoformat()}}}} if as_of else {}
    if not verbose:
        run_config["loggers"] = {"console": {"config": {"log_level": "CRITICAL"}}}
        logging.getLogger("alembic").setLevel(logging.WARNING)
    run_id = str(uuid.uuid4())
    with DagsterInstance.get() as instance, _log(log_folder / f"{run_id}.log", verbose) as terminal:
        progress = Progress(_stage_of_steps(job, first), terminal)
        watcher = _Watcher(instance, run_id, progress)
        watcher.start()
        try:
            result = job.execute_in_process(
                run_config=run_config,
                instance=instance,
                raise_on_error=False,
                run_id=run_id,
                asset_selection=_assets_from(job, first) if first is not Stage.RAW else None,
            )
        finally:
            watcher.stop()
    problems = progress.problems or ([progress.run_failure] if progress.run_failure else [])
    return RunOutcome(run_id, result.success, progress.reached, [] if result.success else problems)


@contextmanager
def _log(path: Path, verbose: bool) -> Iterator[TextIO]:
    """Keep the terminal for one line a stage: what else is printed or logged goes to a file. Yields the terminal."""
    terminal = sys.stdout
    if verbose:
        yield terminal
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file, redirect_stdout(file), _logged(file):
        yield terminal
    for old in sorted(path.parent.glob("*.log"), key=lambda log: log.stat().st_mtime_ns)[:-_LOGS_KEPT]:
        old.unlink()


@contextmanager
def _logged(file: TextIO) -> Iterator[None]:
    """Write into a file what the package logs, tracebacks of models among it."""
    handler, logger = logging.StreamHandler(file), logging.getLogger("crm_pipeline")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _stage_of_steps(job: JobDefinition, first: Stage) -> dict[str, Stage]:
    """Map each step to its stage: a step's name begins with it."""
    steps = {name: Stage(name.split("__")[0]) for name in job.graph.node_dict}
    return {name: stage for name, stage in steps.items() if not is_upstream(stage, first)}


def _assets_from(job: JobDefinition, first: Stage) -> list[AssetKey]:
    """List the assets of a stage and of those after it."""
    keys = job.asset_layer.asset_graph.materializable_asset_keys
    return [key for key in keys if not is_upstream(key.path[0], first)]


class _Watcher(threading.Thread):
    """Follows a run's events in the instance's log and hands them on."""

    def __init__(self, instance: DagsterInstance, run_id: str, progress: Progress) -> None:
        super().__init__(daemon=True)
        self._instance, self._run_id, self._progress = instance, run_id, progress
        self._stopping = threading.Event()
        self._cursor: str | None = None

    def run(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            self._drain()

    def stop(self) -> None:
        """Take in the last events and print what is left to say."""
        self._stopping.set()
        self.join()
        self._drain()
        self._progress.finish()

    def _drain(self) -> None:
        connection = self._instance.get_records_for_run(self._run_id, cursor=self._cursor)
        for record in connection.records:
            entry = record.event_log_entry
            if entry.dagster_event:
                self._progress.handle(entry.dagster_event, entry.timestamp)
        self._cursor = connection.cursor
