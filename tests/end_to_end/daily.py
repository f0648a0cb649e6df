"""Cuts a dataset's landing files into daily deliveries: what a source would have sent had it exported every day."""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.casting import TYPED_ROWS, CastPlan
from crm_pipeline.raw.landing import landing_files
from crm_pipeline.raw.readers import file_format, read_file
from crm_pipeline.raw.sandbox import sandbox

#: The time that says on which day a row is delivered; channels that are not here come with the first delivery.
DATED_BY = {
    "customers": ("updated_at", "created_at"),
    "consents": ("decided_at",),
    "orders": ("ordered_at",),
    "order_lines": ("ordered_at",),
    "web_events": ("occurred_at",),
    "campaign_contacts": ("assigned_at",),
    "support_tickets": ("opened_at",),
    "survey_responses": ("answered_at",),
    "social_mentions": ("posted_at",),
    "loyalty_events": ("occurred_at",),
    "referrals": ("invited_at",),
}


def cut(dataset: Dataset, last: date, days: int, target: Path, run_time: datetime) -> list[Path]:
    """Write `days` folders, each with the landing files of one day; the first also holds all that came before.

    A row comes on the day of its time, but never before the period in the name of its file begins: late and corrected
    rows stay late.
    """
    work = target / "work"
    work.mkdir(parents=True)
    for source in dataset.sources:
        for path in landing_files(dataset.folder, source):
            deliveries = _deliveries(dataset, source, path, last, days, run_time, work)
            _write(path, source, dataset.folder, deliveries, target)
    shutil.rmtree(work)
    return [target / f"day_{day:02d}" for day in range(days)]


def _deliveries(
    dataset: Dataset, source: SourceConfig, path: Path, last: date, days: int, run_time: datetime, work: Path
) -> list[tuple[int, int]]:
    """Return line and delivery of each row of a file; a row without a time comes with the one before it."""
    contract = contracts()[source.channel]
    first = last - timedelta(days=days - 1)
    period = re.search(r"(\d{4})-(\d{2})", path.name)
    begins = date(int(period[1]), int(period[2]), 1) if period else date.min
    if "corrected" in path.name:
        begins = last
    times = [f"typed.{name}" for name in DATED_BY.get(source.channel, ()) if name in source.columns]
    time = f"coalesce({', '.join(times)})::date" if times else "null::date"
    with duckdb.connect() as con, sandbox() as box:
        rows = read_file(con, path, source, work)
        plan = CastPlan(contract, source, dataset.zone(source), run_time, tuple(rows.columns))
        if plan.expressions():
            box.evaluate(con, plan.expressions(), source.name, work)
        con.execute(plan.typed_rows())
        found = con.execute(
            f'select rows."{LINE}", {time} from source_rows as rows left join {TYPED_ROWS} as typed '
            f'on rows."{LINE}" = typed."{LINE}" order by 1'
        ).fetchall()
    deliveries = []
    day = begins
    for line, dated in found:
        day = max(dated, begins) if dated else day
        deliveries.append((line, min(max((day - first).days, 0), days - 1)))
    return deliveries


def _write(path: Path, source: SourceConfig, folder: Path, deliveries: list[tuple[int, int]], target: Path) -> None:
    name = path.relative_to(folder)
    kind = file_format(path, source)
    split: dict[str, Callable[[Path, list[tuple[int, int]], int], bytes | pa.Table | None]] = {
        "csv": _text,
        "jsonl": _text,
        "json": _document,
        "parquet": _table,
    }
    if kind not in split:
        destination = target / f"day_{deliveries[0][1]:02d}" / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, destination)
        return
    for delivery in sorted({number for _, number in deliveries}):
        part = split[kind](path, deliveries, delivery)
        # The day stands before the suffixes, where the source's pattern has its asterisk.
        stem, _, suffixes = name.name.partition(".")
        destination = target / f"day_{delivery:02d}" / name.parent / f"{stem}_d{delivery:02d}.{suffixes}"
        destination.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(part, pa.Table):
            pq.write_table(part, destination)
        elif part is not None:
            destination.write_bytes(gzip.compress(part) if suffixes.endswith("gz") else part)


def _text(path: Path, deliveries: list[tuple[int, int]], wanted: int) -> bytes:
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines(keepends=True)
    header = deliveries[0][0] - 1
    parts = lines[:header]
    ends = [line for line, _ in deliveries[1:]] + [len(lines) + 1]
    for (line, delivery), end in zip(deliveries, ends, strict=True):
        if delivery == wanted:
            parts += lines[line - 1 : end - 1]
    return b"".join(parts)


def _document(path: Path, deliveries: list[tuple[int, int]], wanted: int) -> bytes:
    records = json.loads(path.read_bytes())
    return json.dumps([records[line - 1] for line, delivery in deliveries if delivery == wanted]).encode()


def _table(path: Path, deliveries: list[tuple[int, int]], wanted: int) -> pa.Table:
    return pq.read_table(path).take([line - 1 for line, delivery in deliveries if delivery == wanted])
