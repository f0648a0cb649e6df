"""What each stage was last made of, so that a run that begins later than it may is refused before it starts.

A stage notes its ingredients when it has been made; one that was begun and not finished has none.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from crm_pipeline.config.contract import CONTRACTS_FOLDER
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.stages import STAGES, Stage, is_upstream
from crm_pipeline.storage.lake import atomic_file
from crm_pipeline.storage.raw_rows import latest_complete_day

_OVERRIDES = ("identity_overrides.yml", "product_overrides.yml")
#: Keys of pipeline.yml beside `business`, each with the first stage that is made by what it says.
_SETTINGS = {
    "journeys": Stage.STAGING,
    "service": Stage.FEATURES,
    "models": Stage.FEATURES,
    "actions": Stage.SCORING,
    "kpis": Stage.MARTS,
}


class EarlierStageNeededError(RuntimeError):
    """A run is to begin with a stage that builds on one which must be made again."""


def as_of_date(settings: Settings, dataset: Dataset) -> date | None:
    """Return the last day whose end is known to a run; None where it is to be `latest` and there are no orders."""
    chosen = settings.as_of or dataset.business.as_of
    return chosen if isinstance(chosen, date) else latest_complete_day(settings, dataset.business)


def ingredients(dataset: Dataset, as_of: date | None, stage: Stage) -> dict[str, str]:
    """Return a mark of each thing that a stage is made of, by its name."""
    if stage is Stage.RAW:
        sources = [source.model_dump(mode="json") for source in dataset.sources]
        contracts = [path.read_text(encoding="utf-8") for path in sorted(CONTRACTS_FOLDER.glob("*.yaml"))]
        zone = dataset.business.timezone
        return {"sources": _mark(sources), "business.timezone": zone, "the contracts": _mark(contracts)}
    business = dataset.business.model_dump(mode="json", exclude={"as_of"})
    found = {"the as-of date": str(as_of), "business": _mark([business, dataset.source_trust()])}
    # Staging tells by it whose an order is.
    found["identity.emails_per_customer_id"] = str(dataset.identity.emails_per_customer_id)
    for key, first in _SETTINGS.items():
        if stage is first or is_upstream(first, stage):
            found[key] = _mark(getattr(dataset, key).model_dump(mode="json"))
    if stage is Stage.IDENTITY:
        found["identity"] = _mark(dataset.identity.model_dump(mode="json"))
        for overrides in (dataset.folder / name for name in _OVERRIDES):
            found[overrides.name] = _mark(overrides.read_text(encoding="utf-8") if overrides.is_file() else "")
    if stage in (Stage.SCORING, Stage.MARTS):
        found["programmes"] = _mark([one.model_dump(mode="json") for one in dataset.programmes])
        found["questions"] = _mark([one.model_dump(mode="json") for one in dataset.questions])
    return found


@contextmanager
def making(settings: Settings, dataset: Dataset, as_of: date | None, stage: Stage) -> Iterator[None]:
    """Note what a stage is made of, once the context has ended well."""
    _note(settings, stage, None)
    yield
    _note(settings, stage, ingredients(dataset, as_of, stage))


def require_made(settings: Settings, dataset: Dataset, first: Stage) -> None:
    """Check that all stages before the first one of a run are made of what is asked for now.

    Raises:
        EarlierStageNeededError: names what differs, and the stage to start from.
    """
    noted = _read(settings)
    as_of = as_of_date(settings, dataset) if is_upstream(Stage.RAW, first) else None
    for stage in STAGES:
        if not is_upstream(stage, first) or stage not in noted:
            continue
        remedy = "Remedy: crm run" + (f" --from {stage.value}" if stage is not Stage.RAW else "")
        made_of = noted[stage]
        if made_of is None:
            raise EarlierStageNeededError(f"The stage {stage.value} was begun and not finished. {remedy}.")
        for name, mark in ingredients(dataset, as_of, stage).items():
            if made_of.get(name) != mark:
                was = f" (it was {made_of.get(name)}, and is {mark})" if name == "the as-of date" else ""
                raise EarlierStageNeededError(
                    f"Not from {first.value}: {name} changed since the stage {stage.value} was made{was}. {remedy}."
                )


def _mark(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _path(settings: Settings) -> Path:
    return settings.state / "made_of.json"


def _read(settings: Settings) -> dict[str, dict[str, str] | None]:
    """Return what is noted; a file that cannot be read notes nothing."""
    try:
        found = json.loads(_path(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _note(settings: Settings, stage: Stage, made_of: dict[str, str] | None) -> None:
    noted = _read(settings) | {stage.value: made_of}
    with atomic_file(_path(settings)) as building:
        building.write_text(json.dumps(noted, indent=1), encoding="utf-8")
