"""`make check`: the models' SQL means the same on DuckDB and on Spark, but for what stands in macros with `dispatch`.

Each model is written for both engines and read with sqlglot as the engine would read it. What is found in both texts
stands outside of the variants of a macro, so that one engine does not know it, or knows it as something else.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.dialects import DuckDB, Spark
from sqlglot.errors import SqlglotError

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import manifest
from tests.dbt.rendering import Manifest, rendered_models

SAME = {
    *("abs", "ceil", "floor", "greatest", "least", "mod", "power", "round", "sqrt"),
    *("concat_ws", "contains", "length", "lower", "md5", "replace", "split_part", "substring", "trim", "upper"),
    *("cast", "coalesce", "exists", "nullif", "try_cast"),
    *("date_trunc", "extract", "last_day"),
    *("bool_and", "bool_or", "count", "grouping", "max", "max_by", "min", "min_by", "sum"),
    *("percentile_cont", "stddev_samp", "var_pop", "var_samp"),
    *("cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "percent_rank", "rank", "row_number"),
}
"""Functions that both engines know as the same; where one more is, it may be added."""
DIFFERENT = {
    "avg": "of decimals is a double in DuckDB and a decimal in Spark: mean()",
    "concat": "leaves nulls out in DuckDB and is null with one in Spark: ||",
    "dayofweek": "counts from 0 = Sunday in DuckDB and from 1 = Sunday in Spark: weekday()",
    "hash": "is another number in each engine: surrogate_key()",
    "log": "is to base 10 in DuckDB and to base e in Spark",
    "percentile": "is unknown to DuckDB: percentile_cont",
    "regexp_extract": "gives the whole match in DuckDB and the first group in Spark: url_parameter()",
    "regexp_replace": "replaces the first match in DuckDB and all in Spark",
}
_NO_FUNCTIONS = {
    *(
        "and",
        "any",
        "as",
        "by",
        "decimal",
        "distinct",
        "else",
        "filter",
        "from",
        "group",
        "having",
        "in",
        "join",
        "not",
    ),
    *("on", "or", "over", "partition", "rows", "select", "sets", "then", "using", "values", "when", "where", "with"),
}
"""Words before a bracket that call nothing."""
_WHOLE = (exp.DType.BIGINT, exp.DType.INT, exp.DType.SMALLINT, exp.DType.TINYINT)
_BROKEN = (exp.Mul, exp.Div, exp.Avg, exp.Median, exp.PercentileCont, exp.Sqrt)
_PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"})
"""Parts of a date that are counted alike."""
DUCKDB_ALONE = {
    name.lower() for name in set(DuckDB.Parser.FUNCTIONS) - set(sqlglot.Parser.FUNCTIONS) - set(Spark.Parser.FUNCTIONS)
}
_CALL = re.compile(r"([a-z_][a-z0-9_]*)\s*\(", re.IGNORECASE)
_TYPE = re.compile(r"\bas (varchar|text|hugeint|uinteger|ubigint|timestamptz)\s*\)", re.IGNORECASE)


class _NullsSmall(DuckDB):
    NULL_ORDERING = "nulls_are_small"


class _SparkNullsLast(Spark):
    NULL_ORDERING = "nulls_are_last"


class Text(NamedTuple):
    """A model's SQL as one engine is given it; in the twin nulls stand elsewhere where no word places them."""

    sql: str
    tree: exp.Expr
    twin: exp.Expr


Rule = Callable[[Text], Iterator[str]]


def read(sql: str, engine: str) -> Text:
    """Read a statement as an engine would."""
    plain, twin = {"duckdb": (DuckDB, _NullsSmall), "spark": (Spark, _SparkNullsLast)}[engine]
    return Text(sql, sqlglot.parse_one(sql, dialect=plain), sqlglot.parse_one(sql, dialect=twin))


def a_function_is_the_same(text: Text) -> Iterator[str]:
    for token in _calls(text.sql):
        if token not in SAME:
            yield f"{token}() {DIFFERENT.get(token, 'is not known to both')}"


def an_order_places_nulls(text: Text) -> Iterator[str]:
    """Without a word on it, DuckDB puts nulls last and Spark, going up, first."""
    for ordered, twin in zip(text.tree.find_all(exp.Ordered), text.twin.find_all(exp.Ordered), strict=True):
        if ordered.args["nulls_first"] != twin.args["nulls_first"] and not ordered.find_ancestor(exp.WithinGroup):
            columns = sorted({column.name for column in ordered.this.find_all(exp.Column)})
            yield f"order by {', '.join(columns)} says nothing of nulls"


def a_quotient_is_a_double(text: Text) -> Iterator[str]:
    """Whole numbers and decimals divide differently, and so does what is divided by 0."""
    for quotient in text.tree.find_all(exp.Div):
        divisor = quotient.expression
        sides = quotient.this.unnest(), (divisor.this if isinstance(divisor, exp.Nullif) else divisor).unnest()
        if not all(_is_cast_to(side, exp.DType.DOUBLE) for side in sides):
            yield f"what is divided by {divisor.sql()[:40]} is no ratio()"


