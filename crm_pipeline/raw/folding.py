"""Folds the rows of a file that agree in some columns into one: the part `aggregate` of a source.

Amounts are added up as exact decimals, read as the mapping reads them; a group with a value that cannot be read is
quarantined as a whole, for its sum would lack something.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb

from crm_pipeline.config.columns import ColumnMapping
from crm_pipeline.config.combining import Aggregate
from crm_pipeline.config.contract import Column, Contract, contracts
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw import moments, numbers
from crm_pipeline.raw.casting import TYPED_ROWS, CastPlan
from crm_pipeline.raw.misfits import NUMERIC, code_name
from crm_pipeline.raw.source_rows import PROBLEM, RAW, REMEDY, SOURCE_ROWS, FileRows, named_columns, trimmed
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.storage.sql import literal, quoted

COPIES = "exact_copies"
_FOLDED, _VALUES, _BROKEN, _GROUPS = "folded_rows", "fold_values", "broken_rows", "row_groups"
_CURRENCY = '" currency"'
_REMEDY = "Correct it, or map it under columns with what reads it (decimal, negative or format)."
_EXACT = "DECIMAL(38, 12)"
_READ = ("sum", "min", "max")
"""Functions that read the values; the others take texts as they are."""
_NO_LATER = datetime(9999, 12, 31)
_PHYSICAL = {"date": "DATE", "timestamp": "TIMESTAMP"}
_MOMENTS = tuple(_PHYSICAL)


@dataclass(frozen=True)
class Reading:
    """How the values of a file are read before its rows are folded.

    `columns` tells for what is made of a column which column of the contract it becomes, and how that is mapped.
    """

    source: str
    read: ReadOptions
    zone: str = "UTC"
    #: Of amounts whose row names none; '' where it is not known.
    currency: str = ""
    columns: Mapping[str, tuple[Column, ColumnMapping]] = field(default_factory=dict)


def reading_of(source: SourceConfig, zone: str, currency: str, names: Mapping[str, str] | None = None) -> Reading:
    """Return how the mapping of a source reads what is made of its columns.

    Args:
        source: the source.
        zone: of times that say none.
        currency: of amounts whose row names none.
        names: what a join calls the columns of its lookup file.
    """
    contract = contracts()[source.channel]
    own = source.columns.get("currency")
    currency = own.value or "" if own else currency
    known = {name: name for name in (source.aggregate.names if source.aggregate else ())} if names is None else names
    columns: dict[str, tuple[Column, ColumnMapping]] = {}
    for column, mapping in source.columns.items():
        for name in mapping.origins:
            if name in known:
                columns.setdefault(known[name], (contract.column(column), mapping))
    return Reading(source.name, source.read, zone, currency, columns)


def find_copies(con: duckdb.DuckDBPyConnection, rows: FileRows) -> int:
    """Make the table of the lines that are exact copies of an earlier one; return how many there are."""
    same = ", ".join(quoted(name) for name in (RAW, *rows.columns))
    con.execute(
        f"""
        create or replace table {COPIES} as
        select {quoted(LINE)} from {SOURCE_ROWS} where "{PROBLEM}" is null
        qualify row_number() over (partition by {same} order by {quoted(LINE)}) > 1
        """
    )
    return _count(con, COPIES)


def fold(
    con: duckdb.DuckDBPyConnection, aggregate: Aggregate, reading: Reading, rows: FileRows
) -> tuple[FileRows, int]:
    """Fold the rows of `source_rows`; those with a problem stay as they are.

    Args:
        con: has the table.
        aggregate: which rows are folded, and what is made of their values.
        reading: how values are read.
        rows: the columns of the table.

    Returns:
        The columns of the table as it is then, and how many rows went into others.

    Raises:
        Refused: if the smallest or largest of what is neither numbers nor times is asked for.
    """
    origins = {name: _text(rows, origin, reading) for name, (_, origin) in aggregate.made.items()}
    keys = [_text(rows, name, reading) for name in aggregate.by]
    plan, columns = _read_values(con, aggregate, reading, rows, origins)
    _quarantine_broken_groups(con, plan, columns, aggregate, reading, keys)
    folded = named_columns(aggregate.names)
    names = [quoted(folded.named[name]) for name in aggregate.names]
    by = ", ".join(f"{key} as {name}" for key, name in zip(keys, names, strict=False))
    made = ", ".join(
        f"{_made(function, origins[name], name)} as {column}"
        for (name, (function, _)), column in zip(aggregate.made.items(), names[len(keys) :], strict=True)
    )
    alone = f"case when {' or '.join(f'{key} is null' for key in keys)} then {quoted(LINE)} end"
    kept = f'{quoted(LINE)}, "{PROBLEM}", "{REMEDY}", "{RAW}"'
    nothing = ", ".join(f"null as {name}" for name in names)
    con.execute(
        f"""
        create or replace table {_FOLDED} as
        with grouped as (
            select min({quoted(LINE)}) as {quoted(LINE)}, null::varchar as "{PROBLEM}", null::varchar as "{REMEDY}",
                null::varchar as "{RAW}", {by}, {made}
            from {SOURCE_ROWS} left join {_VALUES} using ({quoted(LINE)})
            where "{PROBLEM}" is null group by {", ".join(keys)}, {alone}
        )
        from grouped union all by name select {kept}, {nothing} from {SOURCE_ROWS} where "{PROBLEM}" is not null
        """
    )
    before, after = (_count(con, table) for table in (SOURCE_ROWS, _FOLDED))
    for table in (SOURCE_ROWS, _VALUES, _BROKEN, _GROUPS):
        con.execute(f"drop table if exists {table}")
    con.execute(f"alter table {_FOLDED} rename to {SOURCE_ROWS}")
    return replace(folded, problem=rows.problem), before - after


def plainly(source: SourceConfig, aggregate: Aggregate, names: Mapping[str, str] | None = None) -> SourceConfig:
    """Return a source that reads what is summed or counted as it is written: with a point, and a minus before it.

    Args:
        source: the source.
        aggregate: what is made of the rows.
        names: what a join calls the columns of its lookup file.
    """
    written = {name for name, (function, _) in aggregate.made.items() if function in ("sum", "count")}
    plain = {name for name, made in (names or dict(zip(written, written, strict=True))).items() if made in written}
    columns = {
        name: mapping.model_copy(update={"decimal": ".", "negative": None})
        if plain.intersection(mapping.origins)
        else mapping
        for name, mapping in source.columns.items()
    }
    return source.model_copy(update={"columns": columns})


def _read_values(
    con: duckdb.DuckDBPyConnection, aggregate: Aggregate, reading: Reading, rows: FileRows, origins: Mapping[str, str]
) -> tuple[CastPlan, dict[str, Column]]:
    """Make the table of the numbers and times that are added up or compared, with a problem code for each.

    Returns:
        How the values were read, and the column of each name.
    """
    columns: dict[str, Column] = {}
    mappings: dict[str, ColumnMapping] = {}
    for name, (function, origin) in aggregate.made.items():
        if function not in _READ:
            continue
        told, mapping = reading.columns.get(name, (None, ColumnMapping.model_validate({"from": origin})))
        kind = "number" if function == "sum" else _kind(con, function, origin, origins[name], told)
        # What is wrong is told of the column of the contract, which says how its values are written.
        called = told.name if told and told.name not in mappings else name
        columns[name] = Column(called, kind, _PHYSICAL.get(kind, _EXACT), pii=bool(told and told.pii))
        more = {"format": mapping.format} if kind in _MOMENTS else {}
        more |= {"decimal": mapping.decimal, "negative": mapping.negative}
        mappings[called] = ColumnMapping.model_validate({"from": origin, **more})
    contract_columns = list(columns.values())
    if currency := _currency(aggregate, reading):
        contract_columns.append(Column("currency", "string", "VARCHAR"))
        mappings["currency"] = currency
    source = SourceConfig.model_construct(name=reading.source, read=reading.read, columns=mappings)
    contract = Contract("", "", tuple(contract_columns))
    there = (tuple(rows.columns), rows.named)
    plan = CastPlan(contract, source, reading.zone, _NO_LATER, *there, currency=reading.currency).as_written(con)
    if not columns:
        con.execute(f"create or replace table {_VALUES} as select {quoted(LINE)} from {SOURCE_ROWS}")
        return plan, columns
    con.execute(plan.typed_rows())
    made = "".join(
        f", {quoted(column.name)} as {_value(name)}, {code_name(column)}" for name, column in columns.items()
    )
    told_currency = f", {quoted('currency')} as {_CURRENCY}" if currency else ""
    con.execute(f"create or replace table {_VALUES} as select {quoted(LINE)}{made}{told_currency} from {TYPED_ROWS}")
    con.execute(f"drop table {TYPED_ROWS}")
    return plan, columns


def _kind(con: duckdb.DuckDBPyConnection, function: str, origin: str, text: str, told: Column | None) -> str:
    """Return what the values of a column are compared as: what the contract says, or else what they look like."""
    if told and told.logical_type in (*NUMERIC, *_MOMENTS):
        return told.logical_type if told.logical_type in _MOMENTS else "number"
    is_number = numbers.is_plain(text, ColumnMapping.model_validate({"from": origin}))
    is_time = f"{moments.instant(text, None, 'UTC')} is not null"
    conditions = ", ".join(f"coalesce(bool_and({condition}), true)" for condition in (is_number, is_time))
    query = f'select {conditions} from {SOURCE_ROWS} where "{PROBLEM}" is null and {text} is not null'
    numeric, timed = con.execute(query).fetchall()[0]
    if not numeric and not timed:
        problem = (
            f"aggregate asks for the {function} of '{origin}', which holds neither plain numbers nor ISO 8601 times."
        )
        raise Refused(
            problem, "Use first, last or list, or map it to a column of numbers or times.", _count(con, SOURCE_ROWS)
        )
    return "number" if numeric else "timestamp"


def _currency(aggregate: Aggregate, reading: Reading) -> ColumnMapping | None:
    """Return how the currency of each row before it is folded is read; None where rows name none."""
    origins = dict.fromkeys(aggregate.by) | {name: origin for name, (_, origin) in aggregate.made.items()}
    for name, (column, mapping) in reading.columns.items():
        if column.name == "currency" and name in origins:
            return mapping.model_copy(update={"from_": origins[name] or name})
    return None


def _quarantine_broken_groups(
    con: duckdb.DuckDBPyConnection,
    plan: CastPlan,
    columns: Mapping[str, Column],
    aggregate: Aggregate,
    reading: Reading,
    keys: list[str],
) -> None:
    """Give all rows of a group a problem where one of them has a value that cannot be added up or compared."""
    if not columns:
        return
    con.execute(f"create or replace table {_BROKEN} (line bigint, problem varchar, remedy varchar)")
    for name, column in columns.items():
        wrong = f"{code_name(column)} is not null"
        remedy = plan.remedy(column) if name in reading.columns else literal(_REMEDY)
        con.execute(
            f"""
            insert into {_BROKEN}
            select {quoted(LINE)}, {literal(aggregate.made[name][1] + " ")} || {plan.problem(column)}, {remedy}
            from ({plan.texts(f"{quoted(LINE)} in (select {quoted(LINE)} from {_VALUES} where {wrong})")})
            join (select {quoted(LINE)}, {code_name(column)} from {_VALUES}) using ({quoted(LINE)})
            """
        )
    by = ", ".join(aggregate.by)
    key = ", ".join(f"{sql} as key_{number}" for number, sql in enumerate(keys))
    key_names = ", ".join(f"key_{number}" for number, _ in enumerate(keys))
    known = " and ".join(f"key_{number} is not null" for number, _ in enumerate(keys))
    con.execute(
        f"""
        create or replace table {_GROUPS} as
        select {quoted(LINE)} as line, {key} from {SOURCE_ROWS} where "{PROBLEM}" is null
        """
    )
    sums = [name for name, (function, _) in aggregate.made.items() if function == "sum"]
    if sums and "currency" in plan.source.columns:
        filled = " or ".join(f"{_value(name)} is not null" for name in sums)
        mixed = f"the rows of one {by} are in several currencies, which cannot be added up"
        con.execute(
            f"""
            insert into {_BROKEN}
            select line, {literal(mixed)}, {literal("Add the currency to aggregate.by, or convert the amounts.")}
            from {_GROUPS} join (
                from {_GROUPS} join {_VALUES} on line = {quoted(LINE)} select {key_names}
                where {known} and ({filled}) group by {key_names} having count(distinct upper({_CURRENCY})) > 1
            ) using ({key_names})
            """
        )
    if not _count(con, _BROKEN):
        return
    con.execute(
        f"""
        create or replace table {_BROKEN} as
        with first_of_row as (
            select line, arg_min(struct_pack(problem, remedy), problem) as why from {_BROKEN} group by line
        ),
        first_of_group as (
            select {key_names}, min(line) as first_line from {_GROUPS} semi join first_of_row using (line)
            where {known} group by {key_names}
        )
        select line,
            coalesce(why.problem, 'line ' || first_line || ' has the same ' || {literal(by)}
                || ' and cannot be used, so that nothing can be made of its rows') as problem,
            coalesce(why.remedy, 'Correct that line.') as remedy
        from {_GROUPS} left join first_of_row using (line) left join first_of_group using ({key_names})
        where why is not null or first_line is not null
        """
    )
    con.execute(
        f"""
        update {SOURCE_ROWS} set "{RAW}" = {plan.row_as_json()}, "{PROBLEM}" = {_BROKEN}.problem,
            "{REMEDY}" = {_BROKEN}.remedy
        from {_BROKEN} where {SOURCE_ROWS}.{quoted(LINE)} = {_BROKEN}.line
        """
    )


def _made(function: str, text: str, name: str) -> str:
    """Return SQL for what a function makes of the texts of a group, as text; null where none is filled."""
    line, value = quoted(LINE), _value(name)
    if function == "sum":
        return f"rtrim(rtrim(sum({value})::varchar, '0'), '.')"
    if function in ("min", "max"):
        earliest = line if function == "min" else f"-{line}"
        return f"arg_{function}({text}, row({value}, {earliest})) filter (where {value} is not null)"
    if function == "count":
        return f"count({text})::varchar"
    if function == "list":
        texts = f"list({text} order by {line}) filter (where {text} is not null)"
        return f"array_to_string(list_filter({texts}, lambda one, place: list_position({texts}, one) = place), ', ')"
    return f"arg_{'min' if function == 'first' else 'max'}({text}, {line})"


def _text(rows: FileRows, name: str, reading: Reading) -> str:
    """Return SQL for the trimmed text of a column; null where it is empty, or the file lacks it."""
    column = rows.column(name)
    if column is None:
        return "null::varchar"
    text, nulls = trimmed(quoted(column)), reading.read.null_values
    listed = ", ".join(literal(null.strip()) for null in nulls)
    return f"case when {text} in ({listed}) then null else {text} end" if nulls else text


def _value(name: str) -> str:
    return quoted(f" value of {name}")


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"select count(*) from {table}").fetchall()[0][0])
