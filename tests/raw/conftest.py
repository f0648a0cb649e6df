import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from crm_pipeline.config.dataset import Dataset, load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.accounting import unaccounted_rows
from crm_pipeline.raw.ledger import LedgerEntry, read_ledger
from crm_pipeline.raw.load import LoadReport, load
from crm_pipeline.storage import lake

RUN_TIME = datetime(2024, 6, 1, 12, tzinfo=UTC)
ORDERS = {
    "name": "shop",
    "channel": "orders",
    "files": "landing/orders*",
    "columns": {"order_id": "id", "ordered_at": "at", "total_amount": "total", "email": "mail", "status": "status"},
}


class Shop:
    """A dataset folder with its settings; `deliver` writes landing files, `load` loads them."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            dataset="shop", data_root=folder / "data", state_root=folder / "state", memory_limit="500MB"
        )
        self.runs = 0
        self.configure(ORDERS)

    def configure(self, *sources: dict[str, Any], **business: Any) -> None:
        document = {"business": {"currency": "GBP", "timezone": "Europe/London"} | business, "sources": list(sources)}
        self.settings.dataset_folder.mkdir(parents=True, exist_ok=True)
        (self.settings.dataset_folder / "pipeline.yml").write_text(yaml.safe_dump(document), encoding="utf-8")

    @property
    def dataset(self) -> Dataset:
        return load_dataset(self.settings.dataset_folder)

    def deliver(self, name: str, content: str | bytes, *, zipped: bool = False) -> Path:
        path = self.settings.dataset_folder / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if zipped else data)
        return path

    def load(self, run_time: datetime = RUN_TIME) -> LoadReport:
        self.runs += 1
        report = load(self.settings, self.dataset, f"run-{self.runs}", run_time)
        assert unaccounted_rows(report.version, self.ledger()) == []
        return report

    def version(self) -> Path:
        version = lake.current_version(self.settings.lake / "raw")
        assert version is not None
        return version

    def ledger(self) -> list[LedgerEntry]:
        return read_ledger(self.version())

    def entry(self, name: str) -> LedgerEntry:
        (found,) = [entry for entry in self.ledger() if entry.file == f"landing/{name}"]
        return found

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL; `{orders}`, `{quarantine}` ... stand for the tables of the current version."""
        names = ("customers", "orders", "order_lines", "products", "quarantine")
        files = {
            name: f"read_parquet('{self.version()}/{name}/*.parquet', hive_partitioning = false)" for name in names
        }
        return duckdb.execute(sql.format(**files)).fetchall()

    def quarantine(self) -> list[tuple[int, str | None, str]]:
        return self.query('select line, "column", problem from {quarantine} order by line, "column"')


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
