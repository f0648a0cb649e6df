"""The header of a table file: the names it gives its columns, and whether they are those that the mapping asks for."""

import difflib
import re
from collections.abc import Sequence

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.source_rows import FileRows
from crm_pipeline.raw.textfile import Refused


def looks_like_data(header: list[str]) -> bool:
    """Tell whether a first line holds values: they may be personal data, and are not to be named."""
    return any("@" in name or re.fullmatch(r"[\d\s.,:/+-]+", name) for name in header)


def named(origins: Sequence[str]) -> str:
    """Return the names that a mapping gives for a column, in quotes."""
    return " or ".join(f"'{origin}'" for origin in origins)


def closest(wanted: Sequence[str], there: Sequence[str], cutoff: float) -> str | None:
    """Return the name that is there and most like one that is wanted, whatever its case; None where none is near."""
    folded = {name.casefold(): name for name in reversed(there)}
    for name in wanted:
        if close := difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff):
            return folded[close[0]]
    return None


def missing_column_remedy(key: str, source: SourceConfig) -> str:
    """Say what helps where a file lacks a column that a key of its source names.

    The mapping is that of all files of a source: changing it for one file would lose the others.
    """
    remedy = (
        f"Deliver the file with it, or correct {key} of the source {source.name} in pipeline.yml if all "
        "of its files are like this one"
    )
    # Rows without a key are replaced within a source only.
    if not key.startswith("columns.") or not contracts()[source.channel].primary_key:
        return f"{remedy}."
    return f"{remedy}, or give this file a source of its own with `system: {source.system}`."


def require_columns(rows: FileRows, source: SourceConfig, count: int, looks_like_data: bool = False) -> None:
    """Stop at a file that lacks a column that its source names.

    Raises:
        Refused: names the column, the columns that are there, and the closest match.
    """
    for key, origins in source.asked:
        use = f"mapped to {key.removeprefix('columns.')}" if key.startswith("columns.") else key
        repeated = next((origin for origin in origins if origin in rows.ambiguous), None)
        if repeated:
            problem = f"The file has the column '{repeated}' ({use}) more than once."
            raise Refused(problem, "Give each column its own name in the export.", count)
        if any(map(rows.column, origins)):
            continue
        wanted = named(origins)
        if looks_like_data:
            which = f"Line {source.read.header_row}" if source.read.header_row > 1 else "The first line"
            problem = f"{which} is no header: the column {wanted} ({use}) is missing."
            remedy = "Export the file with a header line, or correct read.header_row or the mapping of this source."
            raise Refused(problem, _split_otherwise(rows) or remedy, count)
        near = closest(origins, rows.columns, 0.5)
        hint = f" Did you mean '{near}'?" if near else ""
        problem = f"The file has no column {wanted} ({use}). It has: {', '.join(rows.columns)}.{hint}"
        remedy = missing_column_remedy(key, source)
        raise Refused(problem, _split_otherwise(rows) or remedy, count)


def is_surely_header(rows: FileRows, source: SourceConfig) -> bool:
    """Tell whether a first line names columns: at least one that the mapping asks for.

    A line of a file without a header may be a person, and no message may quote it.
    """
    wanted = {name.casefold() for name in source.names_read}
    return any(name.casefold() in wanted for name in rows.columns)


def _split_otherwise(rows: FileRows) -> str | None:
    if len(rows.columns) == 1 and re.search("[;\t|]", rows.columns[0]):
        return "Set read.delimiter of this source in pipeline.yml: the header looks split by another character."
    return None
