"""Finds the files that are to be loaded: those whose content no run has loaded with the present mapping."""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from crm_pipeline.config.contract import Contract, contracts
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.settings import now
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.landed import file_mark, is_there, may_look_into, refuse_unreadable, shown_name
from crm_pipeline.raw.ledger import REFUSED, LedgerEntry
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.storage import lake

#: To be raised when reading itself changes, so that files in landing are read again.
READER_VERSION = 3
HASHES_FILE = ".file_hashes.json"
_CHUNK = 1 << 20
_LEFT_ALONE = 5
_NAMED = 5


_NOT_READING = {"name", "files", "timezone", "exact_duplicates", "quarantine_limit", "withdrawal_limit"}
"""Keys of a source that do not decide how its files are read, or do so under another name."""


@dataclass
class FileHashes:
    """Remembers the hash of a file by what no change of it leaves as it was; only a shortcut, safe to delete.

    A copy of it on another machine matches no file there, and leads to hashing again.

    Args:
        path: where it is kept.
        within: folders that files may really lie in.
    """

    path: Path
    within: tuple[Path, ...]
    known: dict[str, list[object]] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def read(cls, path: Path, within: tuple[Path, ...]) -> "FileHashes":
        """Read what earlier runs remembered; nothing where the file is missing or damaged."""
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        return cls(path, within, known if isinstance(known, dict) else {})

    def of(self, file: Path, name: str) -> str:
        """Return the hash of a file's content; of its path and the reason where it cannot be read."""
        mark = file_mark(file)
        remembered = self.known.get(name)
        try:
            refuse_unreadable(file, self.within)
            if mark and isinstance(remembered, list) and remembered[:-1] == [*mark]:
                return str(remembered[-1])
            digest = _sha256(file)
        except (Refused, OSError) as error:
            return hashlib.sha256(f"unreadable {name} {error}".encode()).hexdigest()
        # A file that changes right after it is hashed may keep the time of change that it had: clocks of file systems
        # tick slowly. So only one that was left alone for a while is remembered.
        if mark and mark == file_mark(file) and mark[2] < (now().timestamp() - _LEFT_ALONE) * 1e9:
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
    #: What `file_mark` said of each file to load before its content was looked at.
    marks: dict[Path, tuple[int, int, int, int] | None] = field(default_factory=dict)


def plan_deliveries(dataset: Dataset, entries: list[LedgerEntry], hashes: FileHashes, run_id: str) -> Plan:
    """Compare the landing files with the ledger.

    A file is loaded where its content is new for its source, and loaded again, under its old delivery number, where
    the mapping or the contract has changed since. What an earlier run loaded stays, also when its file is gone, but not
    when its file is there and its source no longer takes it: another source may.
    """
    plan = Plan()
    by_source: dict[str, dict[str, LedgerEntry]] = {}
    for entry in entries:
        by_source.setdefault(entry.source, {})[entry.file_id] = entry
    number = max((entry.delivery for entry in entries), default=0)
    load = 1 + max((entry.load for entry in entries), default=0)
    for source in dataset.sources:
        known = by_source.pop(source.name, {})
        lookups = {path: file_mark(path) for path in lookup_files(dataset.folder, source)}
        mapping = _mapping(dataset, source, hashes)
        files = _with_names(dataset.folder, source, hashes)
        if not files and not known:
            plan.problems.append(f"Source {source.name}: no file matches '{source.files}' in the dataset folder.")
        gone = _no_longer_taken(dataset.folder, known, files)
        plan.problems += [
            f"Source {source.name} no longer takes {entry.file}: its {entry.rows_loaded:,} rows are no longer part of "
            "the raw data."
            for entry in gone
            if entry.rows_loaded
        ]
        # What such a file replaced or withdrew is in the source's other files.
        is_whole = all(entry.outcome == REFUSED for entry in gone)
        handled = {entry.file_id for entry in gone}
        for file in files:
            before = known.get(file.id)
            if file.id in handled or (before and before.mapping == mapping and is_whole):
                continue
            handled.add(file.id)
            number += before is None
            entry = LedgerEntry(
                file_id=file.id,
                source=source.name,
                system=source.system,
                channel=source.channel,
                file=file.name,
                bytes=file.mark[0] if file.mark else 0,
                delivery=before.delivery if before else number,
                load=before.load if before else load,
                mapping=mapping,
                run_id=run_id,
            )
            plan.load.append((file.path, source, entry))
            plan.marks |= {file.path: file.mark} | lookups
        plan.keep += [entry for file_id, entry in known.items() if file_id not in handled]
    plan.problems += stale_files(dataset, plan.keep, hashes)
    for name, former in by_source.items():
        rows = sum(entry.rows_loaded for entry in former.values())
        plan.problems.append(
            f"Source {name} is no longer in pipeline.yml: its {rows:,} rows are no longer part of the raw data."
        )
    return plan


