"""Totals that differ by a cent, an order lost, a feature that counts tomorrow: each is found and said."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from crm_pipeline.dbt.reconcile import (
    difference,
    features_from_the_future,
    line_revenue,
    orders_unlike_staging,
    orders_unlike_their_lines,
    totals,
)
from crm_pipeline.raw.totals import Totals
from crm_pipeline.stages import Stage


@pytest.fixture
def warehouse():
    with duckdb.connect() as con:
        con.execute("""
            create schema staging; create schema customer; create schema features; create schema marts;
            create table staging.stg_orders as from (values
                (1, 'sale', 'completed', 22.50::decimal(18, 2), 4, 2), (2, 'return', 'returned', -3.50, -1, null),
                (3, 'sale', 'completed', 42.50, null, 1), (4, 'sale', 'cancelled', 0.00, 9, 9)
            ) as o (order_key, kind, status, revenue, shipping_amount, tax_amount);
            create table customer.fct_orders as select stg_orders.*, customer_key, ordered_on, is_counted from (values
                (1, 7, date '2024-01-05', true), (2, 7, date '2024-02-01', false),
                (3, 7, date '2024-03-01', true), (4, 7, date '2024-03-02', false)
            ) as o (order_key, customer_key, ordered_on, is_counted) join staging.stg_orders using (order_key);
            create table staging.stg_payments as from (values (20.00), (-5.00)) as p (net_amount);
            create table customer.fct_payments as from staging.stg_payments;
            create table marts.sales_by_state as from (values (3.00, 3.00)) as s (shipping_amount, tax_amount);
            create table marts.payment_methods as from (values (20.00, 5.00)) as m (paid_amount, repaid_amount);
            create table customer.fct_order_lines as from (values (1, 19.00::decimal(18, 2)), (1, 3.50), (2, -3.50))
                as l (order_key, revenue);
            create table marts.kpi_scorecard as from (values
                ('all', 'orders', 1.0), ('all', 'orders', 1.0), ('all', 'revenue', 61.5),
                ('sales_channel', 'revenue', 61.5)
            ) as k (dimension, kpi, value);
            create table features.customer_features as from (values
                (7, date '2024-01-31', 1, date '2024-01-05'), (7, date '2024-03-31', 2, date '2024-03-01')
            ) as f (customer_key, as_of_date, orders_lifetime, last_order_on);
            create table features.as_of_dates as select distinct as_of_date from features.customer_features;
        """)
        yield con


HERE = Totals(2, Decimal("61.50"), Decimal(3), Decimal(3), Decimal(15))


@pytest.mark.parametrize("stage", [Stage.STAGING, Stage.CUSTOMER, Stage.MARTS])
def test_each_stage_counts_the_same_orders_and_revenue(stage, warehouse):
    assert totals(warehouse, stage) == HERE


@pytest.mark.parametrize(
    "edit", ["set revenue = revenue + 0.01 where order_key = 3", "set kind = 'return' where order_key = 1"]
)
def test_an_edit_of_what_staging_hands_on_is_a_difference(edit, warehouse):
    warehouse.execute(f"update staging.stg_orders {edit}")
    assert difference(HERE, totals(warehouse, Stage.STAGING), "raw", "staging")


def test_lines_and_orders_without_lines_tell_the_same_revenue(warehouse):
    assert line_revenue(warehouse) == Decimal("61.50")


def test_equal_totals_are_no_difference():
    assert difference(Totals(1, Decimal("1.00")), Totals(1, Decimal("1.00")), "raw", "marts") is None


def test_a_cent_is_a_difference():
    said = difference(Totals(1, Decimal("1.00")), Totals(1, Decimal("1.01")), "raw", "marts")
    assert said == "marts holds revenue 1.01 instead of 1.00, which raw holds."


@pytest.mark.parametrize("name", ["shipping", "tax", "paid"])
def test_a_cent_of_what_is_no_revenue_is_a_difference(name):
    found = replace(HERE, **{name: getattr(HERE, name) + Decimal("0.01")})
    assert f"marts holds {name} " in difference(HERE, found, "raw", "marts")


def test_features_that_count_what_was_placed_by_then_are_accepted(warehouse):
    assert features_from_the_future(warehouse, date(2024, 3, 31)) is None


@pytest.mark.parametrize(
    "fault",
    [
        "update features.customer_features set orders_lifetime = 2 where as_of_date = '2024-01-31'",
        "update features.customer_features set last_order_on = '2024-02-02' where as_of_date = '2024-01-31'",
        "update features.customer_features set orders_lifetime = 1 where as_of_date = '2024-03-31'",
        "update features.customer_features set as_of_date = '2024-04-30' where as_of_date = '2024-03-31'",
        "insert into features.as_of_dates values (date '2024-04-30')",
    ],
)
def test_a_feature_that_knows_the_future_or_lost_the_past_is_found(fault, warehouse):
    warehouse.execute(fault)
    assert "knows the future or has lost the past" in features_from_the_future(warehouse, date(2024, 3, 31))


@pytest.mark.parametrize(
    ("planted", "find"),
    [
        ("update customer.fct_orders set revenue = 1 where order_key = 2", orders_unlike_staging),
        ("delete from customer.fct_orders where order_key = 2", orders_unlike_staging),
        ("update customer.fct_order_lines set revenue = 1 where order_key = 2", orders_unlike_their_lines),
    ],
)
def test_an_order_that_differs_is_named_by_its_key(warehouse, planted, find):
    for table in ("staging.stg_orders", "customer.fct_orders"):
        warehouse.execute(f"alter table {table} add column system varchar default 'shop'")
        warehouse.execute(f"alter table {table} add column order_id varchar")
        warehouse.execute(f"update {table} set order_id = 'o' || order_key")
    warehouse.execute("update customer.fct_order_lines set revenue = 22.50 where revenue = 19")
    warehouse.execute("update customer.fct_order_lines set revenue = 0 where revenue = 3.50")
    assert find(warehouse) == ""
    warehouse.execute(planted)
    assert find(warehouse) == "For example: order o2 of shop (order_key 2)."
