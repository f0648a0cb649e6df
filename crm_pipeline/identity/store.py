"""Where the identity stage keeps its tables: one versioned folder, switched in one step."""

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crm_pipeline import lake
from crm_pipeline.identity.resolve import Figures, Resolution
from crm_pipeline.settings import Settings
from crm_pipeline.stages import Stage

_ACCEPTED = "accepted.json"


def folder(settings: Settings) -> Path:
    """The stage's folder in the lake."""
    return settings.lake / Stage.IDENTITY


def read(settings: Settings, table: str) -> pa.Table | None:
    """Return a stored table of the current version, or None before the first run."""
    path = folder(settings) / lake.CURRENT / f"{table}.parquet"
    return pq.read_table(path) if path.exists() else None


def save(settings: Settings, resolution: Resolution) -> bool:
    """Store the tables as a new version; tell whether anything changed. The same tables again write nothing."""
    tables = resolution.tables()
    if all(_is_same(read(settings, name), table) for name, table in tables.items()):
        return False
    with lake.new_version(folder(settings)) as version:
        for name, table in tables.items():
            lake.write_parquet(table, version / f"{name}.parquet")
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
    person_map, conflicts = read(settings, "person_map"), read(settings, "conflicts")
    if person_map is None or conflicts is None:
        raise FileNotFoundError("There is no person map yet. Remedy: crm run.")
    sizes = pc.value_counts(person_map["customer_key"]).field("counts").to_numpy(zero_copy_only=False)
    linked = int(sizes[sizes > 1].sum())
    return Figures(
        records=len(person_map),
        people=len(sizes),
        linked_share=linked / len(person_map) if len(person_map) else 0.0,
        largest_person=int(sizes.max(initial=0)),
        conflicts=len(conflicts),
        person_sizes={size: int((sizes == size).sum()) for size in sorted(set(sizes.tolist()))},
    )


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
