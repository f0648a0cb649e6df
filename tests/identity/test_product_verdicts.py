"""The gate of the product map: what passes, and what a map that lost or doubled a product is told by."""

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.identity.product_verdicts import each_product_once, lines_stay, named_by_hand


@pytest.fixture
def con():
    with duckdb.connect() as con:
        con.execute("create schema staging")
        con.execute("create table staging.stg_products as select unnest([1, 2, 3]) as product_key")
        con.execute("""
            create table staging.stg_order_lines as
            select * from (values (1, 1, 2.5), (2, 2, 1.25), (2, 1, 1.25), (null, 1, 9.0))
                as lines (product_key, net_quantity, net_amount)
        """)
        yield con


def product_map(*pairs):
    sources, products = zip(*pairs, strict=True)
    return pa.table({"source_product_key": sources, "product_key": products})


GOOD = ((1, 1), (2, 1), (3, 3))


def test_a_map_that_joins_two_of_three_products_passes(con):
    assert each_product_once(con, product_map(*GOOD)).passed
    verdict = lines_stay(con, product_map(*GOOD))
    assert verdict.passed
    assert "3 order lines that name a product, with 4 units and a revenue of 5.00" in verdict.sentence


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(GOOD[:2], id="a product is lost"),
        pytest.param((*GOOD, (2, 3)), id="a product is two"),
        pytest.param((*GOOD[:2], (4, 4)), id="a product that nobody delivers"),
        pytest.param((*GOOD[:2], (3, 7)), id="a product that is none of them"),
    ],
)
def test_a_map_of_other_products_fails(con, pairs):
    assert not each_product_once(con, product_map(*pairs)).passed


@pytest.mark.parametrize("pairs", [GOOD[1:], (*GOOD, (2, 3))])
def test_lost_and_doubled_lines_fail(con, pairs):
    assert not lines_stay(con, product_map(*pairs)).passed


def test_products_named_by_hand_that_nobody_delivers_are_told():
    assert named_by_hand([], "product_overrides.yml").passed
    verdict = named_by_hand([f"shop|{number}" for number in range(7)], "product_overrides.yml")
    assert not verdict.passed
    assert "7 of the products" in verdict.sentence and "shop|4, ..." in verdict.sentence
