"""The data contracts of the raw channels: one Open Data Contract Standard file per channel, read into dataclasses.

They are the single source for the casts, the quarantine rules, the expectations, the dbt source documentation, and what
the flow has to know of a channel.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from crm_pipeline.config.flow import Flow
from crm_pipeline.config.yaml_places import read_yaml

CONTRACTS_FOLDER = Path(__file__).parent / "contracts"
RUN_TIME = "run_time"
#: The columns of which a source of orders, or of their lines, needs one to say what the orders brought.
AMOUNTS: dict[str, tuple[str, ...]] = {"orders": ("total_amount",), "order_lines": ("net_amount", "unit_price")}

#: Columns that every raw row carries beside those of its contract: name -> (DuckDB type, description).
PROVENANCE: dict[str, tuple[str, str]] = {
    "_source": ("VARCHAR", "Name of the source in pipeline.yml."),
    "_system": ("VARCHAR", "System whose ids the row's ids belong to."),
    "_file": ("VARCHAR", "File that delivered the row, relative to the dataset folder."),
    "_line": ("BIGINT", "Line in that file (a CSV header is line 1); in a Parquet file the number of the row."),
    "_delivery": ("BIGINT", "Running number of the delivery, over all sources."),
    "_first_delivery": ("BIGINT", "Number of the first delivery in which the source ever delivered this row's key."),
}

#: Who tells an attribute of the golden record: the value of a column's property `goldenRecord`.
TOLD_BY: dict[str, str] = {
    "customers": "Customer records alone: of those that name a value, the one that is trusted most.",
    "address": "The same, but all lines of the address come from one record.",
    "identifiers": "Customer records; where none names a value, the identifier given last in any channel.",
    "orders": "Customer records; where none names a value, the latest order.",
    "age": "The birth date on the as-of date; where none is known, customer records. Of it alone there is no history.",
}

_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
}


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    `format` says what a text is an instance of; an `email` is brought into the form that all sources share.
    `also_called` is what exports call it, in the order in which that is believed: its own name always counts, and case,
    blanks and punctuation do not matter. `told_by` says who tells an attribute of the golden record (a value of
    `TOLD_BY`); other columns have none.
    """

    name: str
    logical_type: str
    physical_type: str
    required: bool = False
    pii: bool = False
    description: str = ""
    valid_values: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    pattern: str | None = None
    format: str | None = None
    also_called: tuple[str, ...] = ()
    told_by: str | None = None


@dataclass(frozen=True)
class Contract:
    """What the rows of one channel must look like.

    `version_column` is the part of the replace key that tells the versions of a record from one another; where the rows
    of a key are the parts of one whole, `part_column` says what each part is.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    replace_key: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    version_column: str | None = None
    part_column: str | None = None
    flow: Flow = field(default_factory=Flow)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the contract's columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def record_key(self) -> tuple[str, ...]:
        """Names of the columns that tell a record, whatever its version, from the others of its source."""
        return tuple(name for name in self.replace_key if name != self.version_column)

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            KeyError: if the contract has no such column.
        """
        return next((column for column in self.columns if column.name == name), None) or _no_column(self.name, name)


def _no_column(contract: str, name: str) -> Column:
    raise KeyError(f"the contract {contract} has no column {name}")


@functools.cache
def contracts() -> dict[str, Contract]:
    """Return all contracts by channel name."""
    found = [read_contract(path) for path in sorted(CONTRACTS_FOLDER.glob("*.odcs.yaml"))]
    return {contract.name: contract for contract in found}


def golden_attributes() -> tuple[Column, ...]:
    """Return the columns of the contract `customers` that are attributes of the golden record, in order."""
    return tuple(column for column in contracts()["customers"].columns if column.told_by)


def read_contract(path: Path) -> Contract:
    """Read one Open Data Contract Standard file that describes one table."""
    document = read_yaml(path).values
    table = document["schema"][0]
    properties = table["properties"]
    keys = sorted((item.get("primaryKeyPosition", 1), item["name"]) for item in properties if item.get("primaryKey"))
    return Contract(
        name=table["name"],
        description=table.get("description", ""),
        columns=tuple(_column(item) for item in properties),
        replace_key=_names(table, "replaceKey"),
        primary_key=tuple(name for _, name in keys),
        version_column=next(iter(_names(table, "versionColumn")), None),
        part_column=next(iter(_names(table, "partColumn")), None),
        flow=Flow.model_validate(_property(table, "flow")),
    )


def duckdb_schema(contract: Contract) -> dict[str, str]:
    """Return the DuckDB types of a raw table: the contract's columns, then the provenance columns."""
    columns = {column.name: column.physical_type for column in contract.columns}
    return columns | {name: kind for name, (kind, _) in PROVENANCE.items()}


def arrow_schema(contract: Contract) -> pa.Schema:
    """Return the Arrow schema of a raw table: the contract's columns, then the provenance columns."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in duckdb_schema(contract).items()])


def arrow_type(physical_type: str) -> pa.DataType:
    """Translate a contract's physical type into an Arrow type.

    Raises:
        KeyError: if the type is none that a contract may use.
    """
    if physical_type.startswith("DECIMAL("):
        precision, scale = physical_type.removeprefix("DECIMAL(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return _ARROW_TYPES[physical_type]


def _column(item: dict[str, Any]) -> Column:
    options = item.get("logicalTypeOptions", {})
    return Column(
        name=item["name"],
        logical_type=item["logicalType"],
        physical_type=item["physicalType"].upper(),
        required=bool(item.get("required", False)),
        pii=item.get("classification") == "pii",
        description=item.get("description", ""),
        valid_values=_valid_values(item),
        minimum=_text(options.get("minimum")),
        maximum=_text(options.get("maximum")),
        pattern=options.get("pattern"),
        format=options.get("format"),
        also_called=_names(item, "alsoCalled"),
        told_by=_property(item, "goldenRecord"),
    )


def _valid_values(item: dict[str, Any]) -> tuple[str, ...]:
    for rule in item.get("quality", []):
        if rule.get("metric") == "invalidValues":
            return tuple(str(value) for value in rule["arguments"]["validValues"])
    return ()


def _names(table: dict[str, Any], name: str) -> tuple[str, ...]:
    value = _property(table, name)
    return () if value is None else tuple(value) if isinstance(value, list) else (str(value),)


def _property(described: dict[str, Any], name: str) -> Any:
    """Return a custom property of a table or column; None where it has none of that name."""
    found = (custom["value"] for custom in described.get("customProperties", []) if custom["property"] == name)
    return next(found, None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
