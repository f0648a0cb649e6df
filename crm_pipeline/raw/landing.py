"""Finds the files that are to be loaded: those whose content no run has loaded with the present mapping."""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from crm_pipeline import lake
from crm_pipeline.dataset import Dataset, SourceConfig
from crm_pipeline.raw.contract import Contract, contracts
from crm_pipeline.raw.ledger import REFUSED, LedgerEntry

#: To be raised when reading itself changes, so that files in landing are read again.
READER_VERSION = 2
_CHUNK = 1 << 20
_NAMED = 5


_NOT_READING = {"name", "files", "timezone", "exact_duplicates", "quarantine_limit", "withdrawal_limit"}
"""Keys of a source that do not decide how its files are read, or do so under another name."""


@dataclass
class FileHashes:
    """Remembers the hash of a file by its path, size and time of change; only a shortcut, safe to delete."""

    path: Path
    known: dict[str, list[object]] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def read(cls, path: Path) -> "FileHashes":
        """Read what earlier runs remembered; nothing where the file is missing or damaged."""
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        return cls(path, known if isinstance(known, dict) else {})

    def of(self, file: Path, name: str) -> str:
        """Return the hash of a file's content; of its path where it cannot be read."""
        try:
            status = file.stat()
            mark: list[object] = [status.st_size, status.st_mtime_ns]
            remembered = self.known.get(name)
            if remembered and remembered[:2] == mark:
                return str(remembered[2])
            digest = _sha256(file)
        except OSError as error:
            return hashlib.sha256(f"unreadable {name} {type(error).__name__}".encode()).hexdigest()
        self.known[name] = [*mark, digest]
        self.changed = True
        return digest

    def write(self) -> None:
        """Remember for the next run, where there is anything new."""
        if self.changed:
            with lake.atomic_file(self.path) as building:
                building.write_text(json.dumps(self.known, indent=0, sort_keys=True), encoding="utf-8")


@dataclass
class Plan:
    """What is to be done in a run: entries to load, entries that stay, and sentences on what was found."""

    load: list[tuple[Path, SourceConfig, LedgerEntry]] = field(default_factory=list)
    keep: list[LedgerEntry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan_deliveries(dataset: Dataset, entries: list[LedgerEntry], hashes: FileHashes, run_id: str) -> Plan:
    """Compare the landing files with the ledger.

    A file is loaded where its content is new for its source, and loaded again, under its old delivery number, where
    the mapping or the contract has changed since. What an earlier run loaded stays, also when its file is gone.
    """
    plan = Plan()
    by_source: dict[str, dict[str, LedgerEntry]] = {}
    for entry in entries:
        by_source.setdefault(entry.source, {})[entry.file_id] = entry
    number = max((entry.delivery for entry in entries), default=0)
    load = 1 + max((entry.load for entry in entries), default=0)
    for source in dataset.sources:
        known = by_source.pop(source.name, {})
        mapping = mapping_hash(contracts()[source.channel], source, dataset.zone(source), dataset.business.currency)
        files = landing_files(dataset.folder, source)
        if not files and not known:
            plan.problems.append(f"Source {source.name}: no file matches '{source.files}' in the dataset folder.")
        handled: set[str] = set()
        for path in files:
            name = path.relative_to(dataset.folder).as_posix()
            file_id = hashes.of(path, name)
            before = known.get(file_id)
            if file_id in handled or (before and before.mapping == mapping):
                continue
            handled.add(file_id)
            number += before is None
            entry = LedgerEntry(
                file_id=file_id,
                source=source.name,
                system=source.system,
                channel=source.channel,
                file=name,
                bytes=path.stat().st_size,
                delivery=before.delivery if before else number,
                load=before.load if before else load,
                mapping=mapping,
                run_id=run_id,
            )
            plan.load.append((path, source, entry))
        taken = {path.relative_to(dataset.folder).as_posix() for path in files}
        rest = [entry for file_id, entry in known.items() if file_id not in handled]
        plan.keep += [entry for entry in rest if not _is_let_go(entry, taken, dataset.folder)]
    plan.problems += stale_files(dataset, plan.keep)
    for name, gone in by_source.items():
        rows = sum(entry.rows_loaded for entry in gone.values())
        plan.problems.append(
            f"Source {name} is no longer in pipeline.yml: its {rows:,} rows are no longer part of the raw data."
        )
    return plan


def _is_let_go(entry: LedgerEntry, taken: set[str], folder: Path) -> bool:
    """Tell whether a refused file lies where it lay, and its source no longer takes it."""
    return entry.outcome == REFUSED and entry.file not in taken and (folder / entry.file).exists()


def landing_files(folder: Path, source: SourceConfig) -> list[Path]:
    """Return a source's files in natural order (`part2` before `part10`), without hidden files."""
    found = [path for path in folder.glob(source.files) if not path.name.startswith(".")]
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def stale_files(dataset: Dataset, entries: list[LedgerEntry]) -> list[str]:
    """Say which loaded files cannot be read again as pipeline.yml and the contracts say now: they have left landing."""
    problems = []
    for source in dataset.sources:
        mapping = mapping_hash(contracts()[source.channel], source, dataset.zone(source), dataset.business.currency)
        stale = [
            entry
            for entry in entries
            if entry.source == source.name and entry.mapping != mapping and (entry.rows_loaded or entry.rows_waiting)
        ]
        if stale:
            rows = sum(entry.rows_loaded for entry in stale)
            named = ", ".join(entry.file for entry in stale[:_NAMED]) + (", ..." if len(stale) > _NAMED else "")
            problems.append(
                f"Source {source.name}: its mapping or contract has changed, and {len(stale):,} of its loaded files "
                f"are no longer in landing to be read again ({named}): their {rows:,} rows stay as they were read. "
                "To have them read anew, put the files back."
            )
    return problems


def mapping_hash(contract: Contract, source: SourceConfig, zone: str, currency: str) -> str:
    """Return a hash of all that decides how a source's files are read."""
    columns = [
        {name: value for name, value in asdict(column).items() if name != "description"} for column in contract.columns
    ]
    described = {
        "reader": READER_VERSION,
        "contract": [contract.name, columns, contract.replace_key, contract.primary_key],
        "source": source.model_dump(mode="json", exclude=_NOT_READING),
        "zone": zone,
        "currency": currency,
        "drops_duplicates": source.drops_duplicates,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def file_mark(path: Path) -> tuple[int, int] | None:
    """Return size and time of change, to see whether a file changes while it is read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _natural(text: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", text)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
