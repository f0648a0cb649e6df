"""The model registry: `<root>/<model>/<version>/` with the fitted model, its report and its card, each written once.

A version's name follows from its inputs, so that the same run again finds it there and writes nothing. The card is
written last: a folder without one is not a version. A stored model is only ever replaced by a newer version beside it.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import joblib

from crm_pipeline.scoring.model import SchemaMismatchError
from crm_pipeline.scoring.outcome import Artefact, Status
from crm_pipeline.storage.lake import atomic_file

MODEL_FILE = "model.joblib"
REPORT_FILE = "report.json"
CARD_FILE = "card.json"


class DamagedModelError(Exception):
    """A stored model is not the one that its card describes."""


@dataclass(frozen=True)
class Stored:
    """A version in the registry."""

    model: str
    version: str
    folder: Path
    card: Mapping[str, Any]

    def load(self) -> Any:
        """Return the fitted model, after checking that the file is the one that was stored.

        Raises:
            DamagedModelError: if the file differs from what the card says.
            SchemaMismatchError: if it holds what this version of the code does not know.
        """
        content = (self.folder / MODEL_FILE).read_bytes()
        if hashlib.sha256(content).hexdigest() != self.card["sha256"]:
            raise DamagedModelError(f"Model {self.model} {self.version} differs from its card; delete its folder.")
        try:
            return joblib.load(io.BytesIO(content))
        except (AttributeError, ImportError) as error:
            raise SchemaMismatchError(f"Model {self.model} {self.version} was stored by other code.") from error

    def report(self) -> dict[str, Any]:
        """Return the report that was stored with the model."""
        found: dict[str, Any] = json.loads((self.folder / REPORT_FILE).read_text(encoding="utf-8"))
        return found


def save(root: Path, artefact: Artefact) -> Stored:
    """Store a fitted model with its card; a version that is already there is left untouched."""
    known = find(root, artefact.model, artefact.version)
    if known is not None:
        return known
    folder = root / artefact.model / artefact.version
    buffer = io.BytesIO()
    joblib.dump(artefact.fitted, buffer)
    card = dict(artefact.card) | {
        "version": artefact.version,
        "number": 1 + max((stored.card["number"] for stored in versions(root, artefact.model)), default=0),
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    with atomic_file(folder / MODEL_FILE) as building:
        building.write_bytes(buffer.getvalue())
    for name, content in ((REPORT_FILE, artefact.report), (CARD_FILE, card)):
        with atomic_file(folder / name) as building:
            building.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return _read(folder)


def find(root: Path, model: str, version: str) -> Stored | None:
    """Return a version, or None where the registry does not have it."""
    folder = root / model / version
    return _read(folder) if (folder / CARD_FILE).exists() else None


def models(root: Path, pattern: str) -> list[str]:
    """Return the models whose name fits a pattern, such as `question_*`."""
    return sorted(folder.name for folder in root.glob(pattern))


def versions(root: Path, model: str) -> list[Stored]:
    """Return the complete versions of a model, from the oldest as-of date to the newest."""
    found = [_read(card.parent) for card in (root / model).glob(f"*/{CARD_FILE}")]
    return sorted(found, key=lambda stored: (stored.card["as_of"], stored.card["number"]))


def latest_accepted(root: Path, model: str, before: date) -> Stored | None:
    """Return the newest version that was accepted as of an earlier date than `before`; None when there is none."""
    accepted = [
        stored
        for stored in versions(root, model)
        if stored.card["status"] == Status.OK.value and stored.card["as_of"] < before.isoformat()
    ]
    return accepted[-1] if accepted else None


def _read(folder: Path) -> Stored:
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    return Stored(folder.parent.name, folder.name, folder, card)
