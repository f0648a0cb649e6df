"""Writes a first pipeline.yml from the files of a folder: what is sure as it is, what is not marked for the reader."""

import glob
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import duckdb
import yaml

from crm_pipeline.config.contract import AMOUNTS
from crm_pipeline.config.dataset import PIPELINE_FILE, DatasetError
from crm_pipeline.config.preset import presets
from crm_pipeline.raw.guessing.columns import Match, Table, fitting_presets, match_channel
from crm_pipeline.raw.guessing.encoding import encoding_of
from crm_pipeline.raw.guessing.layout import data_files, guess_read
from crm_pipeline.raw.guessing.table import read_table
from crm_pipeline.raw.guessing.values import currency_marks
from crm_pipeline.raw.header import looks_like_data
from crm_pipeline.raw.landed import allowed_folders, one_file, refuse_unreadable, shown_name
from crm_pipeline.raw.numbers import currency_signs
from crm_pipeline.raw.textfile import Refused, plain_suffix
from crm_pipeline.storage.lake import atomic_file

EDIT = "# EDIT:"
GUESS = "# guess:"
_REGIONS = Path(__file__).parent / "guessing" / "regions.yaml"


@dataclass(frozen=True)
class FirstDraft:
    """A pipeline.yml that was written, and sentences on what to look at."""

    path: Path
    text: str
    notes: tuple[str, ...]


@dataclass
class _Group:
    """Files of one layout in one folder."""

    folder: str
    options: dict[str, str | int]
    table: Table
    #: Encodings under which the texts would be others that are as likely.
    encodings: tuple[str, ...] = ()
    files: list[Path] = field(default_factory=list)
    pattern: str = ""
    presets: list[str] = field(default_factory=list)
    match: Match | None = None

    def add(self, file: Path, table: Table) -> None:
        """Take a file in: its values help to tell what the columns are."""
        self.files.append(file)
        for column, texts in table.columns.items():
            self.table.columns.setdefault(column, []).extend(texts)

    @property
    def stem(self) -> str:
        words = re.findall(r"[a-z]+", Path(self.pattern).name.split(".")[0].casefold())
        return "_".join(words)


def write_draft(folder: Path, *, force: bool = False, linked_folders: Sequence[Path] = ()) -> FirstDraft:
    """Look at the data files under a dataset folder and write its pipeline.yml.

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
    groups, notes = _groups(folder, files, allowed_folders(folder, linked_folders))
    if not groups:
        raise DatasetError("\n".join([f"{folder}: no file can be read.", *notes]))
    text, more = _document(folder, groups)
    with atomic_file(path) as building:
        building.write_text(text, encoding="utf-8")
    return FirstDraft(path, text, (*notes, *more))


def _groups(folder: Path, files: list[Path], within: Sequence[Path]) -> tuple[list[_Group], list[str]]:
    groups: dict[str, _Group] = {}
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
            groups.setdefault(key, _Group(_folder(name), options, Table({}, table.optional), others)).add(name, table)
    named = _with_patterns(list(groups.values()), [path.relative_to(folder) for path in files])
    for group in named:
        group.presets = fitting_presets(group.table)
        group.match = match_channel(group.table, Path(group.pattern).name)
    return named, notes


def _folder(file: Path) -> str:
    """Return the pattern of a file's folder: one that is named by a date or number stands for its like."""
    parts = ["*" if re.fullmatch(r"[\d_-]*\d", part) else part for part in file.parent.parts]
    return "/".join(parts)


def _with_patterns(groups: list[_Group], files: list[Path]) -> list[_Group]:
    """Give each group a pattern that takes its files and no other; where there is none, each file is a group."""
    named = []
    for group in groups:
        pattern = _writable("/".join(filter(None, (group.folder, _pattern([path.name for path in group.files])))))
        if [path for path in files if path.match(pattern) and len(path.parts) == pattern.count("/") + 1] == group.files:
            named.append(replace(group, pattern=pattern))
        else:
            named += [
                replace(group, files=[path], pattern=_writable(glob.escape(path.as_posix()))) for path in group.files
            ]
    return named


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


def _document(folder: Path, groups: list[_Group]) -> tuple[str, list[str]]:
    """Return the text of a pipeline.yml, and notes on what to look at."""
    usable = [group for group in groups if group.presets or (group.match and group.match.is_complete)]
    # Without any complete source the nearest ones are written, so that the reader is told what they lack.
    written = usable or [group for group in groups if group.match]
    if not written:
        raise DatasetError(
            f"{folder}: no channel takes the columns of any file.\n" + "\n".join(map(_columns_of, groups))
        )
    notes = []
    lines = ["# Written by `crm init`. Look at the lines with EDIT and guess, then run `crm check-sources`."]
    lines += [_business(written), "", "sources:"]
    names: set[str] = set()
    lines_have_amounts = any(_has_amounts(group.match) for group in written if _channel(group) == "order_lines")
    for group in written:
        for block in _blocks(group, folder.resolve().name, names, lines_have_amounts):
            lines += [*block, ""]
    for group in groups:
        if group not in written:
            lines += _left_out(group)
            notes.append(f"{group.pattern} is not used: no channel was recognised; see the end of the file.")
    text = "\n".join(lines).rstrip() + "\n"
    marked = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if EDIT in line]
    return text, notes + [f"line {number}: {line.split(EDIT)[1].strip()}" for number, line in marked]


