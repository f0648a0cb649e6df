"""Great Expectations suites: good rows pass, each fault is named, and a broken check is no fault of the data."""

from datetime import UTC, date, datetime

import pandas as pd
import pyarrow as pa
import pytest

from crm_pipeline.config.contract import arrow_schema, arrow_type, contracts
from crm_pipeline.raw.suites import ColumnRule, SuiteRules, as_frame, sample, validate, validate_rules
from tests.raw.conftest import RUN_TIME

ORDERS = contracts()["orders"]
GOOD = {
    "order_id": "1",
    "ordered_at": datetime(2024, 1, 1),
    "status": "completed",
    "currency": "GBP",
    "discount_amount": None,
    "_source": "shop",
    "_system": "shop",
    "_file": "f",
    "_line": 2,
    "_delivery": 1,
    "_first_delivery": 1,
}


def frame(*changes):
    rows = [
        {**dict.fromkeys(ORDERS.column_names), **GOOD, "order_id": str(n), **change} for n, change in enumerate(changes)
    ]
    return as_frame(pa.Table.from_pylist(rows, schema=arrow_schema(ORDERS)))


def test_rows_that_were_loaded_pass(shop):
    shop.deliver("orders.csv", "id,at,total,mail,status\n1,2024-01-01,1,a@example.com,completed\n2,2024-01-01,1,,\n")
    shop.load()
    rows = sample(shop.settings, "orders")
    assert len(rows) == 2
    result = validate(ORDERS, rows, RUN_TIME)
    assert (result.passed, result.failures, result.errors) == (True, [], [])
    assert result.evaluated > 20


def test_a_table_without_rows_passes():
    assert validate(ORDERS, frame()).passed


def test_a_sample_is_bounded_and_takes_the_newest_deliveries_first(shop):
    for number in (1, 2):
        rows = "".join(f"{number}{k},2024-01-01,1,,\n" for k in range(5))
        shop.deliver(f"orders_{number}.csv", "id,at,total,mail,status\n" + rows)
        shop.load()
    assert sample(shop.settings, "orders", rows=3)["_delivery"].tolist() == [2, 2, 2]
    assert len(sample(shop.settings, "orders", rows=7)) == 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ordered_at": None}, "ordered_at is filled fails for 1 of 2 rows"),
        ({"status": "lost"}, "status is one of completed, cancelled, returned fails for 1 of 2 rows"),
        ({"currency": "pounds"}, "currency matches ^[A-Z]{3}$ fails for 1 of 2 rows"),
        ({"ordered_at": datetime(1960, 1, 1)}, "ordered_at is at least"),
        ({"ordered_at": datetime(2025, 1, 1)}, "ordered_at is at most 2024-06-01 00:00:00 fails for 1 of 2 rows"),
        ({"order_id": "0"}, "(_source, order_id) is unique fails"),
    ],
)
def test_each_kind_of_fault_is_named(change, words):
    result = validate(ORDERS, frame({}, change), datetime(2024, 6, 1, tzinfo=UTC))
    assert not result.passed
    assert result.errors == []
    assert [words in failure for failure in result.failures] == [True]


def test_a_missing_column_and_a_wrong_type_are_faults_of_the_data():
    result = validate(ORDERS, frame({}).drop(columns=["store_id"]).assign(country=1))
    assert result.errors == []
    assert any("missing store_id" in failure for failure in result.failures)
    assert any("the column country is of type int64" in failure for failure in result.failures)


def test_an_expectation_that_raises_is_an_error_of_the_check_without_values():
    rules = SuiteRules("people", (ColumnRule("age", pattern="("),))
    result = validate_rules(rules, as_frame(pa.table({"age": ["secret"]})))
    assert (result.passed, result.failures) == (False, [])
    assert len(result.errors) == 1
    assert "could not be evaluated" in result.errors[0]
    assert "secret" not in result.errors[0]


def test_rules_serve_other_tables_too():
    columns = (ColumnRule("key", required=True, unique=True), ColumnRule("share", minimum=0.0, maximum=1.0))
    rules = SuiteRules("people", columns, exact_columns=False, minimum_rows=2)
    good = as_frame(pa.table({"key": [1, 2], "share": [0.0, 1.0], "more": ["x", "y"]}))
    assert validate_rules(rules, good).passed
    bad = as_frame(pa.table({"key": [1], "share": [1.5]}))
    assert len(validate_rules(rules, bad).failures) == 2


@pytest.mark.parametrize("contract", contracts().values(), ids=lambda contract: contract.name)
def test_no_expectation_looks_at_values_one_by_one(contract, monkeypatch):
    """The library's pandas engine does so by these methods, which cost a hundred times a pass over a column."""

    def one_by_one(*_, **__):
        raise AssertionError("value by value")

    rows = [invented(contract.columns) | dict.fromkeys(("_line", "_delivery", "_first_delivery"), 1)]
    frame = as_frame(pa.Table.from_pylist(rows, schema=arrow_schema(contract)))
    validate(contract, frame, RUN_TIME)
    for method in ("map", "apply"):
        for kind in (pd.Series, pd.DataFrame):
            monkeypatch.setattr(kind, method, one_by_one, raising=False)
    assert validate(contract, frame, RUN_TIME).errors == []


def invented(columns):
    """One value of each column's type."""
    samples = {"string": "x", "bool": True, "date32[day]": date(2024, 1, 1), "timestamp[us]": datetime(2024, 1, 1)}
    return {column.name: samples.get(str(arrow_type(column.physical_type)), 1) for column in columns}


def test_bounds_hold_at_both_ends_and_are_told_apart():
    rules = SuiteRules("people", (ColumnRule("share", minimum=0.0, maximum=1.0),))
    said = validate_rules(rules, as_frame(pa.table({"share": [-1.0, 0.0, 1.0, None, 2.0, 3.0]}))).failures
    assert said == [
        "people: the expectation that share is at least 0.0 fails for 1 of 6 rows.",
        "people: the expectation that share is at most 1.0 fails for 2 of 6 rows.",
    ]


def test_a_column_without_values_breaks_no_bound():
    rules = SuiteRules("people", (ColumnRule("share", minimum=0.0, maximum=1.0),))
    assert validate_rules(rules, as_frame(pa.table({"share": pa.nulls(2, pa.float64())}))).passed


def test_rows_that_break_a_rule_are_named_by_source_delivery_and_line_at_most_five():
    rows = [{"status": "lost" if line > 2 else "completed", "_line": line} for line in range(1, 10)]
    (said,) = validate(ORDERS, frame(*rows), RUN_TIME).failures
    assert said.endswith(
        ", for example source shop delivery 1 line 3; source shop delivery 1 line 4; source shop delivery 1 line 5; "
        "source shop delivery 1 line 6; source shop delivery 1 line 7."
    )
