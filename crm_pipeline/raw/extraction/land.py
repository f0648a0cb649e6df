"""Lands what sources with `extract:` have to give: a file of JSON lines per extraction, or none if nothing is new."""

import gzip
import hashlib
import io
import json
import os
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.extraction import Extraction, SqlTable
from crm_pipeline.config.settings import Settings
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.extraction.progress import Progress
from crm_pipeline.raw.extraction.secrets import ExtractionError, Secrets
from crm_pipeline.storage import lake

_BUFFER = 1 << 20


@dataclass(frozen=True)
class Landed:
    """A file that landed."""

    source: str
    path: Path
    rows: int


class _NothingNew(Exception):  # noqa: N818 - an outcome, not a defect
    """The extraction gave no row, or the same rows as the last one."""


def land(
    settings: Settings,
    dataset: Dataset,
    at: datetime,
    say: Callable[[str], object] = lambda _: None,
    only: Collection[str] = (),
) -> list[Landed]:
    """Fetch what is new for each source with `extract:` and land it in the folder of its `files`.

    Args:
        settings: where the cursors are kept.
        dataset: the sources.
        at: time of the extraction (UTC); it names the files.
        say: is told a line about each source.
        only: names of the sources to fetch; empty for all that have `extract:`.

    Raises:
        ExtractionError: if a source cannot be fetched; the others were, and what is in landing stays as it is.
        RuntimeError: if another extraction of the same dataset is running.
    """
    chosen = _chosen(dataset, only)
    if not chosen:
        return []
    folder = settings.state / "extract"
    landed, problems = [], []
    with lake.only_one(folder, "extraction"):
        _configure_dlt(folder)
        for source, extraction in chosen:
            try:
                file = _land_source(source, extraction, dataset.folder, folder, at)
            except ExtractionError as error:
                problems.append(f"Source {source.name}: {error}")
                continue
            if file:
                landed.append(file)
                say(f"{source.name}: {file.rows:,} rows landed in {file.path.relative_to(dataset.folder).as_posix()}")
            else:
                say(f"{source.name}: nothing new")
    if problems:
        raise ExtractionError("\n".join(problems))
    return landed


def _chosen(dataset: Dataset, only: Collection[str]) -> list[tuple[SourceConfig, Extraction]]:
    with_extract = {source.name: (source, source.extract) for source in dataset.sources if source.extract}
    for name in only:
        if name not in with_extract:
            known = f"Use one of: {', '.join(with_extract)}." if with_extract else "No source has it."
            raise ExtractionError(f"The source '{name}' has no `extract:` in pipeline.yml. {known}")
    return [pair for name, pair in with_extract.items() if not only or name in only]


def _configure_dlt(folder: Path) -> None:
    """Keep dlt to itself: no telemetry, and no settings or files of its own outside the state folder."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = os.environ["DLT_PROJECT_DIR"] = str(folder)


def _land_source(
    source: SourceConfig, extraction: Extraction, dataset_folder: Path, folder: Path, at: datetime
) -> Landed | None:
    landing = (dataset_folder / source.files).parent
    progress = Progress.read(folder / f"{source.name}.json", extraction.mark, landing)
    target = _free(landing, source.landing_name(at))
    count = 0
    with suppress(_NothingNew), lake.atomic_file(target) as building, closing(_rows(extraction, progress)) as rows:
        count, digest = _write(rows, building, zipped=target.suffix == ".gz")
        if not count or digest == progress.digest:
            raise _NothingNew
        progress.announce(target.name, digest)
    if not target.exists():
        return None
    progress.settle()
    return Landed(source.name, target, count)


def _free(landing: Path, name: str) -> Path:
    """Return a path that no earlier delivery has: two extractions may fall into one second."""
    stem, dot, suffix = name.partition(".")
    number = 1
    while (path := landing / name).exists():
        number += 1
        name = f"{stem}_{number}{dot}{suffix}"
    return path


def _rows(extraction: Extraction, progress: Progress) -> Generator[dict[str, Any], None, None]:
    """Yield the rows; `progress.state` moves on with them.

    Raises:
        ExtractionError: in place of any error on the way; its message holds no secret and no row.
    """
    from dlt.common.configuration.container import Container
    from dlt.common.pipeline import StateInjectableContext

    from crm_pipeline.raw.extraction.rest import endpoint_records
    from crm_pipeline.raw.extraction.sql_table import table_rows

    secrets, origin = Secrets(), extraction.origin
    state = StateInjectableContext(state=cast(Any, progress.state))
    try:
        with Container().injectable_context(state):
            found = table_rows(origin, secrets) if isinstance(origin, SqlTable) else endpoint_records(origin, secrets)
            rows = iter(cast(Iterable[dict[str, Any]], found))
        yield from rows
    except ExtractionError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold secrets or rows
        raise ExtractionError(_explain(error, extraction, secrets)) from None


def _explain(error: BaseException, extraction: Extraction, secrets: Secrets) -> str:
    """Return host, problem and remedy, from the innermost error that says something."""
    from dlt.extract.incremental.exceptions import IncrementalCursorPathHasValueNone, IncrementalCursorPathMissing

    from crm_pipeline.raw.extraction.rest import explain_rest, rest_host
    from crm_pipeline.raw.extraction.sql_table import explain_sql, sql_host

    origin = extraction.origin
    cause: BaseException | None = error
    told = None
    while cause is not None and told is None:
        if isinstance(cause, ExtractionError):
            told = str(cause)
        elif isinstance(cause, (IncrementalCursorPathMissing, IncrementalCursorPathHasValueNone)):
            told = "a row has no value in the cursor's field. Fill it in the source system, or leave the cursor out."
        elif isinstance(origin, SqlTable):
            told = explain_sql(cause, origin, secrets)
        else:
            told = explain_rest(cause, origin)
        cause = cause.__cause__ or cause.__context__
    host = sql_host(origin, secrets) if isinstance(origin, SqlTable) else rest_host(origin)
    return f"{host}: {told or f'the rows cannot be read ({type(error).__name__}). Look at what it answers.'}"


def _write(rows: Iterable[dict[str, Any]], path: Path, *, zipped: bool) -> tuple[int, str]:
    """Write JSON lines; return how many, and a hash of them."""
    digest = hashlib.sha256()
    count = 0
    encoder = json.JSONEncoder(ensure_ascii=False, default=_plain)
    with (
        cast(io.RawIOBase, gzip.open(path, "wb", compresslevel=6) if zipped else path.open("wb")) as raw,
        io.BufferedWriter(raw, _BUFFER) as file,
    ):
        for row in rows:
            line = encoder.encode(row).encode("utf-8", "surrogatepass") + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
    return count, digest.hexdigest()


def _plain(value: object) -> object:
    """Return what JSON has no type for as text that loses nothing."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return str(value)
