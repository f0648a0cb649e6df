"""The rows of a table in two releases, as multisets: all exactly equal, but for floats, which may differ by 1e-9."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from tests.compare.shape import ColumnPair, TablePair

OLD, NEW = "old_release", "new_release"
TOLERANCE = 1e-9
PERSON_KEY, PERSON_ID = "customer_key", "customer_id"
FLOATS = ("DOUBLE", "FLOAT")
NAMES_THE_RUN = {"run_id", "published_at", "code_version", "checks_passed", "fingerprint", "release", "model_version"}
"""Columns that say which run or code made a row: they differ between any two releases."""


@dataclass(frozen=True)
class Rows:
    """How many rows the new table has, how many only one release has, and which columns differ by themselves."""

    count: int
    only_old: int = 0
    only_new: int = 0
    columns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def differ(self) -> bool:
        return bool(self.only_old or self.only_new)


def compared_rows(con: duckdb.DuckDBPyConnection, pair: TablePair, shown: int = 0) -> Rows:
    """Compare a table of the attached files `old_release` and `new_release`; `shown` examples of each side are kept."""
    columns = [column for column in pair.columns if column.new not in NAMES_THE_RUN]
    if not columns:
        return Rows(_count(con, f"{NEW}.{_dotted(pair.new)}"))
    old_rows, new_rows = (_without_split(columns, side) for side in ("old", "new"))
    old = f"select {', '.join(map(_old_value, columns))} from {OLD}.{_dotted(pair.old)} as told where {old_rows}"
    new = f"select {', '.join(map(_new_value, columns))} from {NEW}.{_dotted(pair.new)} where {new_rows}"
    con.execute(f"create or replace temp table only_old as {old} except all {new}")
    con.execute(f"create or replace temp table only_new as {new} except all {old}")
    _drop_near(con, columns)
    only_old, only_new = _count(con, "only_old"), _count(con, "only_new")
    differing = tuple(column.new for column in columns if _differs(con, column)) if only_old or only_new else ()
    examples = (*_examples(con, "only_old", shown), *_examples(con, "only_new", shown))
    return Rows(_count(con, f"{NEW}.{_dotted(pair.new)}"), only_old, only_new, differing, examples)


def _drop_near(con: duckdb.DuckDBPyConnection, columns: Sequence[ColumnPair]) -> None:
    """Take out of `only_old` and `only_new` the rows that are equal but for the last digits of floats."""
    floats = [_quoted(column.new) for column in columns if _is_float(column)]
    exact = [_quoted(column.new) for column in columns if not _is_float(column)]
    if not floats:
        return
    ranked = ", ".join([*(f"round({name}, 6)" for name in floats), *floats])
    partition = f"partition by {', '.join(exact)}" if exact else ""
    for side in ("only_old", "only_new"):
        con.execute(f"""
            create or replace temp table {side} as
            select * , row_number() over ({partition} order by {ranked}) as "#" from {side}
        """)
    same = " and ".join(
        [
            *(f"o.{name} is not distinct from n.{name}" for name in ['"#"', *exact]),
            *(
                f"(o.{name} is not distinct from n.{name} or "
                f"abs(o.{name} - n.{name}) <= {TOLERANCE} * greatest(1, abs(o.{name}), abs(n.{name})))"
                for name in floats
            ),
        ]
    )
    con.execute(f"create or replace temp table near_old as select * from only_old o anti join only_new n on {same}")
    con.execute(f"create or replace temp table only_new as select * from only_new n anti join only_old o on {same}")
    con.execute("create or replace temp table only_old as select * from near_old")


def _differs(con: duckdb.DuckDBPyConnection, column: ColumnPair) -> bool:
    value = f"round({_quoted(column.new)}, 6)" if _is_float(column) else _quoted(column.new)
    query = "select {0} from {1} except all select {0} from {2}"
    return any(
        con.execute(query.format(value, one, other)).fetchmany(1)
        for one, other in (("only_old", "only_new"), ("only_new", "only_old"))
    )


def _examples(con: duckdb.DuckDBPyConnection, side: str, shown: int) -> list[str]:
    rows = con.execute(f"select * from {side} order by all limit {shown}")
    names = [column[0] for column in rows.description or []]
    return [f"{side}: " + ", ".join(f"{n}={v}" for n, v in zip(names, row, strict=True)) for row in rows.fetchall()]


def _old_value(column: ColumnPair) -> str:
    """An old value as the new release should hold it: retyped, in new words, and a person by their durable id."""
    value = _quoted(column.old)
    if column.old.endswith(PERSON_KEY) and column.new.endswith(PERSON_ID):
        value = (
            f"(select {PERSON_ID} from {OLD}.customer.dim_customers as people where people.{PERSON_KEY} = told.{value})"
        )
    elif column.old_type != column.new_type:
        value = f"try_cast({value} as {column.new_type})"
    split = _split_words(column)
    words = [(new, old) if old in split else (old, new) for old, new in column.words]
    return f"{_reworded(value, words)} as {_quoted(column.new)}"


def _new_value(column: ColumnPair) -> str:
    """A new value; words that were one word before are that word again, as they are among the old values."""
    split = _split_words(column)
    return f"{_reworded(_quoted(column.new), [(n, o) for o, n in column.words if o in split])} as {_quoted(column.new)}"


def _without_split(columns: Sequence[ColumnPair], side: str) -> str:
    """The condition that leaves out rows of words that were divided, whose figures are others on both sides."""
    conditions = [
        f"coalesce({_quoted(getattr(column, side))}, '') not in ({', '.join(map(_text, sorted(column.split)))})"
        for column in columns
        if column.split
    ]
    return " and ".join(conditions) or "true"


def _split_words(column: ColumnPair) -> set[str]:
    olds = [old for old, _ in column.words]
    return {old for old in olds if olds.count(old) > 1}


def _reworded(value: str, words: Sequence[tuple[str, str]]) -> str:
    if not words:
        return value
    cases = " ".join(f"when {value} is not distinct from {_text(one)} then {_text(other)}" for one, other in words)
    return f"case {cases} else {value} end"


def _is_float(column: ColumnPair) -> bool:
    return column.new_type in FLOATS


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"select count(*) from {table}").fetchall()[0][0])


def _text(word: str) -> str:
    return "'" + word.replace("'", "''") + "'" if word else "null"


def _dotted(table: str) -> str:
    return ".".join(map(_quoted, table.split(".")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