def a_cast_does_not_round(text: Text) -> Iterator[str]:
    """A cast to a whole number rounds in DuckDB and cuts in Spark; what floor() gives is whole in Spark alone."""
    for cast in text.tree.find_all(exp.Cast):
        if _is_cast_to(cast, *_WHOLE) and isinstance(cast.this.unnest(), _BROKEN):
            yield f"{cast.this.sql()[:60]} is rounded by a cast: round() it first"
    for cut in text.tree.find_all(exp.Floor, exp.Ceil):
        if not _is_cast_to(cut.parent, *_WHOLE):
            yield f"{cut.sql()[:60]} is a double in DuckDB and whole in Spark: cast it"


def a_type_is_known(text: Text) -> Iterator[str]:
    for found in _TYPE.findall(text.sql):
        yield f"type {found} is not known to both: string, bigint, timestamp"


def a_day_is_counted_by_macros(text: Text) -> Iterator[str]:
    """Intervals, parts of dates and their beginnings."""
    for interval in text.tree.find_all(exp.Interval):
        yield f"{interval.parent.sql()[:60]}: add_days(), add_months()"
    for start in text.tree.find_all(exp.DateTrunc, exp.TimestampTrunc):
        if not _is_cast_to(start.parent, exp.DType.DATE):
            yield f"{start.this.sql()[:40]} is cut to a date here and a timestamp there: month_of(), year_of()"
    for extract in text.tree.find_all(exp.Extract):
        if extract.name.upper() not in _PARTS:
            yield f"extract({extract.name}): weekday(), seconds_between()"


def a_text_is_searched_by_macros(text: Text) -> Iterator[str]:
    for found in text.tree.find_all(exp.RegexpLike, exp.RegexpILike, exp.RegexpFullMatch, exp.SimilarTo, exp.Glob):
        yield f"{found.sql()[:60]}: patterns differ"


def no_array_is_written(text: Text) -> Iterator[str]:
    """Arrays begin at 1 in DuckDB and at 0 in Spark, and neither knows the other's literals."""
    for found in text.tree.find_all(exp.Bracket, exp.Array, exp.Struct, exp.Lambda):
        yield f"{type(found).__name__.lower()} of {', '.join(c.name for c in found.find_all(exp.Column))}: use rows"


def no_words_of_one_engine(text: Text) -> Iterator[str]:
    for star in text.tree.find_all(exp.Star):
        if star.args.get("except_") or star.args.get("replace") or star.args.get("rename"):
            yield "* exclude, replace or rename: name the columns"
    for quoted in re.findall(r'"\w+"', _bare(text.sql)):
        yield f"{quoted} is a text for Spark: qualify it"
    for join in text.tree.find_all(exp.Join):
        if join.method or join.side in ("ASOF", "POSITIONAL"):
            yield f"{join.method.lower()} join"


RULES: tuple[Rule, ...] = (
    a_function_is_the_same,
    an_order_places_nulls,
    a_quotient_is_a_double,
    a_cast_does_not_round,
    a_type_is_known,
    a_day_is_counted_by_macros,
    a_text_is_searched_by_macros,
    no_array_is_written,
    no_words_of_one_engine,
)


def in_both(rule: Rule, duckdb: Text, spark: Text) -> Counter[str]:
    """What a rule finds in the texts of both engines; what is found in one alone comes from its variant of a macro."""
    return Counter(rule(duckdb)) & Counter(rule(spark))


def not_for_spark(text: Text) -> Iterator[str]:
    """What is DuckDB's alone in the text for Spark: its variant of a macro is missing or wrong."""
    for name in sorted(set(_calls(text.sql)) & DUCKDB_ALONE):
        yield f"{name}() is DuckDB's alone"
    for difference in text.tree.find_all(exp.DateDiff):
        if difference.text("unit").upper() in ("MONTH", "YEAR", "WEEK"):
            yield "datediff counts whole months in Spark and begun ones in DuckDB: months_between()"


def differences(parsed: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the rule and a sentence for each place that the engines do not read alike."""
    duckdb, spark = rendered_models(parsed, "duckdb"), rendered_models(parsed, "spark")
    for path in sorted(duckdb):
        try:
            here, there = read(duckdb[path], "duckdb"), read(spark[path], "spark")
        except SqlglotError as error:
            yield "it_is_read", f"{path}: {str(error).splitlines()[0]}"
            continue
        for rule in RULES:
            yield from ((rule.__name__, f"{path}: {found}") for found in in_both(rule, here, there).elements())
        yield from (("not_for_spark", f"{path}: {found}") for found in not_for_spark(there))


def _calls(sql: str) -> Iterator[str]:
    """Yield the name of each function that is called in a text, in small letters."""
    return (name.lower() for name in _CALL.findall(_bare(sql)) if name.lower() not in _NO_FUNCTIONS)


def _bare(sql: str) -> str:
    """A statement without its comments and texts."""
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", sql)


def _is_cast_to(value: exp.Expr | None, *types: exp.DType) -> bool:
    return isinstance(value, exp.Cast) and value.to.this in types


def main() -> int:
    found = list(differences(json.loads(manifest(Settings()).read_text())))
    for rule, sentence in found:
        print(f"{rule}: {sentence}", file=sys.stderr)
    counts = Counter(rule for rule, _ in found)
    print(
        f"portable SQL: {len(RULES)} rules, {sum(counts.values())} differences",
        *(f"{n} {rule}" for rule, n in counts.items()),
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
