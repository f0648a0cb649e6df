"""The SQL that turns a file's text into a contract's types, and says for each value that does not fit why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb

from crm_pipeline.config.contract import RUN_TIME, Column, Contract
from crm_pipeline.config.expressions import columns_read
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.config.values import FALSE_WORDS, TRUE_WORDS
from crm_pipeline.raw import emails, moments, numbers
from crm_pipeline.raw.misfits import (
    CREDIT_OR_DEBIT,
    EMPTY,
    LATER,
    LOST_SIGN,
    NO_MATCH,
    NOT_ALLOWED,
    NOT_LISTED,
    NUMERIC,
    OTHER_CURRENCY,
    TOO_HIGH,
    TOO_LOW,
    TWO_NUMBERS,
    TWO_VALUES,
    UNREADABLE,
    Amounts,
    code_name,
    problem,
    remedy,
)
from crm_pipeline.raw.sandbox import EXPRESSION_VALUES, value_column
from crm_pipeline.raw.source_rows import PROBLEM, RAW, SOURCE_ROWS, SPACE, trimmed
from crm_pipeline.raw.waiting import in_utc
from crm_pipeline.storage.sql import literal, quoted

TYPED_ROWS = "typed_rows"
HASH = '" hash"'
_WANTED, _IS_DELETED = '" wanted"', '" is deleted"'
_CONDITIONS = ("where", "deleted_when")

FATE = '" fate"'
LEFT_OUT, DELETED, MISFIT, WAITING, FIT = range(1, 6)
"""What a row's values say of its fate: `where` leaves it out, its record is deleted, a value does not fit, it is dated
later than the run, or all is well."""


@dataclass(frozen=True)
class CastPlan:
    """Builds the statements for one file."""

    contract: Contract
    source: SourceConfig
    zone: str
    run_time: datetime
    columns: tuple[str, ...]
    #: The column of `source_rows` by the name that the file gives it, where the two differ.
    named: Mapping[str, str] = field(default_factory=dict)
    #: Of amounts whose row names none; '' where it is not known.
    currency: str = ""
    #: How number columns write decimals, where their values tell.
    conventions: Mapping[str, str] = field(default_factory=dict)
    #: Columns of which all numbers are as programs write them, and amounts made of nothing but such numbers: the SQL
    #: that reads all other numbers is long.
    plain: frozenset[str] = frozenset()

    @property
    def mapped(self) -> list[Column]:
        """The contract columns that the source fills."""
        return [column for column in self.contract.columns if column.name in self.source.columns]

    def typed_rows(self) -> str:
        """Return the statement that makes `typed_rows`: typed values, a hash of the source row, problem codes."""
        values = "".join(f", {self._value(column)} as {quoted(column.name)}" for column in self.mapped)
        codes = "".join(f", {self._code(column)} as {code_name(column)}" for column in self.mapped)
        names = "".join(f", {quoted(column.name)}" for column in self.mapped)
        row = f'"{LINE}", {HASH}, {_WANTED}, {_IS_DELETED}'
        texts = self._text_names() + "".join(f", {_origin_name(column)}" for column, _ in self._signed())
        return f"""
            create or replace table {TYPED_ROWS} as
            select *, {self._fate()} as {FATE}
            from (
                select {row}{names}{codes} from (select {row}{texts}{values} from ({self.texts()}))
            )
            """

    def texts(self, only: str = "true") -> str:
        """Return the query for the trimmed text of each mapped column (` text of <name>`)."""
        texts = "".join(f", {self._text(column)} as {_text_name(column)}" for column in self.mapped)
        texts += "".join(
            f", {trimmed(self._column(name))} as {_origin_name(column)}" for column, name in self._signed()
        )
        texts += "".join(f", {self._differs(column)} as {_differs_name(column)}" for column in self._of_several())
        wanted, is_deleted = self._condition("where", "true"), self._condition("deleted_when", "false")
        return f"""
            select "{LINE}", {self._row_hash()} as {HASH}, {wanted} as {_WANTED}, {is_deleted} as {_IS_DELETED}{texts}
            from {self._rows()} where "{PROBLEM}" is null and {only}
            """

    def problem(self, column: Column) -> str:
        """Return SQL for the sentence on a column's problem, from its code and text."""
        return problem(column, _text_name(column), self._is_pii(column))

    def remedy(self, column: Column) -> str:
        """Return SQL for what to do about a column's problem."""
        has_currency = "currency" in self.contract.column_names
        signed = {other.name: name for other, name in self._signed()}.get(column.name, "its column")
        return remedy(column, self.source, Amounts(self.currency, has_currency, signed))

    def as_written(self, con: duckdb.DuckDBPyConnection) -> "CastPlan":
        """Return the plan with what the values of `source_rows` tell of how their numbers are written."""
        plain = self._plain(con)
        told = {
            column.name: (self._origin(column), column.logical_type == "integer")
            for column in self.mapped
            if column.logical_type in NUMERIC and _text_name(column) not in plain
            for mapping in [self.source.columns[column.name]]
            if self._there(column) and mapping.decimal is None and mapping.values is None
        }
        return replace(self, plain=plain, conventions=numbers.conventions(con, told))

    def _plain(self, con: duckdb.DuckDBPyConnection) -> frozenset[str]:
        """Ask which columns hold plain numbers only, as most do."""
        asked = {
            _text_name(column): numbers.is_plain(
                self._text(column), self.source.columns[column.name], whole=column.logical_type == "integer"
            )
            for column in self.mapped
            if column.logical_type in NUMERIC and self.source.columns[column.name].values is None
        }
        asked |= {
            _origin_name(column): numbers.is_plain(trimmed(self._column(name)), self.source.columns[column.name])
            for column, name in self._signed()
        }
        if not asked:
            return frozenset()
        conditions = ", ".join(f"coalesce(bool_and({condition}), true)" for condition in asked.values())
        answers = con.execute(f'select {conditions} from {self._rows()} where "{PROBLEM}" is null').fetchall()[0]
        return frozenset(name for name, is_plain in zip(asked, answers, strict=True) if is_plain)

    def key_is_known(self) -> str:
        """Return the condition on `typed_rows` that a row tells its record, whatever else is wrong with it."""
        codes = [code_name(column) for column in self.mapped if column.name in self.contract.record_key]
        return " and ".join(f"{code} is null" for code in codes) or "true"

    @property
    def has_run_time(self) -> bool:
        """Tell whether rows of the source may be dated later than the run."""
        return any(column.maximum == RUN_TIME for column in self.mapped)

    def waits_until(self) -> str:
        """Return SQL for the latest time in a row that is later than the run."""
        times = [quoted(column.name) for column in self.mapped if column.maximum == RUN_TIME]
        return f"greatest({', '.join(times)})"

    def row_as_json(self) -> str:
        """Return SQL for a source row as JSON text."""
        spelt = {column: name for name, column in self.named.items()}
        fields = ", ".join(f"{literal(spelt.get(name, name))}, {quoted(name)}" for name in self.columns)
        return f'coalesce("{RAW}", json_object({fields})::varchar)'

    def expressions(self) -> dict[str, tuple[str, str]]:
        """Return the expressions that are to be run before rows are cast: by key, each with the type of its value."""
        return {
            key: (sql, "boolean" if key in _CONDITIONS else "varchar") for key, sql in self.source.expressions.items()
        }

    def _condition(self, key: str, otherwise: str) -> str:
        """Return SQL for a condition of the source; unknown is no."""
        return f"coalesce({value_column(key)}, false)" if key in self.source.expressions else otherwise

    def _rows(self) -> str:
        """Return the rows of the file, beside what expressions make of them."""
        if not self.expressions():
            return SOURCE_ROWS
        return f"{SOURCE_ROWS} left join {EXPRESSION_VALUES} using ({quoted(LINE)})"

    def _is_pii(self, column: Column) -> bool:
        """A column is as personal as anything else that is made from the same source column."""
        if column.pii:
            return True
        personal = {name for other in self.mapped if other.pii for name in self._origins(other)}
        return not personal.isdisjoint(self._origins(column))

    def _origins(self, column: Column) -> set[str]:
        """Return the source columns that a value is made from, without regard to case."""
        mapping = self.source.columns[column.name]
        names = columns_read(mapping.sql) if mapping.sql is not None else mapping.origins
        return {name.casefold() for name in names}

    def _row_hash(self) -> str:
        parts = ", ".join(f"coalesce({quoted(name)}, '')" for name in self.columns)
        return f"""md5_number(coalesce("{RAW}", concat_ws(chr(31), {parts})))"""

    def _text_names(self) -> str:
        texts = "".join(f", {_text_name(column)}" for column in self.mapped)
        return texts + "".join(f", {_differs_name(column)}" for column in self._of_several())

    def _signed(self) -> list[tuple[Column, str]]:
        """Return the amounts that an expression makes of one column of the file, which may lose their sign."""
        found = []
        for column in self.mapped:
            expression = self.source.columns[column.name].sql
            is_read = self.source.columns[column.name].values is None
            if expression and is_read and column.logical_type == "number" and column.minimum is None:
                known = {*self.columns, *self.named}
                names = [name for name in columns_read(expression) if name in known]
                found += [(column, name) for name in names if len(names) == 1]
        return found

    def _currency(self) -> str:
        """Return SQL for the currency of a row's amounts."""
        told = [f"upper({_text_name(column)})" for column in self.mapped if column.name == "currency"]
        return f"coalesce({', '.join([*told, literal(self.currency)])})"

    def _text(self, column: Column) -> str:
        text = self._not_null(self._origin(column))
        return emails.address(text) if column.format == "email" else text

    def _not_null(self, origin: str) -> str:
        """Return SQL for a trimmed text; null where the source says that it means that there is no value."""
        text = trimmed(f"({origin})::varchar")
        if not self.source.read.null_values:
            return text
        nulls = ", ".join(literal(value.strip(SPACE)) for value in self.source.read.null_values)
        return f"case when {text} in ({nulls}) then null else {text} end"

    def _origin(self, column: Column) -> str:
        mapping = self.source.columns[column.name]
        if mapping.sql is not None:
            return value_column(f"columns.{column.name}")
        if mapping.value is not None:
            return literal(mapping.value)
        there = self._there(column)
        if len(there) > 1:
            return f"coalesce({', '.join(self._not_null(name) for name in there)})"
        if there or mapping.optional:
            return there[0] if there else "null"
        return self._column(mapping.origins[0])

    def _there(self, column: Column) -> list[str]:
        """Return SQL for each of the columns that a value may come from and that the file has."""
        known = {*self.columns, *self.named}
        return [self._column(name) for name in self.source.columns[column.name].origins if name in known]

    def _of_several(self) -> list[Column]:
        """Return the columns whose value may come from several columns that the file has."""
        return [column for column in self.mapped if len(self._there(column)) > 1]

    def _differs(self, column: Column) -> str:
        """Return the condition that the columns which a value may come from do not agree on it."""
        texts = ", ".join(self._not_null(name) for name in self._there(column))
        return f"len(list_distinct([{texts}])) > 1"

    def _column(self, name: str) -> str:
        return quoted(self.named.get(name, name))

    def _value(self, column: Column) -> str:
        mapping, text = self.source.columns[column.name], _text_name(column)
        if mapping.values is not None:
            return self._listed(column, mapping.values)
        if column.logical_type == "string":
            return _canonical(text, column.valid_values) if column.valid_values else text
        if column.logical_type in NUMERIC:
            return self._number(text, column)
        if column.logical_type == "boolean":
            return _boolean(text)
        if column.logical_type == "date":
            return moments.day(text, mapping.format)
        return f"timezone('UTC', {moments.instant(text, mapping.format, self.zone)})"

    def _listed(self, column: Column, values: Mapping[str, str | None]) -> str:
        """Return SQL for the value that the mapping lists for a text."""
        cases = []
        for key, value in values.items():
            told = literal(value or "")
            if column.logical_type == "string":
                listed = _canonical(told, column.valid_values) if column.valid_values else told
            elif column.logical_type == "boolean":
                listed = _boolean(told)
            elif column.logical_type == "timestamp":
                listed = f"timezone('UTC', {moments.instant(told, None, self.zone)})"
            else:
                listed = f"{told}::{column.physical_type}"
            cases.append(f"when {_folded(literal(key))} then {listed if value is not None else 'null'}")
        return f"(case {_folded(_text_name(column))} {' '.join(cases)} end)::{column.physical_type}"

    def _number(self, text: str, column: Column) -> str:
        whole = column.logical_type == "integer"
        mapping, convention = self.source.columns[column.name], self.conventions.get(column.name)
        if text in self.plain:
            number = numbers.plain(text, mapping)
        else:
            number = numbers.number(text, mapping, convention, self._currency(), whole=whole)
        value = f"try_cast({number} as {column.physical_type})"
        # A cast of '1.5' would round; a count that is no whole number is a mistake.
        return f"case when try_cast({number} as decimal(38, 6)) % 1 = 0 then {value} end" if whole else value

    def _fate(self) -> str:
        """Return SQL for what a row's values say of its fate."""
        misfit = " or ".join(
            f"({code_name(column)} is not null and {code_name(column)} <> {LATER})" for column in self.mapped
        )
        later = " or ".join(f"{code_name(column)} = {LATER}" for column in self.mapped)
        return f"""(case when not {_WANTED} then {LEFT_OUT} when {misfit} then {MISFIT}
            when {_IS_DELETED} then {DELETED} when {later} then {WAITING} else {FIT} end)::utinyint"""

    def _code(self, column: Column) -> str:
        """Return SQL for what is wrong with a value: nothing in a row that is left out, nor beside a deleted record."""
        text, value = _text_name(column), quoted(column.name)
        unjudged = f"not {_WANTED}" if column.name in self.contract.record_key else f"not {_WANTED} or {_IS_DELETED}"
        cases = [f"when {unjudged} then null"]
        if column in self._of_several():
            cases.append(f"when {_differs_name(column)} then {TWO_VALUES}")
        values = self.source.columns[column.name].values
        if values is not None:
            is_listed = f"{_folded(text)} in ({', '.join(_folded(literal(key)) for key in values)})"
            cases.append(f"when {text} is not null and not {is_listed} then {NOT_LISTED}")
        if column.required:
            cases.append(f"when {value if values is not None else text} is null then {EMPTY}")
        unfit = str(NOT_ALLOWED if column.valid_values else UNREADABLE)
        if column.logical_type in NUMERIC and text not in self.plain and values is None:
            codes = (OTHER_CURRENCY, CREDIT_OR_DEBIT, TWO_NUMBERS)
            mapping = self.source.columns[column.name]
            unfit = numbers.why_no_number(text, mapping, self._currency(), codes, UNREADABLE)
        if values is None:
            cases.append(f"when {text} is not null and {value} is null then {unfit}")
        if column in (signed for signed, _ in self._signed()) and _origin_name(column) not in self.plain:
            cases.append(f"when {value} > 0 and {numbers.looks_negative(_origin_name(column))} then {LOST_SIGN}")
        if column.minimum is not None:
            cases.append(f"when {value} < {self._bound(column, column.minimum)} then {TOO_LOW}")
        if column.maximum is not None:
            code = LATER if column.maximum == RUN_TIME else TOO_HIGH
            cases.append(f"when {value} > {self._bound(column, column.maximum)} then {code}")
        if column.pattern is not None:
            cases.append(f"when not regexp_matches({value}, {literal(column.pattern)}) then {NO_MATCH}")
        return f"(case {' '.join(cases)} end)::utinyint"

    def _bound(self, column: Column, bound: str) -> str:
        if bound == RUN_TIME:
            bound = in_utc(self.run_time).isoformat(sep=" ")
        return f"{literal(bound)}::{column.physical_type}"


def _text_name(column: Column) -> str:
    return quoted(f" text of {column.name}")


def _origin_name(column: Column) -> str:
    return quoted(f" origin of {column.name}")


def _differs_name(column: Column) -> str:
    return quoted(f" origins of {column.name} differ")


def _folded(text: str) -> str:
    """Return SQL for a text, or none of it, without regard to case and to how its letters are composed."""
    return f"nfc_normalize(lower(trim(coalesce({text}, ''), {literal(SPACE)})))"


def _canonical(text: str, valid: tuple[str, ...]) -> str:
    """Return the allowed value in the contract's spelling, whatever the case in the file."""
    cases = " ".join(f"when {literal(value.casefold())} then {literal(value)}" for value in valid)
    return f"case lower({text}) {cases} end"


def _boolean(text: str) -> str:
    true, false = (", ".join(literal(word) for word in words) for words in (TRUE_WORDS, FALSE_WORDS))
    return f"case when lower({text}) in ({true}) then true when lower({text}) in ({false}) then false end"
