"""What the commands of `crm` share: the chosen dataset, errors as a sentence, paths as short as can be."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

from crm_pipeline.settings import Settings

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

DatasetOption = Annotated[
    str | None, typer.Option("--dataset", "-d", help="Folder under data/ (default: CRM_DATASET, or sample).")
]


def chosen_settings(dataset: str | None) -> Settings:
    """Return the settings of the chosen dataset, for this process and all that it starts."""
    if dataset:
        os.environ["CRM_DATASET"] = dataset
    settings = Settings()
    if not (settings.dataset_folder / "pipeline.yml").exists():
        known = sorted(path.parent.name for path in settings.data_root.glob("*/pipeline.yml"))
        typer.echo(
            f"There is no {shown(settings.dataset_folder)}/pipeline.yml. "
            f"Remedy: write one, or choose {', '.join(known)}.",
            err=True,
        )
        raise typer.Exit(2)
    return settings


def or_explain(function: Callable[Asked, Answer], *arguments: Asked.args, **options: Asked.kwargs) -> Answer:
    """Call, and turn an expected error into its own sentence."""
    try:
        return function(*arguments, **options)
    except typer.Exit:  # A RuntimeError too, and said already.
        raise
    except (OSError, ValueError, RuntimeError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def shown(path: Path) -> str:
    """Return a path as short as it can be told from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
