"""Where the identity stage keeps its tables: one versioned folder, switched in one step, and the model beside it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_pipeline.config.settings import Settings
from crm_pipeline.identity.figures import Figures, describe
from crm_pipeline.identity.memory import Memory
from crm_pipeline.identity.outputs import TABLES
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.resolve import Previous, Resolution
from crm_pipeline.stages import Stage
from crm_pipeline.storage import lake

_ACCEPTED = "accepted.json"
_MODEL = "model.json"
_MEMORY = "memory"
_VERSION = "version.json"


def folder(settings: Settings) -> Path:
    """The stage's folder in the lake."""
    return settings.lake / Stage.IDENTITY


def read(settings: Settings, table: str, where: pc.Expression | None = None) -> pa.Table | None:
    """Return a stored table of the current version, or some rows of it; None before the first run."""
    path = folder(settings) / lake.CURRENT / f"{table}.parquet"
    if not path.exists():
        return None
    with lake.reading(path):
        return pq.read_table(path, filters=where)


def read_model(settings: Settings) -> Model | None:
    """Return the model of probability, or None before one was trained."""
    path = folder(settings) / _MODEL
    return Model.from_json(path.read_text(encoding="utf-8")) if path.exists() else None


def save_model(settings: Settings, model: Model) -> None:
    """Keep a model; runs go by it until it is forgotten."""
    if read_model(settings) != model:
        with lake.atomic_file(folder(settings) / _MODEL) as building:
            building.write_text(model.to_json(), encoding="utf-8")


def forget_model(settings: Settings) -> bool:
    """Take the model away, so that the next run trains a new one; tell whether there was one."""
    path = folder(settings) / _MODEL
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def read_previous(settings: Settings) -> Previous:
    """Return what the run before left."""
    found = {name: read(settings, name) for name in TABLES}
    tables = {name: table for name, table in found.items() if table is not None}
    return Previous(tables, read_model(settings), _read_memory(settings))


def _read_memory(settings: Settings) -> Memory | None:
    kept = folder(settings) / lake.CURRENT / _MEMORY
    files = {name: kept / f"{name}.arrow" for name in Memory.names()}
    if not all(file.exists() for file in (kept / _VERSION, *files.values())):
        return None
    with lake.reading(kept):
        tables = {name: pa.ipc.open_file(pa.memory_map(str(file))).read_all() for name, file in files.items()}
        return Memory(**json.loads((kept / _VERSION).read_text()), tables=tables)


def _read_version(settings: Settings) -> str | None:
    path = folder(settings) / lake.CURRENT / _MEMORY / _VERSION
    return str(json.loads(path.read_text())["version"]) if path.exists() else None


def _write_memory(kept: Path, memory: Memory) -> None:
    kept.mkdir()
    for name, table in memory.tables.items():
        # Read by the next run alone, and mostly hashes, which do not pack: as it lies in memory, nothing is decoded.
        with pa.OSFile(str(kept / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    (kept / _VERSION).write_text(json.dumps({"made_of": memory.made_of, "version": memory.version}))


def save(settings: Settings, resolution: Resolution, product_map: pa.Table | None = None) -> bool:
    """Store the tables as a new version; tell whether anything changed. The same tables again write nothing."""
    if resolution.model:
        save_model(settings, resolution.model)
    tables = resolution.tables() | ({"product_map": product_map} if product_map is not None else {})
    if _read_version(settings) == resolution.memory.version and all(
        _is_same(read(settings, name), table) for name, table in tables.items()
    ):
        return False
    with lake.new_version(folder(settings)) as version, ThreadPoolExecutor() as writers:
        written = [writers.submit(_write_memory, version / _MEMORY, resolution.memory)]
        written += [
            writers.submit(lake.write_parquet, table, version / f"{name}.parquet") for name, table in tables.items()
        ]
        for file in written:
            file.result()
    return True


def _is_same(stored: pa.Table | None, table: pa.Table) -> bool:
    """Compare the rows and the notes beside them: the merge ledger's say how far it has been written."""
    same_notes = stored is not None and (stored.schema.metadata or {}) == (table.schema.metadata or {})
    return stored is not None and same_notes and stored.equals(table)


def figures(settings: Settings) -> Figures:
    """Describe the stored person map.

    Raises:
        FileNotFoundError: if the stage has not run yet.
    """
    person_map, conflicts, review = (read(settings, name) for name in ("person_map", "conflicts", "review"))
    if person_map is None or conflicts is None or review is None:
        raise FileNotFoundError("There is no person map yet. Remedy: crm run.")
    return describe(person_map, len(conflicts), len(review))


def accepted_figures(settings: Settings) -> Figures | None:
    """Return the figures of the last person map that passed its checks, or None if none has."""
    path = folder(settings) / _ACCEPTED
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    sizes = {int(size): people for size, people in stored.pop("person_sizes").items()}
    return Figures(**stored, person_sizes=sizes)


def accept(settings: Settings, accepted: Figures) -> None:
    """Remember the figures of a person map that passed its checks: the next run is compared with them."""
    text = json.dumps(asdict(accepted), sort_keys=True)
    path = folder(settings) / _ACCEPTED
    if not path.exists() or path.read_text() != text:
        with lake.atomic_file(path) as building:
            building.write_text(text)
