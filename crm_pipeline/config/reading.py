"""How the files of a source are read: the part `read` of a source in pipeline.yml."""

import codecs
from typing import Any, Literal

from pydantic import Field, field_validator

from crm_pipeline.config.strict import Strict, plain_text


class ReadOptions(Strict):
    """How the files of a source are read."""

    format: Literal["csv", "jsonl", "json", "parquet", "excel"] | None = Field(
        default=None, description="Default: by file suffix."
    )
    delimiter: str | None = Field(default=None, min_length=1, max_length=1, description="Default: comma; tab for .tsv.")
    encoding: str = Field(default="utf-8", description="Character encoding of text files.")
    quote: str = Field(default='"', min_length=1, max_length=1, description="Character around quoted CSV values.")
    null_values: tuple[str, ...] = Field(default=(), description="Texts that mean that there is no value.")
    header_row: int = Field(default=1, ge=1, le=100_000, description="Line of the header in a CSV file or a sheet.")
    sheet: str | None = Field(
        default=None, min_length=1, description="Sheet of a workbook; default: the first that is not hidden."
    )
    merged_cells: Literal["first", "all"] | None = Field(
        default=None,
        description="For which of its rows a merged cell of a workbook counts; default: the first one, and it is said.",
    )
    unpacked_limit: float = Field(
        default=20, gt=0, allow_inf_nan=False, description="GB to which a gzipped file or a workbook may unpack."
    )
    records: str | None = Field(default=None, min_length=1, description="Keys, joined by dots, to a document's array.")

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except (LookupError, ValueError):
            problem = f"unknown encoding '{value}'. Use one such as utf-8, latin-1, cp1252 or utf-16"
            raise ValueError(problem) from None
        return value

    @field_validator("null_values", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return tuple(plain_text(item) for item in value) if isinstance(value, list) else value
