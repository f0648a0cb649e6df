"""The ledger: what became of each row of each delivered file, kept as one Parquet file in every raw version."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.config.contract import arrow_type
from crm_pipeline.storage import lake

LEDGER_FILE = "ledger.parquet"
LOADED = "loaded"
REFUSED = "refused"
KEPT = "kept"
FATES = ("loaded", "quarantined", "duplicate", "superseded", "withdrawn", "left_out", "waiting", "folded")
"""What can become of a row that was read: exactly one of these, each counted in the ledger as `rows_<fate>`."""

LEDGER_COLUMNS: dict[str, tuple[str, str]] = {
    "file_id": ("VARCHAR", "SHA-256 of the file's content."),
    "source": ("VARCHAR", "Name of the source in pipeline.yml."),
    "system": ("VARCHAR", "System whose ids the rows' ids belong to."),
    "channel": ("VARCHAR", "Channel that the source feeds."),
    "file": ("VARCHAR", "Path of the file, relative to the dataset folder."),
    "bytes": ("BIGINT", "Size of the file."),
    "delivery": ("BIGINT", "Running number of the delivery, over all sources."),
    "load": ("BIGINT", "Running number of the load in which the file was first seen."),
    "mapping": ("VARCHAR", "Hash of the contract and the source's configuration that the file was read with."),
    "rows_read": ("BIGINT", "Rows in the file."),
    "rows_loaded": ("BIGINT", "Rows of the file that are current."),
    "rows_quarantined": ("BIGINT", "Rows that were not loaded because of a problem."),
    "rows_duplicate": ("BIGINT", "Exact copies of another row of the file that were dropped."),
    "rows_duplicate_kept": ("BIGINT", "Exact copies of another row of the file that were kept when it was loaded."),
    "rows_superseded": ("BIGINT", "Rows that a later row or delivery of the same key replaced."),
    "rows_withdrawn": ("BIGINT", "Rows that say their record is deleted, and those that a later delivery took back."),
    "rows_left_out": ("BIGINT", "Rows that the source's condition `where` leaves out."),
    "rows_waiting": ("BIGINT", "Rows dated later than the run that read them; the first run after that takes them."),
    "rows_folded": ("BIGINT", "Rows that went into another one of the file, as `aggregate` of the source says."),
    "waits_until": ("TIMESTAMP", "The earliest time that a waiting row waits for (UTC)."),
    "rows_taken_back": ("BIGINT", "Rows of earlier deliveries that this full delivery did not hold any more."),
    "outcome": ("VARCHAR", "`loaded`; `refused`: no row can be used; `kept`: now refused, its rows stay as once read."),
    "run_id": ("VARCHAR", "Run that loaded the file."),
    "loaded_at": ("TIMESTAMP", "Time of that run (UTC)."),
    "problem": ("VARCHAR", "Why the file was refused, or what is wrong with it as a whole."),
}

QUARANTINE_COLUMNS: dict[str, tuple[str, str]] = {
    "source": ("VARCHAR", "Name of the source in pipeline.yml."),
    "channel": ("VARCHAR", "Channel that the source feeds."),
    "file": ("VARCHAR", "Path of the file, relative to the dataset folder."),
    "line": ("BIGINT", "Line in the file; empty where the file as a whole was refused."),
    "column": ("VARCHAR", "Contract column whose value is the problem; empty where it is the row as a whole."),
    "problem": ("VARCHAR", "What is wrong, without personal data."),
    "remedy": ("VARCHAR", "What to do about it."),
    "row": ("VARCHAR", "The row as it was delivered, as JSON."),
}


@dataclass
class LedgerEntry:
    """One delivered file; each row that was read has one of the fates that `unaccounted` adds up."""

    file_id: str
    source: str
    system: str
    channel: str
    file: str
    bytes: int
    delivery: int
    load: int
    mapping: str
    rows_read: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    rows_duplicate_kept: int = 0
    rows_superseded: int = 0
    rows_withdrawn: int = 0
    rows_left_out: int = 0
    rows_waiting: int = 0
    rows_folded: int = 0
    waits_until: datetime | None = None
    rows_taken_back: int = 0
    outcome: str = LOADED
    run_id: str = ""
    loaded_at: datetime | None = None
    problem: str | None = None

    @property
    def batch(self) -> str:
        """Name of the Parquet file that holds the delivery's rows."""
        return f"{self.source}__{self.file_id[:12]}.parquet"

    @property
    def unaccounted(self) -> int:
        """Rows whose whereabouts nobody can tell; anything but zero is a defect."""
        return self.rows_read - sum(getattr(self, f"rows_{fate}") for fate in FATES)


def ledger_schema() -> pa.Schema:
    """Return the Arrow schema of the ledger."""
    return pa.schema([(name, arrow_type(kind)) for name, (kind, _) in LEDGER_COLUMNS.items()])


def quarantine_schema() -> pa.Schema:
    """Return the Arrow schema of the quarantine."""
    return pa.schema([(name, arrow_type(kind)) for name, (kind, _) in QUARANTINE_COLUMNS.items()])


def read_ledger(version: Path | None) -> list[LedgerEntry]:
    """Return the entries of a raw version in delivery order; none before the first version."""
    if version is None or not (version / LEDGER_FILE).exists():
        return []
    known = {field.name for field in fields(LedgerEntry)}
    with lake.reading(version / LEDGER_FILE):
        rows = pq.read_table(version / LEDGER_FILE).to_pylist()
        entries = [
            LedgerEntry(**{name: value for name, value in row.items() if name in known and value is not None})
            for row in rows
        ]
    return sorted(entries, key=lambda entry: entry.delivery)


def write_ledger(entries: list[LedgerEntry], version: Path) -> None:
    """Write the entries into a raw version, in delivery order."""
    ordered = sorted(entries, key=lambda entry: entry.delivery)
    rows = [asdict(entry) for entry in ordered]
    lake.write_parquet(pa.Table.from_pylist(rows, schema=ledger_schema()), version / LEDGER_FILE)
