"""Great Expectations suites made from contracts, and their results as sentences.

The library takes seconds to import, so it is imported only when a suite is run.
"""

import functools
import os
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_pipeline.config.contract import PROVENANCE, RUN_TIME, Contract, arrow_type
from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.waiting import in_utc
from crm_pipeline.stages import Stage
from crm_pipeline.storage.lake import as_pattern
from crm_pipeline.storage.sql import literal
from crm_pipeline.storage.warehouse import limits

_EXAMPLES = 5


@dataclass(frozen=True)
class ColumnRule:
    """What the values of one column must be."""

    name: str
    arrow_type: str | None = None
    required: bool = False
    valid_values: tuple[str, ...] = ()
    minimum: Any = None
    maximum: Any = None
    pattern: str | None = None
    unique: bool = False


@dataclass(frozen=True)
class SuiteRules:
    """What a table must be: its columns, its key, and whether it may have further columns.

    Rows that break a rule are told by their `named_by` columns, none of which may be personal.
    """

    name: str
    columns: tuple[ColumnRule, ...]
    key: tuple[str, ...] = ()
    exact_columns: bool = True
    minimum_rows: int = 0
    named_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found: failures are faults of the data, errors are faults of the check itself."""

    passed: bool
    evaluated: int
    failures: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0


def contract_rules(contract: Contract, run_time: datetime | None = None) -> SuiteRules:
    """Translate a contract (with the provenance columns of raw rows) into rules.

    Args:
        contract: the contract.
        run_time: what `maximum: run_time` means; without it that rule is left out.
    """
    rules = []
    for column in contract.columns:
        kind = arrow_type(column.physical_type)
        maximum: str | None = column.maximum
        if maximum == RUN_TIME:
            maximum = None if run_time is None else in_utc(run_time).isoformat(sep=" ")
        rules.append(
            ColumnRule(
                name=column.name,
                arrow_type=str(kind),
                required=column.required,
                valid_values=column.valid_values,
                minimum=_bound(column.minimum, kind),
                maximum=_bound(maximum, kind),
                pattern=column.pattern,
            )
        )
    rules += [ColumnRule(name, str(arrow_type(kind)), required=True) for name, (kind, _) in PROVENANCE.items()]
    key = ("_source", *contract.primary_key) if contract.primary_key else ("_source", "_delivery", "_line")
    return SuiteRules(contract.name, tuple(rules), key, named_by=("_source", "_delivery", "_line"))


def validate(contract: Contract, frame: pd.DataFrame, run_time: datetime | None = None) -> SuiteResult:
    """Check raw rows of a channel against their contract."""
    return validate_rules(contract_rules(contract, run_time), frame)


def validate_rules(rules: SuiteRules, frame: pd.DataFrame) -> SuiteResult:
    """Check a table (an Arrow-backed frame) against rules.

    An expectation that raised an error tells nothing about the data: it is reported apart, and the suite does not pass.
    """
    started = time.perf_counter()
    batch, suite = _batch_and_suite(rules, frame)
    outcome = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
    failures: list[str] = []
    errors: list[str] = []
    for result in outcome.results:
        if (raised := _raised(result.exception_info)) is not None:
            errors.append(f"{rules.name}: {_describe(result)} could not be evaluated: {raised}.")
        elif not result.success:
            failures.append(f"{rules.name}: {_describe(result)}{_found(result, rules, frame)}.")
    failures += _type_failures(rules, frame)
    evaluated = len(outcome.results) + sum(rule.arrow_type is not None for rule in rules.columns)
    passed = not failures and not errors
    return SuiteResult(passed, evaluated, failures, errors, time.perf_counter() - started)


def sample(settings: Settings, channel: str, rows: int = 200_000) -> pd.DataFrame:
    """Return rows of the newest deliveries of a channel, at most `rows` of them, as an Arrow-backed frame."""
    files = literal(f"{as_pattern(settings.lake / Stage.RAW / 'current' / channel)}/*.parquet")
    table = f"read_parquet({files}, hive_partitioning = false)"
    with duckdb.connect(config=limits(settings)) as con:
        deliveries = con.execute(f"select _delivery, count(*) from {table} group by 1 order by 1 desc").fetchall()
        wanted, found = [-1], 0
        for number, count in deliveries:
            wanted.append(number)
            found += count
            if found >= rows:
                break
        listed = ", ".join(str(number) for number in wanted)
        query = (
            f"select * from {table} where _delivery in ({listed}) order by _delivery desc, _source, _line limit {rows}"
        )
        return as_frame(con.sql(query).to_arrow_table())


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a pandas frame that keeps the Arrow types."""
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _batch_and_suite(rules: SuiteRules, frame: pd.DataFrame) -> tuple[Any, Any]:
    import great_expectations as gx

    frames = _context().data_sources.add_or_update_pandas("frames")
    definition = frames.add_dataframe_asset(rules.name).add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(name=rules.name, expectations=_expectations(gx.expectations, rules, frame))
    return definition.get_batch(batch_parameters={"dataframe": frame}), suite


