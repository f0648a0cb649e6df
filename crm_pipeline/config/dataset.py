"""What a user writes: `pipeline.yml` of a dataset folder, read and checked so that a mistake is named with its place.

The file holds the business settings, and for each source which files it has, which channel they feed and how their
columns map to that channel's contract.
"""

import codecs
import functools
import re
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import duckdb
from pydantic import Field, ValidationError, field_validator, model_validator

from crm_pipeline.config.actions import ActionSettings
from crm_pipeline.config.contract import contracts
from crm_pipeline.config.errors import called_otherwise, explain, suggest
from crm_pipeline.config.expressions import check_expression
from crm_pipeline.config.extraction import Extraction
from crm_pipeline.config.matching import MatchSettings
from crm_pipeline.config.moments import NUMBER_FORMATS
from crm_pipeline.config.preset import with_preset
from crm_pipeline.config.programmes import Programme
from crm_pipeline.config.strict import Strict
from crm_pipeline.config.yaml_places import YamlError, read_yaml

PIPELINE_FILE = "pipeline.yml"
DeliveryKind = Literal["changes", "full", "full_folder"]
#: Places of texts that people write without quotes, also where YAML would see a number, a date, or yes and no.
_TEXTS = ("sources/*/columns/*/value", "sources/*/read/null_values/*")
#: Zones that hang on the machine, or count leap seconds.
_OWN_ZONES = ("localtime", "posix/", "right/", "posixrules", "Factory", "SystemV/")


class DatasetError(ValueError):
    """A dataset folder cannot be used; the message names the place, the problem and the remedy."""


