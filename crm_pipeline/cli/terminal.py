"""What the commands of `crm` share: the chosen dataset, errors as a sentence, paths as short as can be."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from crm_pipeline.config.settings import Settings
from crm_pipeline.faults.failures import ended, sentence

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

DatasetOption = Annotated[
    str | None, typer.Option("--dataset", "-d", help="Folder under data/ (default: CRM_DATASET, or sample).")
]


class Commands(typer.Typer):
    """Commands of which none ends in a traceback."""

    def __call__(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run the command that the arguments name, and end the process with its exit code."""
        sys.exit(ended(lambda: super(Commands, self).__call__(*arguments, **options)))


def settings_of_environment() -> Settings:
    """Return the deployment's settings; a variable that holds nonsense is named."""
    try:
        return Settings()
    except ValidationError as error:
        for item in error.errors():
            typer.echo(f"{_source_of(item['loc'][0])}: {_problem(item)}", err=True)
        raise typer.Exit(2) from error


def chosen_settings(dataset: str | None) -> Settings:
    """Return the settings of the chosen dataset, for this process and all that it starts."""
    if dataset is not None:
        os.environ["CRM_DATASET"] = dataset
    settings = settings_of_environment()
    if not (settings.dataset_folder / "pipeline.yml").exists():
        known = sorted(path.parent.name for path in settings.data_root.glob("*/pipeline.yml"))
        remedy = f"write one, or choose {', '.join(known)}" if known else "write one, or set CRM_DATA_ROOT"
        typer.echo(f"There is no {shown(settings.dataset_folder)}/pipeline.yml. Remedy: {remedy}.", err=True)
        raise typer.Exit(2)
    return settings


def _source_of(setting: object) -> str:
    return "--dataset or CRM_DATASET" if setting == "dataset" else f"CRM_{str(setting).upper()}"


def _problem(item: Any) -> str:
    """Say what is wrong with the value of a variable."""
    problem = re.sub("^Value error, ", "", item["msg"]).rstrip(".")
    return f"'{item['input']}' cannot be used: {problem[:1].lower()}{problem[1:]}."


def or_explain(function: Callable[Asked, Answer], *arguments: Asked.args, **options: Asked.kwargs) -> Answer:
    """Call, and turn an expected error into its own sentence."""
    try:
        return function(*arguments, **options)
    except typer.Exit:  # A RuntimeError too, and said already.
        raise
    except OSError as error:
        typer.echo(sentence(error), err=True)
        raise typer.Exit(1) from error
    except (ValueError, RuntimeError) as error:
        # What a library says is no sentence for the reader.
        if not type(error).__module__.startswith(("builtins", "crm_pipeline")):
            raise
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def shown(path: Path) -> str:
    """Return a path as short as it can be told from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