@functools.cache
def _context() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _expectations(gxe: Any, rules: SuiteRules, frame: pd.DataFrame) -> list[Any]:
    """Translate rules; a column that is not there fails once, with the set of columns."""
    there = set(frame.columns)
    names = [rule.name for rule in rules.columns]
    found = [gxe.ExpectTableColumnsToMatchSet(column_set=names, exact_match=rules.exact_columns)]
    if rules.minimum_rows:
        found.append(gxe.ExpectTableRowCountToBeBetween(min_value=rules.minimum_rows))
    for rule in (rule for rule in rules.columns if rule.name in there):
        found += _column_expectations(gxe, rule, is_empty=not frame[rule.name].notna().any())
    key = [name for name in rules.key if name in there]
    if len(key) == 1:
        found.append(gxe.ExpectColumnValuesToBeUnique(column=key[0]))
    elif key:
        found.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=key))
    return found


def _column_expectations(gxe: Any, rule: ColumnRule, *, is_empty: bool) -> list[Any]:
    """Translate the rules of a column into expectations that are computed column by column, never value by value.

    Bounds are those of the least and of the greatest value; a column without any value has neither.
    """
    found = []
    if rule.required:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=rule.name))
    if rule.valid_values:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=rule.name, value_set=list(rule.valid_values)))
    if rule.minimum is not None and not is_empty:
        found.append(gxe.ExpectColumnMinToBeBetween(column=rule.name, min_value=rule.minimum))
    if rule.maximum is not None and not is_empty:
        found.append(gxe.ExpectColumnMaxToBeBetween(column=rule.name, max_value=rule.maximum))
    if rule.pattern:
        found.append(gxe.ExpectColumnValuesToMatchRegex(column=rule.name, regex=rule.pattern))
    if rule.unique:
        found.append(gxe.ExpectColumnValuesToBeUnique(column=rule.name))
    return found


def _type_failures(rules: SuiteRules, frame: pd.DataFrame) -> list[str]:
    """Compare the columns' types; Great Expectations only knows Python's types of single values."""
    failures = []
    for rule in rules.columns:
        if rule.arrow_type is None or rule.name not in frame.columns:
            continue
        kind = frame.dtypes[rule.name]
        found = str(kind.pyarrow_dtype) if isinstance(kind, pd.ArrowDtype) else str(kind)
        if found != rule.arrow_type:
            failures.append(f"{rules.name}: the column {rule.name} is of type {found}, not {rule.arrow_type}.")
    return failures


