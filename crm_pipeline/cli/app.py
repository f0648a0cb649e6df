"""`crm`: a thin face over the same job, files and releases that the Dagster UI shows.

Heavy imports stand inside the commands, so that `crm --help` answers at once.
"""

import json
import os
import shlex
import sys
import time
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_pipeline import __version__
from crm_pipeline.cli.identity import identity
from crm_pipeline.cli.terminal import (
    Commands,
    DatasetOption,
    chosen_settings,
    or_explain,
    settings_of_environment,
    shown,
)
from crm_pipeline.config.settings import PROJECT, Settings, now
from crm_pipeline.stages import Stage

if TYPE_CHECKING:
    from crm_pipeline.operations.run import RunOutcome

app = Commands(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Runs and inspects a customer-data pipeline.",
)

app.add_typer(identity, name="identity")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"crm_pipeline {__version__}")
        raise typer.Exit


@app.callback()
def crm(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version, and end.")
    ] = False,
) -> None:
    """Take what stands before a command."""


_WAIT_SECONDS = 2.0
_ORPHAN_SECONDS = 600.0


@app.command(epilog="Examples:  crm run  |  crm run --dataset myshop --as-of 2026-03-31  |  crm run --from marts")
def run(
    dataset: DatasetOption = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Compute everything as of the end of this day.")
    ] = None,
    first: Annotated[
        Stage, typer.Option("--from", help="Begin with this stage; those before it stay as the last run left them.")
    ] = Stage.RAW,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the full log.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait while another run of the dataset goes on.")] = False,
) -> None:
    """Run the eight stages and publish the serving file.

    Publishing asks for the gates of all stages, also of those that this run leaves as they are.
    """
    settings = chosen_settings(dataset)
    day = as_of.date() if as_of else None
    _let_no_second_run_start(settings, wait=wait)
    _require_stages_before(settings, day, first)
    begin = "raw files" if first is Stage.RAW else first.value
    typer.echo(f"{settings.dataset}: {begin} to serving file" + (f", as of {day}" if day else ""))
    before = _identity(settings.serving_file)
    outcome = _execute(settings, day, first, verbose=verbose)
    if outcome.success:
        typer.echo(f"published  {shown(settings.serving_file)}")
        typer.echo(f"report     {shown(settings.report)}")
        return
    for problem in outcome.problems:
        typer.echo(f"stopped    {problem}", err=True)
    after = _identity(settings.serving_file)
    kept = "was not made" if after is None else "stays as it was" if after == before else "is published all the same"
    typer.echo(f"The serving file {kept}. To look at the run: crm ui --dataset {settings.dataset}", err=True)
    raise typer.Exit(1)


@app.command(epilog="Example:  crm ui --dataset online_retail_ii --port 3001")
def ui(
    dataset: DatasetOption = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the web server on this machine.")] = 3000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; keep it local unless a proxy guards it.")
    ] = "127.0.0.1",
) -> None:
    """Open the Dagster UI on the dataset's own run history."""
    from crm_pipeline.operations import home

    home.prepare(chosen_settings(dataset))
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-w", str(PROJECT / "workspace.yaml")]
    os.chdir(PROJECT)
    os.execv(command[0], [*command, "-h", host, "-p", str(port)])  # noqa: S606


@app.command(epilog="Example:  crm examples --dataset complete_journey")
def examples(dataset: DatasetOption = None) -> None:
    """Answer five example questions from the published serving file."""
    from crm_pipeline.publish.queries import render_examples

    settings = chosen_settings(dataset)
    typer.echo(f"serving file: {shown(settings.serving_file)}\n")
    typer.echo(or_explain(render_examples, settings))


@app.command(epilog="Example:  crm releases")
def releases(dataset: DatasetOption = None) -> None:
    """List the published releases that are kept."""
    from crm_pipeline.publish.release import releases as kept_releases

    settings = chosen_settings(dataset)
    for release in kept_releases(settings):
        typer.echo(str(release))


