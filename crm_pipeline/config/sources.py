"""Which files a dataset has, which channel they feed and how: the part `sources` of pipeline.yml."""

import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.combining import Aggregate, Join
from crm_pipeline.config.contract import contracts
from crm_pipeline.config.errors import called_otherwise
from crm_pipeline.config.expressions import check_expression, columns_read
from crm_pipeline.config.extraction import Extraction
from crm_pipeline.config.paths import inside_the_folder
from crm_pipeline.config.preset import LINE, with_preset
from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.strict import Strict
from crm_pipeline.config.values import unfit_value
from crm_pipeline.config.zones import known_zone

DeliveryKind = Literal["changes", "full", "full_folder"]


class SourceConfig(Strict):
    """One kind of file of one system, and how it maps to a channel."""

    name: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$",
        examples=["shop_orders"],
        max_length=100,
        description="Name of the source, unique in the dataset.",
    )
    preset: str | None = Field(default=None, exclude=True, description="Ready-made mapping; the other keys win.")
    system: str = Field(
        default="", pattern=r"^[^|]*$", examples=["shop"], description="Id namespace; default: the name of the source."
    )
    channel: str = Field(description="Channel that the files feed.")
    files: str = Field(min_length=1, max_length=1_000, description="Glob of the files, relative to the dataset folder.")
    extract: Extraction | None = Field(default=None, exclude=True, description="Where the files are fetched from.")
    read: ReadOptions = Field(default=ReadOptions(), description="How the files are read.")
    join: tuple[Join, ...] = Field(default=(), description="Further files that tell more of each row, by a key.")
    aggregate: Aggregate | None = Field(
        default=None, description="Makes one row of several of a file, before they are mapped and after `where`."
    )
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
        return {name: {"from": origin} if isinstance(origin, str | list) else origin for name, origin in value.items()}

    @field_validator("join", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict) else value

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
        return known_zone(value) if value else value

    @field_validator("files")
    @classmethod
    def _inside_the_folder(cls, value: str) -> str:
        return inside_the_folder(value)

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
            if mapping.values and (unfit := unfit_value(mapping.values, contract.column(name))):
                raise ValueError(f"columns.{name}.values: {unfit}")
        missing = [column.name for column in contract.columns if column.required and column.name not in self.columns]
        if missing:
            raise ValueError(f"the channel {self.channel} needs the column '{missing[0]}'. Map it under columns")
        return self

    @model_validator(mode="after")
    def _columns_are_made(self) -> "SourceConfig":
        joined = [name for join in self.join for name in join.columns]
        repeated = next((name for name in joined if joined.count(name) > 1), None)
        if repeated:
            raise ValueError(
                f"two of join bring a column '{repeated}'. Give one another name: columns: {{name: {repeated}}}"
            )
        if self.aggregate is None:
            return self
        if not self.aggregate.by:
            raise ValueError("aggregate: the key 'by' is missing. Add it, such as by: [order_id]")
        made = {name.casefold() for name in self.aggregate.names} | {LINE}
        after = {key: columns_read(sql) for key, sql in self.expressions.items() if key != "where"}
        named = {f"columns.{name}": mapping.origins for name, mapping in self.columns.items()} | after
        for key, names in named.items():
            lost = next((name for name in names if name.casefold() not in made), None)
            if lost is not None:
                raise ValueError(
                    f"{key}: '{lost}' is not among aggregate.by and aggregate.columns. "
                    f"Add it to aggregate.columns, such as {lost}: first"
                )
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
    def joined(self) -> frozenset[str]:
        """The columns that rows get from lookup files."""
        return frozenset(name for join in self.join for name in join.columns)

    @property
    def asked(self) -> list[tuple[str, tuple[str, ...]]]:
        """What each file must have, as the key that asks for it and the names of which it needs one."""
        joined = self.joined
        found: list[tuple[str, tuple[str, ...]]] = [
            ("join.on", (name,)) for join in self.join for name in join.on if name not in joined
        ]
        may_lack = {*self.may_lack, *(n for m in self.columns.values() if m.optional for n in m.origins)}
        if self.aggregate:
            found += [("aggregate.by", (name,)) for name in self.aggregate.by if name not in joined]
            made = {origin: name for name, (_, origin) in self.aggregate.made.items() if name not in may_lack}
            found += [(f"aggregate.columns.{name}", (origin,)) for origin, name in made.items() if origin not in joined]
            return found
        found += [
            (f"columns.{name}", mapping.origins)
            for name, mapping in self.columns.items()
            if mapping.origins and not mapping.optional and joined.isdisjoint(mapping.origins)
        ]
        return found

    @property
    def names_read(self) -> tuple[str, ...]:
        """The columns of a file that are read by name; expressions may read others."""
        joined = self.joined
        names = [name for join in self.join for name in join.on]
        if self.aggregate:
            names += [*self.aggregate.by, *(origin for _, origin in self.aggregate.made.values())]
        else:
            names += [name for mapping in self.columns.values() for name in mapping.origins]
        return tuple(dict.fromkeys(name for name in names if name not in joined))

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
