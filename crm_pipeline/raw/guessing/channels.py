"""The channel that a table feeds: of all that its columns speak for, the likeliest; or what the table is instead."""

import re

from crm_pipeline.config.contract import AMOUNTS, Contract, contracts
from crm_pipeline.raw.guessing.amounts import look_at_amounts
from crm_pipeline.raw.guessing.columns import Match, Table, match_names
from crm_pipeline.raw.guessing.conclusions import conclude
from crm_pipeline.raw.guessing.words import (
    Languages,
    file_hints,
    folded,
    languages_of,
    other_file_hints,
    other_tables,
    parts,
    spellings_of,
    tokens_of,
)

_PER_MISSING_COLUMN, _FOR_THE_FILE_NAME = 3, 1.5
#: Columns of another kind of table from which on a table is of that kind.
_ENOUGH_OF_ANOTHER_KIND = 2
#: Kinds of tables that the name of a file tells by itself.
_TOLD_BY_FILE = ("employees", "stock", "suppliers")


def nearest_channels(table: Table, file_name: str) -> list[Match]:
    """Return the channels that a table may feed, the likeliest first."""
    languages = languages_of(table.columns)
    matches = [_match(table, contract, file_name, languages) for contract in contracts().values()]
    found = [match for match in matches if match.score > 0]
    found.sort(key=lambda match: (match.is_complete, _is_sale(match, file_name), match.score), reverse=True)
    for match in found[:1]:
        look_at_amounts(match, table)
    return found


def _match(table: Table, contract: Contract, file_name: str, languages: Languages) -> Match:
    match = match_names(table, contract, languages)
    conclude(match, table, file_name)
    match.missing = [
        column.name for column in contract.columns if column.required and column.name not in match.mappings
    ]
    told = match.told_by_columns
    speaks = _speaks(file_name, _hints(contract))
    if told > 1:
        match.score = told - _PER_MISSING_COLUMN * len(match.missing) + _FOR_THE_FILE_NAME * speaks
    return match


def _is_sale(match: Match, file_name: str) -> bool:
    """Tell rows of sales that name their buyer with address and all from rows of customers."""
    amounts = AMOUNTS.get(match.channel, ())
    if not any(column in match.mappings for column in amounts):
        return False
    numbered = set(tokens_of(match.mappings.get("order_id", {}).get("from", "id")))
    return not numbered <= parts("ids") or _speaks(file_name, _hints(contracts()[match.channel]))


def _speaks(file_name: str, hints: set[str]) -> bool:
    """Tell whether a word of a file's name begins like one of the hints; Chinese has no blanks between words."""
    name = folded(file_name)
    words = re.split(r"[\W_\d]+", name)
    return any(word.startswith(hint) for word in words for hint in hints) or any(
        hint in name for hint in hints if not hint.isascii()
    )


def other_kind(table: Table, file_name: str, channel: str | None) -> str | None:
    """Return what a table is that looks like a channel and is none, such as a list of employees.

    Args:
        table: its first rows.
        file_name: its file.
        channel: the nearest one, where there is any.
    """
    named = channel is not None and _speaks(file_name, _hints(contracts()[channel]))
    for kind, names in other_tables().items():
        found = sum(not names.isdisjoint(spellings_of(name)) for name in table.columns)
        told = _speaks(file_name, other_file_hints(kind))
        if found >= _ENOUGH_OF_ANOTHER_KIND or (told and (found or (kind in _TOLD_BY_FILE and not named))):
            return kind
    return None


def _hints(contract: Contract) -> set[str]:
    return {folded(hint) for hint in contract.flow.file_names} | file_hints(contract.name)