def _business(groups: list[_Group]) -> str:
    """Return the business settings: told by the countries and currencies in the data, else to be edited."""
    codes = (text.upper() for group in groups for text in _values(group, "currency"))
    currencies = Counter(code for code in codes if re.fullmatch("[A-Z]{3}", code))
    regions = yaml.safe_load(_REGIONS.read_text(encoding="utf-8"))
    by_name = {name: code for code, region in regions.items() for name in (code.casefold(), *region["names"])}
    countries = (text.casefold() for group in groups for text in _values(group, "country"))
    known = Counter(by_name[text] for text in countries if text in by_name)
    region = known.most_common(1)[0][0] if known else "GB"
    settings = {
        "currency": currencies.most_common(1)[0][0] if currencies else _marked(groups, regions[region]["currency"]),
        "timezone": regions[region]["timezone"],
        "default_region": region,
        "as_of": "latest",
    }
    remark = f"{GUESS} most rows are from {region}" if known else f"{EDIT} your currency, time zone and country"
    return f"business: {_flow(settings)}  {remark}"


def _marked(groups: list[_Group], local: str) -> str:
    """Return the currency that most amounts are marked with: the local one where the mark may stand for it."""
    amounts = [
        text
        for group in groups
        for column in ("total_amount", "net_amount", "unit_price")
        for text in _values(group, column)
    ]
    marks = currency_marks(amounts).most_common(1)
    codes = currency_signs()[marks[0][0]] if marks else (local,)
    return local if local in codes else codes[0]


def _values(group: _Group, column: str) -> list[str]:
    """Return the values that a group has for a contract column."""
    if group.presets:
        mappings = [presets()[name]["columns"].get(column) for name in group.presets]
        origins = [mapping for mapping in mappings if isinstance(mapping, str)]
    else:
        mapping = group.match.mappings.get(column, {}) if group.match else {}
        origins = [mapping["from"]] if "from" in mapping else []
    return [text for origin in origins for text in group.table.columns.get(origin, [])]


def _blocks(group: _Group, dataset: str, names: set[str], lines_have_amounts: bool) -> list[list[str]]:
    """Return the sources that take a group's files, each as lines."""
    doubt = (
        f"  {EDIT} the encoding may be {', '.join(group.encodings)} too; look at the letters" if group.encodings else ""
    )
    read = [f"    read: {_flow(group.options)}{doubt}"] if group.options else []
    files = f"    files: {_scalar(group.pattern)}"
    if group.presets:
        return [
            [f"  - name: {_unique(preset, names)}", f"    preset: {preset}", files, *read] for preset in group.presets
        ]
    match = group.match
    if match is None:
        return []
    folders = [part for part in group.folder.split("/") if part not in ("", "*", "landing")]
    system = folders[-1] if folders else dataset
    found = sum("from" in mapping or "sql" in mapping for mapping in match.mappings.values())
    lines = [
        f"  - name: {_unique(group.stem or match.channel, names)}",
        f"    system: {_scalar(re.sub('[|]', '_', system))}",
        f"    channel: {match.channel}  {GUESS} {found} of the {len(group.table.columns)} columns are of this channel",
        files,
        *read,
    ]
    if match.channel == "order_lines" and "line_number" in match.mappings:
        lines.append(f"    exact_duplicates: drop  {GUESS} lines are numbered, so equal ones are copies")
    return [[*lines, "    columns:", *_columns(group, match, lines_have_amounts)]]


def _channel(group: _Group) -> str | None:
    return group.match.channel if group.match else None


def _has_amounts(match: Match | None) -> bool:
    return match is not None and any(column in match.mappings for column in AMOUNTS.get(match.channel, ()))


def _columns(group: _Group, match: Match, lines_have_amounts: bool) -> list[str]:
    lines = []
    for column, mapping in match.mappings.items():
        short = _scalar(mapping["from"]) if set(mapping) == {"from"} else _flow(mapping)
        remark = f"  {GUESS} {match.reasons[column]}" if column in match.reasons else ""
        if column in match.doubts:
            remark = f"  {EDIT} {match.doubts[column]}"
        lines.append(f"      {column}: {short}{remark}")
    lines += [f"      {column}:  {EDIT} required; none of the columns is called like it" for column in match.missing]
    amounts = AMOUNTS.get(match.channel, ())
    if amounts and not _has_amounts(match) and not (match.channel == "orders" and lines_have_amounts):
        lines.append(f"      {amounts[0]}:  {EDIT} no column of amounts was recognised; without one all orders bring 0")
    used = " ".join(value for mapping in match.mappings.values() for value in mapping.values())
    unused = [" ".join(name.split()) for name in group.table.columns if name not in used]
    return [*lines, f"    # not used: {', '.join(unused)}"] if unused else lines


def _left_out(group: _Group) -> list[str]:
    """Return a group without a channel as a comment."""
    lines = [f"# {_columns_of(group)}"]
    if group.match and group.match.missing:
        missing = ", ".join(group.match.missing)
        lines.append(f"# (nearest is {group.match.channel}, which also needs {missing})")
    return lines


def _columns_of(group: _Group) -> str:
    if group.match is None and plain_suffix(group.files[0]) not in (".parquet", ".pq"):
        # Without a name that any channel knows, the first line may be no header but a person.
        return f"{group.pattern}: no channel knows any of its {len(group.table.columns)} columns; has it a header line?"
    names = ", ".join(" ".join(name.split()) for name in group.table.columns)
    return f"{group.pattern}: no channel takes these columns: {names}"


def _unique(name: str, names: set[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    number = 2
    unique = name
    while unique in names:
        unique, number = f"{name}_{number}", number + 1
    names.add(unique)
    return unique


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, allow_unicode=True, width=10_000).removesuffix("\n...\n").strip()


def _flow(mapping: dict[str, Any]) -> str:
    return yaml.safe_dump(mapping, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False).strip()
