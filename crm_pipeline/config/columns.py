"""Where the columns of a contract get their values: the part `columns` of a source in pipeline.yml."""

from typing import Any, Literal

import duckdb
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from crm_pipeline.config.expressions import check_expression
from crm_pipeline.config.moments import ABBREVIATIONS, NUMBER_FORMATS, said_abbreviation
from crm_pipeline.config.strict import Strict, plain_text
from crm_pipeline.config.values import as_texts


class ColumnMapping(Strict):
    """Where a contract column gets its value: a source column, a SQL expression over them, or a constant."""

    from_: str | tuple[str, ...] | None = Field(
        default=None, alias="from", description="Source column or JSON path; of several, the first that a file has."
    )
    sql: str | None = Field(default=None, min_length=1, description="SQL expression over the source columns as text.")
    value: str | None = Field(default=None, description="The same value for each row.")
    format: str | None = Field(
        default=None, description="strptime format of a date or time, or excel, epoch, epoch_ms."
    )
    decimal: Literal[".", ","] | None = Field(
        default=None, description="Decimal sign of numbers; default: told by the values, what could be two is refused."
    )
    negative: Literal["CR", "DR"] | None = Field(
        default=None, description="Which of CR (credit) and DR (debit) behind an amount makes it negative."
    )
    optional: bool | tuple[str, ...] = Field(
        default=False,
        description="Whether a file may lack the column, or which columns of `sql:` it may lack: they are empty then.",
    )
    values: dict[str, str | None] | None = Field(
        default=None,
        description="Text in the file, whatever its case -> value of the contract (null: none); what is not among "
        "them is quarantined.",
    )
    type: str | None = Field(default=None, description="For the reader; the contract says the type.")

    @field_validator("from_", mode="before")
    @classmethod
    def _one_name_or_several(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return _names(value)
        if value is not None and not isinstance(value, str):
            raise PydanticCustomError("string_type", "text is expected")
        if value == "":
            raise ValueError("the name of a column is expected")
        return value

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return as_texts(value)

    @field_validator("value", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return value if value is None else plain_text(value)

    @field_validator("optional", mode="before")
    @classmethod
    def _true_or_columns(cls, value: Any) -> Any:
        if isinstance(value, bool) or (
            isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
        ):
            return value
        raise ValueError("true or false is expected, or beside sql a list of columns")

    @field_validator("sql")
    @classmethod
    def _one_expression(cls, value: str | None) -> str | None:
        if value is not None:
            check_expression(value)
        return value

    @field_validator("format")
    @classmethod
    def _usable_format(cls, value: str | None) -> str | None:
        if value is not None:
            _check_format(value)
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnMapping":
        given = [name for name, value in (("from", self.from_), ("sql", self.sql), ("value", self.value)) if value]
        if len(given) > 1 or (not given and self.value is None):
            raise ValueError(f"give exactly one of from, sql and value; found {' and '.join(given) or 'none'}")
        if self.values is not None:
            self._require_texts_of_rows()
        if self.optional and self.sql is not None and not isinstance(self.optional, tuple):
            raise ValueError('beside sql, optional lists the columns that a file may lack: optional: ["Column"]')
        if self.optional and self.sql is None and self.optional is not True:
            raise ValueError("optional takes a list beside sql only; for one column write optional: true")
        return self

    @property
    def origins(self) -> tuple[str, ...]:
        """The source columns or JSON paths that the value comes from, the first one first; none for other mappings."""
        return (self.from_,) if isinstance(self.from_, str) else self.from_ or ()

    def _require_texts_of_rows(self) -> None:
        if self.value is not None:
            raise ValueError("values says what the texts of a file mean: write it beside from or sql, not beside value")
        told = [name for name in ("format", "decimal", "negative") if getattr(self, name)]
        if told:
            raise ValueError(f"beside values, which lists all texts, {told[0]} has nothing to read. Remove one of them")


def _names(value: list[Any] | tuple[Any, ...]) -> str | tuple[str, ...]:
    """Return the names of a list; one alone is no list."""
    if not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(
            "names of columns are expected, such as [new name, old name]; put what looks like a number in quotes"
        )
    names = tuple(dict.fromkeys(value))
    return names[0] if len(names) == 1 else names


def _check_format(value: str) -> None:
    if value in NUMBER_FORMATS:
        return
    if "%" not in value:
        raise ValueError(
            f"not a date format: '{value}'. Use one such as %d/%m/%Y %H:%M, or {', '.join(NUMBER_FORMATS)}"
        )
    if letters := said_abbreviation(value):
        raise ValueError(
            f"'{letters}' in a format is plain text and says no zone. Write its offset instead, such as "
            f"sql: replace(\"Column\", '{letters}', '{ABBREVIATIONS[letters][0]}'), and %z in the format"
        )
    try:
        duckdb.execute("select try_strptime('', ?::varchar)", [value]).fetchall()
        duckdb.execute("select strftime(timestamp '2020-01-02 03:04:05', ?::varchar)", [value]).fetchall()
    except duckdb.Error as error:
        raise ValueError(f"not a date format: {str(error).splitlines()[0]}. Use one such as %d/%m/%Y %H:%M") from None
