"""What a run shows in the terminal: one line a stage, and one sentence per failed check."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

from dagster import AssetCheckEvaluation, AssetCheckSeverity, DagsterEvent, DagsterEventType, Failure

from crm_pipeline.stages import STAGES, Stage


@dataclass
class StageProgress:
    """What has happened in one stage so far. `seconds` is the time its steps took."""

    steps: int
    started: float | None = None
    finished_steps: int = 0
    failed_steps: int = 0
    assets: int = 0
    rows: int = 0
    passed: int = 0
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether all steps have run."""
        return self.finished_steps + self.failed_steps == self.steps


class Progress:
    """Turns Dagster's events into lines. `stage_of` maps each step of the run to its stage."""

    def __init__(self, stage_of: Mapping[str, Stage], out: TextIO = sys.stdout) -> None:
        self._stage_of = stage_of
        self._out = out
        self._is_terminal = out.isatty()
        self._printed: set[Stage] = set()
        steps = list(stage_of.values())
        self.stages = {stage: StageProgress(steps=steps.count(stage)) for stage in STAGES if stage in steps}
        self._started_steps: dict[str, float] = {}
        self.run_failure: str | None = None

    def handle(self, event: DagsterEvent, timestamp: float) -> None:
        """Take in one event of the run."""
        if event.event_type in (DagsterEventType.RUN_FAILURE, DagsterEventType.RESOURCE_INIT_FAILURE):
            self.run_failure = self.run_failure or _first_cause(event)
        stage = self._stage_of.get(event.step_key or "")
        if stage is None:
            return
        progress = self.stages[stage]
        self._take_step(event, timestamp, stage, progress)
        self._take_evidence(event, progress)
        if progress.ended and stage not in self._printed:
            self._print(stage, progress)

    def finish(self) -> None:
        """Print the stages that began and did not end, and those that were not reached."""
        for stage, progress in self.stages.items():
            if stage not in self._printed and progress.started is not None:
                self._print(stage, progress)
        waiting = [stage.value for stage in self.stages if stage not in self._printed]
        if waiting:
            self._line(f"not run    {', '.join(waiting)}")

    @property
    def reached(self) -> list[Stage]:
        """The stages of which at least one step began."""
        return [stage for stage, progress in self.stages.items() if progress.started is not None]

    @property
    def problems(self) -> list[str]:
        """One sentence per failed check or failed step, in flow order."""
        return [text for progress in self.stages.values() for text in (*progress.failures, *progress.errors)]

    def _take_step(self, event: DagsterEvent, timestamp: float, stage: Stage, progress: StageProgress) -> None:
        key = event.step_key or ""
        if event.event_type is DagsterEventType.STEP_START:
            self._started_steps[key] = timestamp
            if progress.started is None:
                progress.started = timestamp
                if self._is_terminal:
                    print(f"{stage.value:<10} …", end="\r", flush=True, file=self._out)
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            progress.finished_steps += 1
            progress.seconds += timestamp - self._started_steps.get(key, timestamp)
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            progress.failed_steps += 1
            progress.seconds += timestamp - self._started_steps.get(key, timestamp)
            if not progress.failures:
                progress.errors.append(_first_cause(event))

    def _take_evidence(self, event: DagsterEvent, progress: StageProgress) -> None:
        if event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
            progress.assets += 1
            rows = event.step_materialization_data.materialization.metadata.get("dagster/row_count")
            progress.rows += int(rows.value) if rows else 0  # type: ignore[arg-type]
        elif event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if evaluation.passed:
                progress.passed += 1
            elif evaluation.severity is AssetCheckSeverity.WARN:
                progress.warnings.append(_sentence(evaluation))
            else:
                progress.failures.append(_sentence(evaluation))

    def _print(self, stage: Stage, progress: StageProgress) -> None:
        self._printed.add(stage)
        failed = len(progress.failures)
        bad = bool(failed or progress.failed_steps)
        checks = f"{progress.passed + failed + len(progress.warnings):>4} checks"
        if failed:
            checks += f", {failed} failed"
        made = f"{progress.assets:>3} tables {progress.rows:>12,} rows"
        self._line(f"{stage.value:<10} {'✗' if bad else '✓'} {made} {checks} {progress.seconds:>7.1f} s")
        for text in progress.warnings:
            self._line(f"           ! {text}")
        for text in (*progress.failures, *progress.errors):
            self._line(f"           ✗ {text}")

    def _line(self, text: str) -> None:
        print(text, flush=True, file=self._out)


def _sentence(evaluation: AssetCheckEvaluation) -> str:
    reason = evaluation.description or "It did not hold."
    return f"{'/'.join(evaluation.asset_key.path)}: {evaluation.check_name}: {reason}"


def _first_cause(event: DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    if error is None:
        return event.message or "The run failed."
    failure = getattr(event.event_specific_data, "user_failure_data", None)
    if failure and failure.description:
        return failure.description.strip()
    # A Failure is a sentence written for the reader; what caused it is for the log.
    while error.cause is not None and error.cls_name != Failure.__name__:
        error = error.cause
    return error.message.split(f"{Failure.__name__}: ")[-1].strip()
