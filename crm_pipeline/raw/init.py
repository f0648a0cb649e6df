"""Writes a first pipeline.yml from the files of a folder: what is sure as it is, what is not marked for the reader."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_pipeline.config.dataset import PIPELINE_FILE, DatasetError
from crm_pipeline.config.schema import SCHEMA_LINE, write_schema
from crm_pipeline.raw.drafting.business import business_lines
from crm_pipeline.raw.drafting.groups import Group, groups_of
from crm_pipeline.raw.drafting.relations import agree_on_keys, find_person_key, join_lookups, lookup_of
from crm_pipeline.raw.drafting.sources import has_amounts, skeleton, source_blocks
from crm_pipeline.raw.drafting.text import EDIT, GUESS
from crm_pipeline.raw.guessing.columns import Table
from crm_pipeline.raw.guessing.layout import data_files
from crm_pipeline.raw.landed import allowed_folders
from crm_pipeline.raw.textfile import plain_suffix
from crm_pipeline.storage.lake import atomic_file

__all__ = ["EDIT", "GUESS", "FirstDraft", "write_draft"]


_AS_IN_CODE = re.compile(r"[a-z]+(_[a-z\d]+)+")


@dataclass(frozen=True)
class FirstDraft:
    """A pipeline.yml that was written, and sentences on what to look at."""

    path: Path
    text: str
    notes: tuple[str, ...]


def write_draft(folder: Path, *, force: bool = False, linked_folders: Sequence[Path] = ()) -> FirstDraft:
    """Look at the data files under a dataset folder and write its pipeline.yml, and beside it the schema for editors.

    Args:
        folder: the dataset folder; its files are looked for in `landing`, where it has that.
        force: whether a pipeline.yml that is there is replaced.
        linked_folders: where files may really lie beside the dataset's folder.

    Raises:
        DatasetError: if there is a pipeline.yml already, or no file that can be read.
    """
    path = folder / PIPELINE_FILE
    if path.exists() and not force:
        raise DatasetError(f"{path}: it is there already. Use --force to replace it.")
    files = data_files(folder)
    if not files:
        raise DatasetError(f"{folder}: there are no data files in it. Put your exports into {folder / 'landing'}.")
    groups, notes = groups_of(folder, files, allowed_folders(folder, linked_folders))
    if not groups:
        raise DatasetError("\n".join([f"{folder}: no file can be read.", *notes]))
    text, more = _document(folder.resolve().name, groups)
    with atomic_file(path) as building:
        building.write_text(text, encoding="utf-8")
    write_schema(folder)
    return FirstDraft(path, text, (*notes, *more))


def check_command(dataset: str) -> str:
    """Return the command that looks at the sources of a dataset."""
    return f"crm check-sources --dataset {shlex.quote(dataset)}"


def _document(dataset: str, groups: list[Group]) -> tuple[str, list[str]]:
    """Return the text of a pipeline.yml, and notes on what to look at."""
    usable = [group for group in groups if group.is_usable]
    agree_on_keys(usable)
    find_person_key(usable)
    joined = join_lookups(groups)
    written = usable or groups[:1]
    lines = [SCHEMA_LINE]
    lines += [f"# Written by `crm init`. Look at the lines with EDIT and guess, then run `{check_command(dataset)}`."]
    lines += [*business_lines(written), "", "sources:"]
    names: set[str] = set()
    lines_have_amounts = any(has_amounts(group.match) for group in usable if group.channel == "order_lines")
    for group in usable:
        for block in source_blocks(group, dataset, names, lines_have_amounts=lines_have_amounts):
            lines += [*block, ""]
    for group in groups:
        if group in usable or group in joined:
            continue
        block = _of_unknown(group, groups, dataset, names)
        lines += [*(block if group in written else map(_commented, block)), ""]
    text = "\n".join(lines).rstrip() + "\n"
    marked = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if EDIT in line]
    return text, [f"line {number}: {line.split(EDIT)[1].strip()}" for number, line in marked]


def _of_unknown(group: Group, groups: list[Group], dataset: str, names: set[str]) -> list[str]:
    """Return the source of files that no channel takes; of those that may have no header, no column is named."""
    block = skeleton(group, dataset, names)
    if found := lookup_of(group, groups):
        other, column = found
        block.append(f"    # it explains '{column}' of {other.pattern}: join it there")
    if group.nearest or group.other or _has_header(group.table) or plain_suffix(group.files[0]) in (".parquet", ".pq"):
        return block
    return [*block[:-1], f"    # no channel knows any of its {len(group.table.columns)} columns; has it a header line?"]


def _has_header(table: Table) -> bool:
    """Tell whether the first line is a header for sure: it is written as in code, or values below it are numbers."""
    in_code = all(_AS_IN_CODE.fullmatch(name) for name in table.columns)
    return (
        table.optional
        or in_code
        or any(
            texts and not any(map(str.isdecimal, name)) and all(any(map(str.isdecimal, text)) for text in texts)
            for name, texts in table.columns.items()
        )
    )


def _commented(line: str) -> str:
    return f"# {line}".rstrip()
