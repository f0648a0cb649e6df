"""The sources of a draft: what is sure as it is, what is guessed or to be edited with its mark."""

import re
from typing import Any

from crm_pipeline.config.contract import AMOUNTS, contracts
from crm_pipeline.raw.drafting.groups import Group
from crm_pipeline.raw.drafting.text import EDIT, GUESS, flow, listed, scalar, unique
from crm_pipeline.raw.guessing.columns import Match
from crm_pipeline.storage.sql import quoted

_FOLDERS_OF_NO_SYSTEM = ("", "*", "landing")
_NEAREST = 3
_IDENTIFYING = ("email", "phone")
_FEWEST_TELLING = 2


def source_blocks(group: Group, dataset: str, names: set[str], *, lines_have_amounts: bool) -> list[list[str]]:
    """Return the sources that take a group's files, each as lines.

    Args:
        group: files of one layout.
        dataset: name of the dataset: the system of files that lie in no folder of their own.
        names: of the sources that there are already; those of these are added.
        lines_have_amounts: whether lines of orders say what the orders brought.
    """
    files = f"    files: {scalar(group.pattern)}"
    if group.presets:
        return [
            [f"  - name: {unique(preset, names)}", f"    preset: {preset}", files, *_read(group)]
            for preset in group.presets
        ]
    match = group.match
    if match is None:
        return []
    found = sum(map(match.uses, group.table.columns))
    lines = [
        f"  - name: {unique(group.stem or match.channel, names)}",
        f"    system: {_system(group, dataset)}",
        f"    channel: {match.channel}  {GUESS} {found} of the {len(group.table.columns)} columns are of this channel",
        files,
        *_read(group),
    ]
    if match.channel == "order_lines" and "line_number" in match.mappings:
        lines.append(f"    exact_duplicates: drop  {GUESS} lines are numbered, so equal ones are copies")
    lines += _joins(group)
    return [[*lines, "    columns:", *_columns(group, match, lines_have_amounts=lines_have_amounts)]]


def skeleton(group: Group, dataset: str, names: set[str]) -> list[str]:
    """Return the source of files of which nobody can tell what they are: its columns, and the nearest channels."""
    lines = [
        f"  - name: {unique(group.stem or 'source', names)}",
        f"    system: {_system(group, dataset)}",
        f"    channel:  {EDIT} {group.pattern}: {what_it_is(group)}",
        f"    files: {scalar(group.pattern)}",
        *_read(group),
        "    columns:",
    ]
    if group.match and not group.other:
        lines += _columns(group, group.match, lines_have_amounts=False)
    return [*lines, f"    # its columns: {listed(list(group.table.columns))}"]


def what_it_is(group: Group) -> str:
    """Say why no channel was taken for files, and which are the nearest."""
    if group.other:
        return f"it looks like a list of {group.other}, which no channel takes"
    near = [f"{match.channel}{_lacks(match)}" for match in group.nearest[:_NEAREST]]
    return f"which channel? The nearest: {'; '.join(near)}" if near else "no channel knows its columns"


def has_amounts(match: Match | None) -> bool:
    """Tell whether a channel of orders gets what the orders brought."""
    return match is not None and any(column in match.mappings for column in AMOUNTS.get(match.channel, ()))


def _lacks(match: Match) -> str:
    return f" (lacks {', '.join(match.missing)})" if match.missing else ""


def _system(group: Group, dataset: str) -> str:
    folders = [part for part in group.folder.split("/") if part not in _FOLDERS_OF_NO_SYSTEM]
    return scalar(re.sub("[|]", "_", folders[-1] if folders else dataset))


def _read(group: Group) -> list[str]:
    others = ", ".join(group.encodings)
    doubt = f"  {EDIT} the encoding may be {others} too; look at the letters" if others else ""
    return [f"    read: {flow(group.options)}{doubt}"] if group.options else []


def _joins(group: Group) -> list[str]:
    """Return the lookup files that give each row what explains one of its values."""
    if not group.lookups:
        return []
    lines = ["    join:"]
    for lookup, column in group.lookups:
        told: dict[str, Any] = {"files": lookup.pattern} | ({"read": lookup.options} if lookup.options else {})
        told |= {"on": {column: column}, "columns": [name for name in lookup.table.columns if name != column]}
        lines.append(f"      - {flow(told)}  {GUESS} it explains '{' '.join(column.split())}'")
    return lines


def _how_to_make(match: Match, column: str) -> str:
    """Say that a required column is missing; an id of the rows may be put together from what tells them apart."""
    contract = contracts()[match.channel]
    telling = [
        mapping["from"]
        for name, mapping in match.mappings.items()
        if "from" in mapping and (name.endswith("_id") or name in (*_IDENTIFYING, contract.flow.moment))
    ]
    if contract.primary_key != (column,) or len(telling) < _FEWEST_TELLING:
        return "required; none of the columns is called like it"
    made = flow({"sql": f"concat_ws('|', {', '.join(map(quoted, telling))})"})
    return f"required; none of the columns is called like it. If these tell rows apart, write {made}"


def _columns(group: Group, match: Match, *, lines_have_amounts: bool) -> list[str]:
    lines = [line for column in match.mappings for line in _column(match, column)]
    lines += [f"      {column}:  {EDIT} {_how_to_make(match, column)}" for column in match.missing]
    amounts = AMOUNTS.get(match.channel, ())
    if amounts and not has_amounts(match) and not (match.channel == "orders" and lines_have_amounts):
        lines.append(f"      {amounts[0]}:  {EDIT} no column of amounts was recognised; without one all orders bring 0")
    if match.unused_amounts:
        lines.append(
            f"    {EDIT} amounts that nothing uses: {listed(match.unused_amounts)}. Map them, or leave them out"
        )
    unused = [name for name in group.table.columns if not match.uses(name) and name not in match.unused_amounts]
    return [*lines, f"    # not used: {listed(unused)}"] if unused else lines


def _column(match: Match, column: str) -> list[str]:
    """Return the lines of one mapping, with what is guessed or doubtful about it."""
    mapping = match.mappings[column]
    remark = f"  {GUESS} {match.reasons[column]}" if column in match.reasons else ""
    if column in match.doubts:
        remark = f"  {EDIT} {match.doubts[column]}"
    allowed = contracts()[match.channel].column(column).valid_values or ("true", "false")
    unknown = [
        f"          {EDIT} which of {', '.join(allowed)} is {scalar(text)}? Write it as the others"
        for text in match.unknown.get(column, ())
    ]
    if "values" not in mapping:
        return [f"      {column}: {_short(mapping)}{remark}", *unknown]
    lines = [f"      {column}:{remark}", f"        from: {scalar(mapping['from'])}", "        values:"]
    lines += [
        f"          {scalar(text)}: {value}" + ("" if text == value else f"  {GUESS} by the word")
        for text, value in mapping["values"].items()
    ]
    return lines + unknown


def _short(mapping: dict[str, Any]) -> str:
    return scalar(mapping["from"]) if set(mapping) == {"from"} else flow(mapping)
