"""Files of one layout in one folder, and the pattern that takes them and no other."""

import glob
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

import duckdb

from crm_pipeline.config.preset import presets
from crm_pipeline.raw.guessing.channels import nearest_channels, other_kind
from crm_pipeline.raw.guessing.columns import Match, Table
from crm_pipeline.raw.guessing.encoding import encoding_of
from crm_pipeline.raw.guessing.layout import guess_read
from crm_pipeline.raw.guessing.layouts import fitting_presets
from crm_pipeline.raw.guessing.table import read_table
from crm_pipeline.raw.header import looks_like_data
from crm_pipeline.raw.landed import one_file, refuse_unreadable, shown_name
from crm_pipeline.raw.textfile import Refused, plain_suffix


@dataclass
class Group:
    """Files of one layout in one folder, and what they may be: exports of a known system, or channels by likelihood."""

    folder: str
    options: dict[str, str | int]
    table: Table
    #: Encodings under which the texts would be others that are as likely.
    encodings: tuple[str, ...] = ()
    files: list[Path] = field(default_factory=list)
    pattern: str = ""
    presets: list[str] = field(default_factory=list)
    nearest: list[Match] = field(default_factory=list)
    #: What it looks to be instead of a channel.
    other: str | None = None
    #: Lookup files that explain one of its columns: which, and the column.
    lookups: list[tuple["Group", str]] = field(default_factory=list)

    def add(self, file: Path, table: Table) -> None:
        """Take a file in: its values help to tell what the columns are."""
        self.files.append(file)
        for column, texts in table.columns.items():
            self.table.columns.setdefault(column, []).extend(texts)

    @property
    def match(self) -> Match | None:
        """The likeliest channel; None where the columns tell nothing, or a preset tells all."""
        return next(iter(self.nearest), None) if not self.presets else None

    @property
    def is_usable(self) -> bool:
        """Tell whether a source can be written that loads."""
        return bool(self.presets) or (self.match is not None and self.match.is_complete and not self.other)

    @property
    def channel(self) -> str | None:
        """The channel of the likeliest match."""
        return self.match.channel if self.match else None

    @property
    def stem(self) -> str:
        """The words of its files' names."""
        words = re.findall(r"[a-z]+", Path(self.pattern).name.split(".")[0].casefold())
        return "_".join(words)

    def values(self, column: str) -> list[str]:
        """Return the values that it has for a contract column."""
        if self.presets:
            mappings = [presets()[name]["columns"].get(column) for name in self.presets]
            origins = [mapping for mapping in mappings if isinstance(mapping, str)]
        else:
            mapping = self.match.mappings.get(column, {}) if self.match else {}
            origins = [mapping["from"]] if "from" in mapping else []
        return [text for origin in origins for text in self.table.columns.get(origin, [])]


def groups_of(folder: Path, files: list[Path], within: Sequence[Path]) -> tuple[list[Group], list[str]]:
    """Return the files of a folder by their layout, and sentences on those that are left out.

    Args:
        folder: the dataset folder.
        files: its data files.
        within: folders in which they may really lie.
    """
    groups: dict[str, Group] = {}
    notes = []
    with tempfile.TemporaryDirectory() as work, duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        for path in files:
            name, shown = path.relative_to(folder), shown_name(folder, path)
            try:
                with one_file():
                    refuse_unreadable(path, within)
                    table, options = read_table(con, path, guess_read(path), Path(work))
                    others = encoding_of(path).others if "encoding" in options else ()
            except Refused as refused:
                notes.append(f"{shown} is left out: {refused.problem} {refused.remedy}")
                continue
            if not table.optional and looks_like_data(list(table.columns)):
                notes.append(f"{shown} is left out: its first line is no header. Export it with one.")
                continue
            layout = [column.casefold() for column in table.columns]
            kind = plain_suffix(path)
            key = repr((_folder(name), kind, options, sorted(layout) if table.optional else layout))
            groups.setdefault(key, Group(_folder(name), options, Table({}, table.optional), others)).add(name, table)
    named = _with_patterns(list(groups.values()), [path.relative_to(folder) for path in files])
    for group in named:
        group.presets = fitting_presets(group.table)
        file_name = Path(group.pattern).name
        group.nearest = nearest_channels(group.table, file_name)
        group.other = other_kind(group.table, file_name, group.channel)
    return named, notes


def _folder(file: Path) -> str:
    """Return the pattern of a file's folder: one that is named by a date or number stands for its like."""
    parts = ["*" if re.fullmatch(r"[\d_-]*\d", part) else part for part in file.parent.parts]
    return "/".join(parts)


def _with_patterns(groups: list[Group], files: list[Path]) -> list[Group]:
    """Give each group a pattern that takes its files and no other; where there is none, each file is a group."""
    named = []
    for group in groups:
        pattern = pattern_of(group.folder, group.files, files)
        if pattern:
            named.append(replace(group, pattern=pattern))
        else:
            named += [
                replace(group, files=[path], pattern=_writable(glob.escape(path.as_posix()))) for path in group.files
            ]
    return named


def pattern_of(folder: str, wanted: list[Path], files: list[Path]) -> str | None:
    """Return a pattern that takes the wanted files of a folder and no other; None where there is none."""
    pattern = _writable("/".join(filter(None, (folder, _pattern([path.name for path in wanted])))))
    taken = [path for path in files if path.match(pattern) and len(path.parts) == pattern.count("/") + 1]
    return pattern if taken == wanted else None


def _writable(pattern: str) -> str:
    """Let any character stand for one that is no UTF-8."""
    return re.sub("[\ud800-\udfff]", "?", pattern)


def _pattern(names: list[str]) -> str:
    """Return a pattern for files that differ in a date or number, or in what stands between start and end."""
    if len(set(names)) == 1:
        stem, dot, suffixes = names[0].partition(".")
        return re.sub(r"\d{4,}([_-]?\d+)*", "*", stem) + dot + suffixes
    start = _common_start(names).rstrip("0123456789")
    end = _common_start([name[::-1] for name in names])[::-1].lstrip("0123456789")
    return f"{start}*{end}"


def _common_start(names: list[str]) -> str:
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same)