@dataclass(frozen=True)
class _Landed:
    """A file that a source takes: what it is called, what `file_mark` said of it, and its hash."""

    path: Path
    name: str
    mark: tuple[int, int, int, int] | None
    id: str


def _with_names(folder: Path, source: SourceConfig, hashes: FileHashes) -> list[_Landed]:
    files = []
    for path in landing_files(folder, source):
        name, mark = shown_name(folder, path), file_mark(path)
        files.append(_Landed(path, name, mark, hashes.of(path, name)))
    return files


def _no_longer_taken(folder: Path, known: dict[str, LedgerEntry], files: list[_Landed]) -> list[LedgerEntry]:
    """Return the entries of files that lie where they lay and that their source no longer takes."""
    names, ids = {file.name for file in files}, {file.id for file in files}
    return [
        entry
        for entry in known.values()
        if entry.file not in names and entry.file_id not in ids and is_there(folder, entry.file)
    ]


def landing_files(folder: Path, source: SourceConfig) -> list[Path]:
    """Return a source's files, as `matching_files` does."""
    return matching_files(folder, source.files)


def lookup_files(folder: Path, source: SourceConfig) -> list[Path]:
    """Return the files that the rows of a source are joined with, in the order in which they are."""
    return [path for join in source.join for path in matching_files(folder, join.files)]


def matching_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files that a pattern takes in natural order (`part2` before `part10`), without hidden ones.

    Whatever a pattern takes is among them, be it a link, a pipe or a folder, and so is a folder that nobody may look
    into, where it could hold such files: reading them says what is wrong.
    """
    found = {path for path in folder.glob(pattern) if not path.name.startswith(".")}
    if re.search(r"[*?\[]", parents := PurePosixPath(pattern).parent.as_posix()):
        found |= {path for path in folder.glob(parents) if path.is_dir() and not may_look_into(path)}
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def stale_files(dataset: Dataset, entries: list[LedgerEntry], hashes: FileHashes) -> list[str]:
    """Say which loaded files cannot be read again as pipeline.yml and the contracts say now: they have left landing."""
    problems = []
    for source in dataset.sources:
        mapping = _mapping(dataset, source, hashes)
        stale = [
            entry
            for entry in entries
            if entry.source == source.name and entry.mapping != mapping and (entry.rows_loaded or entry.rows_waiting)
        ]
        if stale:
            rows = sum(entry.rows_loaded for entry in stale)
            named = ", ".join(entry.file for entry in stale[:_NAMED]) + (", ..." if len(stale) > _NAMED else "")
            problems.append(
                f"Source {source.name}: its mapping, contract or lookup file has changed, and {len(stale):,} of its "
                f"loaded files are no longer in landing to be read again ({named}): their {rows:,} rows stay as they "
                "were read. To have them read anew, put the files back."
            )
    return problems


def _mapping(dataset: Dataset, source: SourceConfig, hashes: FileHashes) -> str:
    """Return the hash of all that decides how a source's files are read, lookup files among it."""
    lookups = [hashes.of(path, shown_name(dataset.folder, path)) for path in lookup_files(dataset.folder, source)]
    contract, zone = contracts()[source.channel], dataset.zone(source)
    return mapping_hash(contract, source, zone, dataset.business.currency, lookups)


def mapping_hash(
    contract: Contract, source: SourceConfig, zone: str, currency: str, lookups: Sequence[str] = ()
) -> str:
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
        "lookups": [*lookups],
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


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
