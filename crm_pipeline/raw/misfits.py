"""What can be wrong with a value: a code for each kind, and the SQL of its sentence and remedy.

Sentences hold no personal data.
"""

from dataclasses import dataclass

from crm_pipeline.config.contract import Column
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw import moments
from crm_pipeline.storage.sql import literal, quoted

EMPTY, UNREADABLE, NOT_ALLOWED, TOO_LOW, TOO_HIGH, NO_MATCH, LATER = range(1, 8)
OTHER_CURRENCY, CREDIT_OR_DEBIT, TWO_NUMBERS, LOST_SIGN, TWO_VALUES, NOT_LISTED = range(8, 14)
NUMERIC = ("integer", "number")
_KINDS = {"integer": "a whole number", "boolean": "yes or no", "date": "a date", "timestamp": "a time"}


@dataclass(frozen=True)
class Amounts:
    """What remedies for amounts have to know.

    The currency of the source, whether rows may name their own, and the column of the file that an expression reads.
    """

    currency: str
    rows_have_currency: bool
    origin: str


def code_name(column: Column) -> str:
    """Return the name of the column that holds a contract column's problem code."""
    return quoted(f" problem of {column.name}")


def problem(column: Column, text: str, personal: bool) -> str:
    """Return SQL for the sentence on a column's problem, from its code and text.

    Args:
        column: of the contract.
        text: SQL of the text in the file.
        personal: whether the text may tell who somebody is.
    """
    kind = f"a number ({column.physical_type})" if column.logical_type == "number" else "text"
    sentences = {
        EMPTY: "is empty, and it is required",
        UNREADABLE: f"cannot be read as {_KINDS.get(column.logical_type, kind)}",
        NOT_ALLOWED: "is not one of the allowed values",
        TOO_LOW: f"is below the minimum {column.minimum}",
        TOO_HIGH: f"is above the maximum {column.maximum}",
        NO_MATCH: f"does not match the pattern {column.pattern}",
        OTHER_CURRENCY: "is in another currency than its row",
        CREDIT_OR_DEBIT: "is marked CR or DR, which may add to sales or take from them",
        TWO_NUMBERS: "may be two numbers: its separator may divide thousands or be the decimal sign",
        LOST_SIGN: "is positive, and the amount in the file is negative (in brackets, or with its minus behind it)",
        TWO_VALUES: "may be two values: the columns of the file that it may come from differ in this row",
        NOT_LISTED: "is not among the texts that `values` lists",
    }
    cases = " ".join(f"when {code} then {literal(sentence)}" for code, sentence in sentences.items())
    code, shown = code_name(column), _shown(text, personal)
    return f"case {code} {cases} end || case {code} when {EMPTY} then '' else {shown} end"


def remedy(column: Column, source: SourceConfig, amounts: Amounts) -> str:
    """Return SQL for what to do about a column's problem."""
    mapping = source.columns[column.name]
    origin = " or ".join(f"'{name}'" for name in mapping.origins) or "the value"
    key = f"columns.{column.name} of the source {source.name} in pipeline.yml"
    allowed = f"one of {', '.join(column.valid_values)}" if column.valid_values else "the value that it stands for"
    unreadable = f"Correct it in the source system, or {key}."
    if column.logical_type in ("date", "timestamp"):
        told = f"now '{mapping.format}'" if mapping.format else "now ISO 8601"
        others = f"a strptime format, or one of {', '.join(moments.NUMBER_FORMATS)} for numbers"
        unreadable = (
            f"Set the format ({told}; {others}) in {key} (`crm check-sources` proposes one), or correct the value."
        )
    elif column.logical_type in NUMERIC and mapping.decimal:
        unreadable = f"Correct it, or the decimal sign (now '{mapping.decimal}') in {key}."
    elif column.logical_type == "boolean":
        unreadable = f"Say what it means with values (such as values: {{sim: true}}) in {key}, or correct it."
    own = "map the currency of each row (columns.currency)"
    if not amounts.rows_have_currency:
        own = "convert it in the source system"
    remedies = {
        EMPTY: f"Fill {origin} in the source system, or correct {key}.",
        UNREADABLE: unreadable,
        NOT_ALLOWED: f"Map it to one of {', '.join(column.valid_values)} with values in {key}.",
        **dict.fromkeys((TOO_LOW, TOO_HIGH, NO_MATCH), f"Correct it in the source system, or {key}."),
        OTHER_CURRENCY: f"Set business.currency (now {amounts.currency}) to that of the amounts, or {own}.",
        CREDIT_OR_DEBIT: f"Set negative: CR (or DR, if that marks money given back) in {key}.",
        TWO_NUMBERS: f"Set decimal: '.' or decimal: ',' in {key}.",
        LOST_SIGN: f"Write {column.name}: {amounts.origin} in {key}: signs, brackets and currencies are read there.",
        TWO_VALUES: f"Leave only the column that is right under from in {key}.",
        NOT_LISTED: f"Add it to values, with {allowed}, in {key}.",
    }
    cases = " ".join(f"when {code} then {literal(text)}" for code, text in remedies.items())
    return f"case {code_name(column)} {cases} end"


def _shown(text: str, personal: bool) -> str:
    """Return SQL for the value behind a sentence; nothing where it is, or looks like, personal data."""
    if personal:
        return "''"
    return f"case when regexp_matches({text}, '@|\\d{{9}}') then '' else ': ''' || left({text}, 40) || '''' end"
