"""The models mean the same on DuckDB and on Spark, and each rule is seen to fail on a planted difference."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import manifest
from tests.dbt import portability as rules
from tests.dbt.rendering import rendered_models


def _found(sql: str) -> dict[str, list[str]]:
    here, there = rules.read(sql, "duckdb"), rules.read(sql, "spark")
    return {rule.__name__: found for rule in rules.RULES if (found := list(rules.in_both(rule, here, there)))}


def _project(model: str, **macros: str) -> Mapping[str, Any]:
    return {
        "nodes": {"model.crm.planted": _model(model)},
        "sources": {},
        "macros": {name: {"name": name, "package_name": "crm", "macro_sql": text} for name, text in macros.items()},
    }


def _model(sql: str) -> Mapping[str, Any]:
    return {"resource_type": "model", "original_file_path": "planted.sql", "raw_code": sql}


def test_the_models_are_portable():
    parsed = json.loads(manifest(Settings()).read_text())
    assert list(rules.differences(parsed)) == []


@pytest.mark.parametrize(
    ("rule", "expression"),
    [
        (rules.a_function_is_the_same, "log(a)"),
        (rules.a_function_is_the_same, "concat(a, b)"),
        (rules.a_function_is_the_same, "hash(a)"),
        (rules.a_function_is_the_same, "dayofweek(a)"),
        (rules.a_function_is_the_same, "avg(a)"),
        (rules.a_function_is_the_same, "regexp_replace(a, 'b', 'c')"),
        (rules.a_function_is_the_same, "list_sort(a)"),
        (rules.an_order_places_nulls, "row_number() over (order by a)"),
        (rules.an_order_places_nulls, "row_number() over (order by a asc, b desc)"),
        (rules.a_quotient_is_a_double, "a / 2"),
        (rules.a_quotient_is_a_double, "cast(a as double) / b"),
        (rules.a_cast_does_not_round, "cast(a * 100 as bigint)"),
        (rules.a_cast_does_not_round, "floor(a)"),
        (rules.a_type_is_known, "cast(a as varchar)"),
        (rules.a_day_is_counted_by_macros, "a + interval 1 month"),
        (rules.a_day_is_counted_by_macros, "date_trunc('month', a)"),
        (rules.a_day_is_counted_by_macros, "extract(dow from a)"),
        (rules.a_text_is_searched_by_macros, "a similar to 'b.*'"),
        (rules.no_array_is_written, "a[1]"),
        (rules.no_words_of_one_engine, '"a"'),
        (rules.no_words_of_one_engine, "* exclude (a)"),
    ],
)
def test_a_planted_difference_is_found(rule, expression):
    assert rule.__name__ in _found(f"select {expression} from t")


@pytest.mark.parametrize(
    "expression",
    [
        "row_number() over (order by a asc nulls last, b desc)",
        "percentile_cont(0.5) within group (order by a)",
        "cast(a as double) / nullif(cast(b as double), 0)",
        "cast(round(a * 100) as bigint), cast(floor(a) as bigint)",
        "cast(date_trunc('month', a) as date), extract(year from a)",
        "a || b, 'log(x) \"quoted\"' -- concat(a)\n",
        "sum(a) filter (where b > 0) over (partition by c)",
    ],
)
def test_what_both_engines_know_alike_is_left_alone(expression):
    assert _found(f"select {expression} from t") == {}


def test_what_stands_in_the_variants_of_a_macro_may_differ():
    parsed = _project(
        "select {{ weekday('a') }} as b from t",
        weekday="{% macro weekday(day) %}{{ adapter.dispatch('weekday', 'crm')(day) }}{% endmacro %}",
        duckdb__weekday="{% macro duckdb__weekday(day) %}isodow({{ day }}){% endmacro %}",
        default__weekday="{% macro default__weekday(day) %}weekday({{ day }}) + 1{% endmacro %}",
    )
    assert list(rules.differences(parsed)) == []
    assert rendered_models(parsed, "duckdb") == {"planted.sql": "select isodow(a) as b from t"}
    assert rendered_models(parsed, "spark") == {"planted.sql": "select weekday(a) + 1 as b from t"}


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("strftime({{ day }}, '%Y')", "strftime() is DuckDB's alone"),
        ("datediff(month, {{ day }}, b)", "datediff counts whole months in Spark"),
    ],
)
def test_a_variant_for_spark_that_spark_does_not_know_is_found(variant, sentence):
    parsed = _project(
        "select {{ months('a') }} from t",
        months="{% macro months(day) %}{{ adapter.dispatch('months', 'crm')(day) }}{% endmacro %}",
        duckdb__months="{% macro duckdb__months(day) %}months_of({{ day }}){% endmacro %}",
        default__months="{% macro default__months(day) %}" + variant + "{% endmacro %}",
    )
    assert [(rule, sentence in said) for rule, said in rules.differences(parsed)] == [("not_for_spark", True)]


@pytest.mark.parametrize("model", ["select a // 2 from t", "select (a from t"])
def test_a_model_that_an_engine_cannot_read_is_named(model):
    assert [rule for rule, _ in rules.differences(_project(model))] == ["it_is_read"]


def test_what_a_macro_returns_is_no_text():
    parsed = _project(
        "{% for name in names() %}{{ name }}{% endfor %}",
        names="{% macro names() %}{{ return(['a', 'b']) }}{% endmacro %}",
    )
    assert rendered_models(parsed, "duckdb") == {"planted.sql": "ab"}


def test_a_rule_counts_each_place():
    sql = "select hash(a), hash(b) from t"
    found = rules.in_both(rules.a_function_is_the_same, rules.read(sql, "duckdb"), rules.read(sql, "spark"))
    assert found == Counter({f"hash() {rules.DIFFERENT['hash']}": 2})