@app.command(epilog="Example:  crm report --dataset complete_journey")
def report(dataset: DatasetOption = None) -> None:
    """Write the report on the published serving file again; a run does it too."""
    typer.echo(f"wrote {shown(or_explain(_write_report, chosen_settings(dataset)))}")


@app.command(epilog="Examples:  crm rollback  |  crm rollback r000012")
def rollback(
    release: Annotated[str | None, typer.Argument(help="Release to go back to (default: the one before).")] = None,
    dataset: DatasetOption = None,
) -> None:
    """Make an earlier release the serving file again, and write the report on it."""
    from crm_pipeline.publish.release import rollback as roll_back

    settings = chosen_settings(dataset)
    restored = or_explain(roll_back, settings, release)
    typer.echo(f"The serving file is {restored} again.")
    or_explain(_write_report, settings)


@app.command(epilog="Examples:  crm models  |  crm models sample online_retail_ii --into docs/models.md")
def models(
    datasets: Annotated[list[str] | None, typer.Argument(help="Published datasets (default: the chosen one).")] = None,
    into: Annotated[Path | None, typer.Option(help="Document whose table of models is to be rewritten.")] = None,
) -> None:
    """Show how each model did beside its naive baseline on later, unseen time."""
    from crm_pipeline.publish.model_figures import HEADER, figures, write_into
    from crm_pipeline.publish.queries import render_table

    chosen: list[str | None] = [*datasets] if datasets else [None]
    lines = [line for name in chosen for line in or_explain(figures, chosen_settings(name))]
    if into is None:
        typer.echo(render_table(HEADER, lines))
    else:
        changed = or_explain(write_into, into, lines)
        typer.echo(f"{shown(into)}: {'rewritten' if changed else 'unchanged'}")


@app.command(epilog="Example:  crm docs --dataset complete_journey")
def docs(dataset: DatasetOption = None) -> None:
    """Write one HTML page on all models, columns, tests and KPIs, with their lineage."""
    from crm_pipeline.dbt.project import write_documentation

    typer.echo(f"wrote {shown(or_explain(write_documentation, chosen_settings(dataset)))}")


@app.command(epilog="Examples:  crm init myshop  |  crm init path/to/folder --force")
def init(
    folder: Annotated[str, typer.Argument(help="Folder with your exports: a path, or a name under data/.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a pipeline.yml that is there.")] = False,
) -> None:
    """Write a first pipeline.yml from the files of a folder."""
    from crm_pipeline.raw.init import check_command, write_draft

    settings = settings_of_environment()
    path = Path(folder) if Path(folder).is_dir() else settings.data_root / folder
    if path.resolve().name == "landing":
        path = path.resolve().parent
    draft = or_explain(write_draft, path, force=force, linked_folders=settings.linked_folders)
    typer.echo(f"wrote {shown(draft.path)}")
    for note in draft.notes:
        typer.echo(f"  {note}")
    place = path.resolve()
    root = "" if place.parent == settings.data_root.resolve() else f"CRM_DATA_ROOT={shlex.quote(str(place.parent))} "
    typer.echo(f"Look it through, then: {root}{check_command(place.name)}")


@app.command(epilog="Examples:  crm check-sources  |  crm check-sources --dataset myshop --json")
def check_sources(
    dataset: DatasetOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print it as JSON, whose keys docs/check_sources.md describes.")
    ] = False,
) -> None:
    """Look at the first rows of each landing file: what maps to what, what is missing, what a run would refuse.

    Ends with 0 where all is fine and with 1 where there are problems. Writes nothing.
    """
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.raw import check_report
    from crm_pipeline.raw.check_sources import check_sources as check

    settings = chosen_settings(dataset)
    found = check(
        or_explain(load_dataset, settings.dataset_folder), now(), settings.linked_folders, settings.quarantine_limit
    )
    typer.echo(json.dumps(check_report.as_json(found), indent=2) if as_json else check_report.render(found))
    if not found.is_fine:
        raise typer.Exit(1)


@app.command(epilog="Example:  crm schema > data/myshop/.pipeline.schema.json")
def schema() -> None:
    """Print the JSON schema of pipeline.yml, by which editors complete and check it."""
    from crm_pipeline.config.schema import pipeline_schema

    typer.echo(json.dumps(pipeline_schema(), indent=2))