def _describe(result: Any) -> str:
    """Say in words what an expectation expects."""
    kwargs = result.expectation_config.kwargs
    column = kwargs.get("column")
    sentences = {
        "expect_table_columns_to_match_set": "the columns are those of the contract",
        "expect_table_row_count_to_be_between": f"there are at least {kwargs.get('min_value')} rows",
        "expect_column_values_to_not_be_null": f"{column} is filled",
        "expect_column_values_to_be_in_set": f"{column} is one of {', '.join(map(str, kwargs.get('value_set') or []))}",
        "expect_column_min_to_be_between": f"{column} is at least {kwargs.get('min_value')}",
        "expect_column_max_to_be_between": f"{column} is at most {kwargs.get('max_value')}",
        "expect_column_values_to_match_regex": f"{column} matches {kwargs.get('regex')}",
        "expect_column_values_to_be_unique": f"{column} is unique",
        "expect_compound_columns_to_be_unique": f"({', '.join(kwargs.get('column_list') or [])}) is unique",
    }
    return "the expectation that " + sentences.get(result.expectation_config.type, result.expectation_config.type)


def _found(result: Any, rules: SuiteRules, frame: pd.DataFrame) -> str:
    """Say how far a failed expectation is off, without any value, and name rows that break it."""
    kind, name = result.expectation_config.type, result.expectation_config.kwargs.get("column")
    rule = next((rule for rule in rules.columns if rule.name == name), None)
    if rule is None:
        return _counted(result.result)
    broken = _broken(kind, rule, frame[rule.name]).to_numpy(dtype=bool)
    return f" fails for {broken.sum():,} of {len(frame):,} rows{_named(broken, rules, frame)}"


def _counted(result: dict[str, Any]) -> str:
    """Say how far an expectation on a whole table is off."""
    if mismatched := result.get("details", {}).get("mismatched"):
        parts = [f"{kind} {', '.join(map(str, names))}" for kind, names in sorted(mismatched.items())]
        return f" fails: {'; '.join(parts)}"
    if "unexpected_count" in result:
        return f" fails for {result['unexpected_count']:,} of {result['element_count']:,} rows"
    return f" fails: found {result['observed_value']}" if isinstance(result.get("observed_value"), int) else " fails"


def _named(broken: "npt.NDArray[np.bool_]", rules: SuiteRules, frame: pd.DataFrame) -> str:
    """Name up to five rows that break a rule about single values."""
    if not rules.named_by or not set(rules.named_by) <= set(frame.columns):
        return ""
    rows = frame.loc[broken, list(rules.named_by)].head(_EXAMPLES)
    told = [
        " ".join(f"{column.lstrip('_')} {value}" for column, value in zip(rules.named_by, row, strict=True))
        for row in rows.itertuples(index=False)
    ]
    return f", for example {'; '.join(told)}" if told else ""


def _broken(kind: str, rule: ColumnRule, values: "pd.Series[Any]") -> "pd.Series[bool]":
    """Return which values break a rule."""
    known = values.notna()
    if kind == "expect_column_values_to_not_be_null":
        return ~known
    if kind == "expect_column_values_to_be_in_set":
        return known & ~values.isin(rule.valid_values)
    if kind == "expect_column_values_to_match_regex":
        return known & ~values.astype(str).str.contains(rule.pattern or "", regex=True)
    if kind == "expect_column_values_to_be_unique":
        return known & values.duplicated(keep=False)
    beyond = values < rule.minimum if kind == "expect_column_min_to_be_between" else values > rule.maximum
    return known & beyond.fillna(value=False)


def _raised(info: Any) -> str | None:
    """Return the kind of error that an expectation raised; its message may hold values, so it is not repeated."""
    if not info:
        return None
    if info.get("raised_exception") is False:
        return None
    parts = [info] if "exception_traceback" in info else [part for part in info.values() if isinstance(part, dict)]
    kinds = [
        line.split(":")[0].rsplit(".", 1)[-1]
        for part in parts
        for line in (part.get("exception_traceback") or "").strip().splitlines()[-1:]
    ]
    return ", ".join(dict.fromkeys(kinds)) or "error"


def _bound(text: str | None, kind: pa.DataType) -> Any:
    return None if text is None else pa.scalar(text).cast(kind).as_py()