class Business(Strict):
    """Settings of the business that all stages share."""

    currency: str = Field(default="GBP", pattern="^[A-Z]{3}$", description="ISO 4217 code of the reporting currency.")
    timezone: str = Field(default="UTC", description="IANA time zone in which days begin and end.")
    default_region: str = Field(
        default="GB",
        pattern="^[A-Z]{2}$",
        description="ISO country of local phone numbers, where the record's own country is not known.",
    )
    as_of: date | Literal["latest"] = Field(default="latest", description="Date of the view; `latest` = last full day.")
    churn_horizon_days: int = Field(
        default=90, ge=1, le=3_650, description="Days without an order after which one has churned."
    )
    clv_horizon_months: int = Field(default=12, ge=1, le=600, description="Months that lifetime value looks ahead.")
    monthly_discount_rate: float = Field(default=0.01, ge=0, lt=1, description="Discount of future margin per month.")
    gross_margin: float = Field(default=0.35, ge=0, le=1, description="Margin of revenue where no cost is known.")
    service_costs: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Contact channel -> cost of one ticket; without any, service has no known cost.",
    )
    source_trust: tuple[str, ...] = Field(default=(), description="Systems, the most trusted first.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _known_zone(value)


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
    sheet: str | None = Field(default=None, min_length=1, description="Sheet of a workbook; default: the first.")
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
        return tuple(_plain_text(item) for item in value) if isinstance(value, list) else value


class ColumnMapping(Strict):
    """Where a contract column gets its value: a source column, a SQL expression over them, or a constant."""

    from_: str | None = Field(default=None, alias="from", min_length=1, description="Source column or JSON path.")
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
    type: str | None = Field(default=None, description="For the reader; the contract says the type.")

    @field_validator("value", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return value if value is None else _plain_text(value)

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
        if self.optional and self.sql is not None and not isinstance(self.optional, tuple):
            raise ValueError('beside sql, optional lists the columns that a file may lack: optional: ["Column"]')
        if self.optional and self.sql is None and self.optional is not True:
            raise ValueError("optional takes a list beside sql only; for one column write optional: true")
        return self


class SourceConfig(Strict):
    """One kind of file of one system, and how it maps to a channel."""

    name: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100, description="Name of the source, unique in the dataset."
    )
    preset: str | None = Field(default=None, exclude=True, description="Ready-made mapping; the other keys win.")
    system: str = Field(default="", pattern=r"^[^|]*$", description="Id namespace; default: the name of the source.")
    channel: str = Field(description="Channel that the files feed.")
    files: str = Field(min_length=1, max_length=1_000, description="Glob of the files, relative to the dataset folder.")
    extract: Extraction | None = Field(default=None, exclude=True, description="Where the files are fetched from.")
    read: ReadOptions = Field(default=ReadOptions(), description="How the files are read.")
    timezone: str = Field(default="", description="Zone of times without offset; default: that of the business.")
    exact_duplicates: Literal["keep", "drop"] | None = Field(
        default=None, description="What becomes of exact copies of a row; default: drop where rows have a primary key."
    )
    where: str | None = Field(
        default=None, description="SQL condition over the source columns; rows of which it is not true are left out."
    )
    deleted_when: str | None = Field(
        default=None, description="SQL condition that a row says its record is deleted: what came before is taken back."
    )
    delivery: DeliveryKind = Field(
        default="changes",
        description="What a file holds: rows that are new or changed, or all there are (`full`; `full_folder`: the "
        "files of one folder together). What the newest full delivery does not hold is withdrawn.",
    )
    quarantine_limit: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of quarantined rows that stops a run; default: CRM_QUARANTINE_LIMIT.",
    )
    withdrawal_limit: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of rows gone from a full delivery that stops a run; default: CRM_WITHDRAWAL_LIMIT.",
    )
    columns: dict[str, ColumnMapping] = Field(min_length=1, description="Contract column -> where it comes from.")

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"from": origin} if isinstance(origin, str) else origin for name, origin in value.items()}

    @field_validator("channel")
    @classmethod
    def _channel_exists(cls, value: str) -> str:
        if value not in contracts():
            raise ValueError(f"unknown channel '{value}'. Use one of: {', '.join(contracts())}")
        return value

    @field_validator("where", "deleted_when")
    @classmethod
    def _one_condition(cls, value: str | None) -> str | None:
        if value is not None:
            check_expression(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _known_zone(value) if value else value

    @field_validator("files")
    @classmethod
    def _inside_the_folder(cls, value: str) -> str:
        if Path(value).is_absolute() or ".." in Path(value).parts:
            raise ValueError(
                f"'{value}' leads out of the dataset folder. Give a path relative to it, such as landing/*.csv"
            )
        for part in PurePosixPath(value).parts:
            if "**" in part and part != "**":
                raise ValueError(
                    f"'{part}' is no pattern: ** stands for folders, between slashes. "
                    f"Write '{value.replace(part, part.replace('**', '**/*'))}', or * for one folder"
                )
        if not PurePosixPath(value).name:
            raise ValueError(f"'{value}' names no files. Give a pattern such as landing/*.csv")
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = with_preset(data)
        if not data.get("system") and isinstance(data.get("name"), str):
            return data | {"system": data["name"]}
        return data

    @model_validator(mode="after")
    def _columns_fit_the_contract(self) -> "SourceConfig":
        contract = contracts()[self.channel]
        for name, mapping in self.columns.items():
            if name not in contract.column_names:
                problem = f"the channel {self.channel} has no column '{name}'."
                hint = called_otherwise(name, contract.column_names, within=self.channel)
                raise ValueError(f"{problem} {hint}")
            if mapping.format and contract.column(name).logical_type not in ("date", "timestamp"):
                raise ValueError(f"columns.{name}: a format is for dates and times only; remove it")
        missing = [column.name for column in contract.columns if column.required and column.name not in self.columns]
        if missing:
            raise ValueError(f"the channel {self.channel} needs the column '{missing[0]}'. Map it under columns")
        return self

    @model_validator(mode="after")
    def _takes_what_is_extracted(self) -> "SourceConfig":
        if self.extract is None:
            return self
        landed = (PurePosixPath(self.files).parent / self.landing_name(datetime(2024, 1, 1))).as_posix()
        if not PurePosixPath(landed).match(self.files) or re.search(r"[*?\[]", PurePosixPath(landed).parent.as_posix()):
            raise ValueError(f"files '{self.files}' does not take '{landed}'. Write landing/{self.name}/*.jsonl")
        if self.read.format not in (None, "jsonl"):
            raise ValueError("what is extracted lands as JSON lines. Set read.format to jsonl")
        return self

    def landing_name(self, at: datetime) -> str:
        """Return the name of the file that an extraction at that time lands."""
        return f"{self.name}__{at:%Y%m%dT%H%M%SZ}.jsonl" + (".gz" if self.files.endswith(".gz") else "")

    @property
    def expressions(self) -> dict[str, str]:
        """All SQL over the source columns, by its key in the source."""
        mapped = {f"columns.{name}": mapping.sql for name, mapping in self.columns.items()}
        found = mapped | {"where": self.where, "deleted_when": self.deleted_when}
        return {key: expression for key, expression in found.items() if expression is not None}

    @property
    def may_lack(self) -> tuple[str, ...]:
        """The columns that expressions name and that a file may lack."""
        found = [
            name
            for mapping in self.columns.values()
            if isinstance(mapping.optional, tuple)
            for name in mapping.optional
        ]
        return tuple(dict.fromkeys(found))

    @property
    def drops_duplicates(self) -> bool:
        """Tell whether exact copies of a row within a file are dropped."""
        if self.exact_duplicates is None:
            return bool(contracts()[self.channel].primary_key)
        return self.exact_duplicates == "drop"


class Dataset(Strict):
    """A dataset folder's pipeline.yml."""

    folder: Path
    business: Business = Business()
    identity: MatchSettings = MatchSettings()
    actions: ActionSettings = ActionSettings()
    programmes: tuple[Programme, ...] = ()
    sources: tuple[SourceConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Dataset":
        for kind, named in (("sources", self.sources), ("programmes", self.programmes)):
            names = [one.name for one in named]
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"two {kind} have the name '{repeated[0]}'. Give each its own")
            folded = [name.casefold() for name in names]
            alike = [name for name in names if folded.count(name.casefold()) > 1]
            if alike:
                raise ValueError(f"two {kind} have names that differ by case only: {', '.join(alike)}. Rename one")
        systems = tuple(dict.fromkeys(source.system for source in self.sources))
        for system in self.business.source_trust:
            if system not in systems:
                raise ValueError(f"business.source_trust names the system '{system}'. {suggest(system, systems)}")
        return self

    def source_trust(self) -> list[str]:
        """Return all systems, the most trusted first: those named in the settings, then in order of appearance."""
        appearing = [source.system for source in self.sources]
        return list(dict.fromkeys([*self.business.source_trust, *appearing]))

    def zone(self, source: SourceConfig) -> str:
        """Return the time zone in which times without an offset in a source's files are meant."""
        return source.timezone or self.business.timezone


def load_dataset(folder: Path) -> Dataset:
    """Read and check `folder/pipeline.yml`.

    Raises:
        DatasetError: if the file is missing or says something that cannot be meant.
    """
    path = folder / PIPELINE_FILE
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file. Write one, or point CRM_DATASET to a folder that has one.")
    try:
        document = read_yaml(path, texts=_TEXTS)
    except YamlError as error:
        raise DatasetError(str(error)) from None
    if not isinstance(document.values, dict):
        raise DatasetError(f"{path}: a mapping with the keys business and sources is expected.")
    if "folder" in document.values:
        raise DatasetError(f"{path}: unknown key 'folder'. Remove it.")
    try:
        return Dataset.model_validate({"folder": folder, **document.values})
    except ValidationError as error:
        raise DatasetError(explain(document, Dataset, error)) from None


def _plain_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _known_zone(value: str) -> str:
    """Return an IANA zone that Python and DuckDB know alike; names of one machine's own setting are none."""
    if value in _zones():
        return value
    close = suggest(value, sorted(_zones()), listing=False) or "Use an IANA name such as Europe/Berlin"
    raise ValueError(f"unknown time zone '{value}'. {close}")


@functools.cache
def _zones() -> frozenset[str]:
    known = {name for (name,) in duckdb.execute("select name from pg_timezone_names()").fetchall()}
    return frozenset(zone for zone in available_timezones() if zone in known and not zone.startswith(_OWN_ZONES))


def _check_format(value: str) -> None:
    if value in NUMBER_FORMATS:
        return
    if "%" not in value:
        raise ValueError(
            f"not a date format: '{value}'. Use one such as %d/%m/%Y %H:%M, or {', '.join(NUMBER_FORMATS)}"
        )
    try:
        duckdb.execute("select try_strptime('', ?::varchar)", [value]).fetchall()
        escaped = value.replace("'", "''")
        duckdb.execute(f"select strftime(timestamp '2020-01-02 03:04:05', '{escaped}')").fetchall()
    except duckdb.Error as error:
        raise ValueError(f"not a date format: {str(error).splitlines()[0]}. Use one such as %d/%m/%Y %H:%M") from None