@app.command(epilog="Example:  crm fetch complete_journey")
def fetch(dataset: Annotated[str, typer.Argument(help="complete_journey, or another name for how to get it.")]) -> None:
    """Write a public dataset's files into its landing folder."""
    from crm_pipeline.sample.complete_journey import fetch as fetch_dataset

    or_explain(fetch_dataset, dataset, chosen_settings(dataset).dataset_folder / "landing")


@app.command(epilog="Examples:  crm land  |  crm land shop_customers --dataset myshop")
def land(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources with `extract:` (default: all).")] = None,
    dataset: DatasetOption = None,
) -> None:
    """Fetch what databases and APIs have new, and land it as files; a run does it too."""
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.raw.extraction.land import land as land_files

    settings = chosen_settings(dataset)
    described = or_explain(load_dataset, settings.dataset_folder)
    if not any(source.extract for source in described.sources):
        typer.echo(f"No source of {shown(settings.dataset_folder)}/pipeline.yml has `extract:`: nothing to land.")
    or_explain(land_files, settings, described, now(), typer.echo, sources or ())


@app.command(epilog="Example:  crm sample --people 100000 --seed 1 --out data/big")
def sample(
    out: Annotated[Path, typer.Option(help="Dataset folder to write pipeline.yml, landing/ and truth/ to.")],
    people: Annotated[int, typer.Option(min=100, help="How many people the invented company has.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    processes: Annotated[int, typer.Option(min=1, help="How many parts of 50,000 people are made at once.")] = 2,
) -> None:
    """Invent a company: landing files of all its systems, and the truth behind them."""
    from crm_pipeline.sample.generate import generate

    size = or_explain(generate, people, seed, out, processes, partial(typer.echo, err=True))
    typer.echo(f"wrote {people:,} people to {out}: {size / 2**20:,.1f} MiB of landing files")


def _identity(file: Path) -> tuple[int, int] | None:
    """Tell one published file from another; None where there is none."""
    return (file.stat().st_ino, file.stat().st_mtime_ns) if file.exists() else None


def _write_report(settings: Settings) -> Path:
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.publish.report.page import write_report

    return write_report(settings, load_dataset(settings.dataset_folder).business.currency)


def _execute(settings: Settings, day: date | None, first: Stage, *, verbose: bool) -> "RunOutcome":
    from crm_pipeline.operations import home
    from crm_pipeline.operations.run import execute

    home.prepare(settings)
    from crm_pipeline.definitions import defs

    return execute(defs, settings.state / "logs", day, first=first, verbose=verbose)


def _require_stages_before(settings: Settings, day: date | None, first: Stage) -> None:
    """Refuse a mistake in pipeline.yml, and a first stage that builds on outdated ones, before Dagster starts."""
    from crm_pipeline.config.dataset import load_dataset
    from crm_pipeline.storage.made_of import require_made

    dataset = or_explain(load_dataset, settings.dataset_folder)
    asked = settings.model_copy(update={"as_of": day}) if day else settings
    or_explain(require_made, asked, dataset, first)


def _let_no_second_run_start(settings: Settings, *, wait: bool) -> None:
    from crm_pipeline.dbt.warm import LOCK_SUFFIX
    from crm_pipeline.storage.lock import RunLock, RunLockedError, wait_for_orphan

    lock = RunLock(settings.state / "run.lock")
    said = False
    while True:
        try:
            lock.acquire("about to start")
        except RunLockedError as error:
            if not wait:
                typer.echo(str(error), err=True)
                raise typer.Exit(3) from error
            if not said:
                typer.echo("Waiting for another run of this dataset to end ...", err=True)
                said = True
            time.sleep(_WAIT_SECONDS)
        else:
            lock.release()
            break
    try:
        wait_for_orphan(Path(f"{settings.warehouse}{LOCK_SUFFIX}"), _ORPHAN_SECONDS, partial(typer.echo, err=True))
    except RunLockedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(3) from error


if __name__ == "__main__":
    app()
