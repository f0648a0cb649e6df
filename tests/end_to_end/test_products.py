"""The company's two assortments are one, and what was known before it were so stays to the cent."""

import csv

import duckdb
import pytest


@pytest.fixture(scope="module")
def warehouse(published):
    with duckdb.connect(str(published.settings.warehouse), read_only=True) as con:
        yield con


def test_each_article_is_one_product_in_the_release(published):
    truth = published.settings.dataset_folder / "truth" / "products.csv"
    with truth.open(encoding="utf-8", newline="") as file:
        told = {(row["shop_id"], row["till_id"]) for row in csv.DictReader(file)}
    with duckdb.connect(str(published.settings.serving_file), read_only=True) as con:
        found = con.execute("""
            select shop.product_id, till.product_id
            from customer.dim_product_sources as shop join customer.dim_product_sources as till using (product_key)
            where shop.system = 'shop' and till.system = 'till'
        """).fetchall()
        products = con.execute("select count(*), min(sources), max(sources) from customer.dim_products").fetchall()
    assert set(found) == told
    assert products == [(len(told), 2, 2)]


def lines_by_cost(warehouse, costs, where):
    """How many lines have a cost, and how many of them the margin that follows from it."""
    return warehouse.execute(f"""
        select count(*),
            count(*) filter (abs(facts.revenue - lines.net_quantity * costs.unit_cost - facts.margin) <= 0.005)
        from customer.fct_order_lines as facts join staging.stg_order_lines as lines using (line_key) {costs}
        where costs.unit_cost is not null and {where}
    """).fetchall()[0]


def test_lines_keep_their_units_and_the_cost_that_their_own_source_knew(warehouse):
    own = "join staging.stg_products as costs on lines.product_key = costs.product_key"
    known, kept = lines_by_cost(warehouse, own, "lines.system = 'till'")
    assert known == kept > 0
    totals = "select count(*), sum({}), count(product_key) from {}"
    staged = warehouse.execute(totals.format("net_quantity", "staging.stg_order_lines")).fetchall()
    assert warehouse.execute(totals.format("quantity", "customer.fct_order_lines")).fetchall() == staged


def test_what_the_till_knows_of_costs_counts_in_the_shop(warehouse):
    joined = "join customer.dim_products as costs on facts.product_key = costs.product_key"
    known, taken = lines_by_cost(warehouse, joined, "lines.system = 'shop'")
    sold = warehouse.execute("select count(*) from staging.stg_order_lines where system = 'shop'").fetchall()
    assert sold == [(known,)] == [(taken,)]
