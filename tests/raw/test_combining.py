"""`join:` and `aggregate:`: more of a row from a second file, and one row of several, with every row accounted for."""

import csv
import io
from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.config.dataset import DatasetError
from crm_pipeline.raw.accounting import quarantine_failures
from crm_pipeline.raw.check_sources import check_sources
from tests.raw.conftest import ORDERS, RUN_TIME, Shop

PAYMENTS = {
    "name": "shop",
    "channel": "orders",
    "files": "landing/orders*",
    "aggregate": {"by": ["id"], "columns": {"total": "sum", "kind": "first", "at": "min", "n": {"count": "total"}}},
    "columns": {"order_id": "id", "ordered_at": "at", "total_amount": "total", "coupon_code": "kind"},
}
PRODUCTS = {
    "name": "items",
    "channel": "products",
    "files": "landing/products*",
    "join": {"files": "landing/words*", "on": {"category": "name"}, "columns": {"english": "name_english"}},
    "columns": {"product_id": "sku", "category_path": "english"},
}
HEADER = "id,at,total,kind\n"


def merged(base, **more):
    return {key: value for key, value in {**base, **more}.items() if value is not None}


def orders(shop):
    return shop.query("select order_id, total_amount::varchar, coupon_code from {orders} order by order_id")


def products(shop):
    return shop.query("select product_id, category_path from {products} order by product_id")


def fates(entry):
    return {name: count for name, count in vars(entry).items() if name.startswith("rows_") and count}


@pytest.fixture
def paid(shop):
    shop.configure(PAYMENTS)
    return shop


@pytest.fixture
def stocked(shop):
    shop.configure(PRODUCTS)
    return shop


def test_rows_that_agree_are_one_row_and_the_others_are_folded(paid):
    paid.deliver(
        "orders.csv", HEADER + "b,2024-01-03,1.10,card\na,2024-01-02,5,\nb,2024-01-01,2.20,voucher\na,2024-01-02,,pix\n"
    )
    paid.load()
    assert orders(paid) == [("a", "5.0000", "pix"), ("b", "3.3000", "card")]
    assert paid.query("select ordered_at::date::varchar, _line from {orders} order by order_id") == [
        ("2024-01-02", 3),
        ("2024-01-01", 2),
    ]
    assert fates(paid.entry("orders.csv")) == {"rows_read": 4, "rows_loaded": 2, "rows_folded": 2}


def test_a_sum_reads_amounts_as_the_mapping_does(paid):
    columns = PAYMENTS["columns"] | {"total_amount": {"from": "total", "decimal": ","}}
    paid.configure(merged(PAYMENTS, columns=columns))
    paid.deliver("orders.csv", HEADER + 'a,2024-01-01,"1.000,50",x\na,2024-01-01,"(0,50)",x\na,2024-01-01,"1.234",x\n')
    paid.load()
    assert orders(paid) == [("a", "2234.0000", "x")]


def test_the_earliest_time_is_found_as_the_mapping_reads_times(paid):
    columns = PAYMENTS["columns"] | {"ordered_at": {"from": "at", "format": "%d/%m/%Y"}}
    paid.configure(merged(PAYMENTS, columns=columns))
    paid.deliver("orders.csv", HEADER + "a,02/03/2024,1,x\na,31/01/2024,1,x\n")
    paid.load()
    assert paid.query("select ordered_at::date::varchar from {orders}") == [("2024-01-31",)]


def test_numbers_are_compared_as_numbers_where_no_column_takes_them(paid):
    made = {"total": {"max": "total"}, "kind": {"max": "n"}, "at": "last"}
    paid.configure(merged(PAYMENTS, aggregate={"by": "id", "columns": made}))
    paid.deliver("orders.csv", "id,at,total,n\na,2024-01-01,9,9\na,2024-01-01,10,10\n")
    paid.load()
    assert orders(paid) == [("a", "10.0000", "10")]


def test_texts_have_no_smallest(paid):
    paid.configure(merged(PAYMENTS, aggregate={"by": ["id"], "columns": {"total": "sum", "kind": "min", "at": "last"}}))
    paid.deliver("orders.csv", HEADER + "a,2024-01-01,9,card\na,2024-01-01,10,pix\n")
    paid.load()
    assert (
        "aggregate asks for the min of 'kind', which holds neither plain numbers nor"
        in paid.entry("orders.csv").problem
    )


def test_texts_are_listed_once_each_in_the_order_of_the_file(paid):
    made = PAYMENTS["aggregate"]["columns"] | {"kind": "list"}
    paid.configure(merged(PAYMENTS, aggregate={"by": ["id"], "columns": made}))
    paid.deliver("orders.csv", HEADER + "".join(f"a,2024-01-01,1,{kind}\n" for kind in ("pix", "card", "", "pix")))
    paid.load()
    assert orders(paid) == [("a", "4.0000", "pix, card")]


def test_a_value_that_cannot_be_read_quarantines_its_group_and_no_other(paid):
    paid.deliver("orders.csv", HEADER + "a,2024-01-01,1,x\na,2024-01-01,many,x\nb,2024-01-01,3,x\na,2024-01-01,2,x\n")
    report = paid.load()
    assert orders(paid) == [("b", "3.0000", "x")]
    wanting = "line 3 has the same id and cannot be used, so that nothing can be made of its rows"
    assert paid.quarantine() == [
        (2, None, wanting),
        (3, None, "total cannot be read as a number (DECIMAL(38, 12)): 'many'"),
        (5, None, wanting),
    ]
    assert fates(paid.entry("orders.csv")) == {"rows_read": 4, "rows_loaded": 1, "rows_quarantined": 3}
    assert quarantine_failures(report.version, paid.ledger(), {"shop": 0.05})


def test_rows_that_are_left_out_are_in_no_sum(paid):
    paid.configure(merged(PAYMENTS, where="kind <> 'failed'"))
    paid.deliver("orders.csv", HEADER + "a,2024-01-01,1,failed\na,2024-01-01,2,card\n")
    paid.load()
    assert orders(paid) == [("a", "2.0000", "card")]
    assert fates(paid.entry("orders.csv")) == {"rows_read": 2, "rows_loaded": 1, "rows_left_out": 1}


def test_rows_without_a_key_are_never_folded(paid):
    paid.deliver("orders.csv", HEADER + ",2024-01-01,1,x\n,2024-01-01,2,x\n")
    paid.load()
    assert [line for line, *_ in paid.quarantine()] == [2, 3]


def test_amounts_of_several_currencies_are_not_added_up(paid):
    columns = PAYMENTS["columns"] | {"currency": "money"}
    made = PAYMENTS["aggregate"]["columns"] | {"money": "first"}
    paid.configure(merged(PAYMENTS, columns=columns, aggregate={"by": ["id"], "columns": made}))
    rows = "a,2024-01-01,1,x,EUR\na,2024-01-01,1,x,USD\nb,2024-01-01,1,x,EUR\n"
    paid.deliver("orders.csv", "id,at,total,kind,money\n" + rows)
    paid.load()
    assert [order for order, *_ in orders(paid)] == ["b"]
    assert {problem for *_, problem in paid.quarantine()} == {
        "the rows of one id are in several currencies, which cannot be added up"
    }


@pytest.mark.parametrize(
    ("told", "total", "warned"), [(None, "2.0000", True), ("keep", "2.0000", False), ("drop", "1.0000", False)]
)
def test_exact_copies_in_a_sum_are_told_unless_the_source_says_what_they_are(paid, told, total, warned):
    paid.configure(merged(PAYMENTS, exact_duplicates=told))
    paid.deliver("orders.csv", HEADER + "a,2024-01-01,1,x\na,2024-01-01,1,x\n")
    paid.load()
    assert orders(paid) == [("a", total, "x")]
    assert ("exact copies" in (paid.entry("orders.csv").problem or "")) == warned


def test_expressions_see_what_was_made(paid):
    columns = PAYMENTS["columns"] | {"coupon_code": {"sql": "kind || ' and ' || (n::int - 1) || ' more'"}}
    paid.configure(merged(PAYMENTS, columns=columns))
    paid.deliver("orders.csv", HEADER + "a,2024-01-01,1,x\na,2024-01-01,1.5,y\n")
    paid.load()
    assert orders(paid) == [("a", "2.5000", "x and 1 more")]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", ""]),
        st.decimals(-(10**6), 10**6, places=3).map(str) | st.sampled_from(["", "n/a", "oops"]),
    ),
    max_size=25,
)


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_sums_equal_pythons_decimals_and_every_row_has_one_fate(tmp_path_factory, rows):
    shop = Shop(tmp_path_factory.mktemp("sums"))
    made = {"total": "sum", "kind": "first", "at": "last", "n": {"count": "total"}}
    columns = PAYMENTS["columns"] | {"total_amount": {"from": "total", "decimal": "."}}
    more = {"aggregate": {"by": ["id"], "columns": made}, "columns": columns, "exact_duplicates": "keep"}
    shop.configure(merged(PAYMENTS, read={"null_values": ["n/a"]}, **more))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [["id", "at", "total", "kind"], *([key, "2024-01-01", amount, "x"] for key, amount in rows)]
    )
    shop.deliver("orders.csv", text.getvalue())
    shop.load()
    groups = defaultdict(list)
    for key, amount in rows:
        groups[key].append(amount)
    expected = {}
    for key, amounts in groups.items():
        filled = [amount for amount in amounts if amount not in ("", "n/a")]
        if key and "oops" not in amounts:
            expected[key] = sum(map(Decimal, filled)) if filled else None
    found = {key: total and Decimal(total) for key, total, _ in orders(shop)}
    assert found == expected
    entry = shop.entry("orders.csv")
    assert entry.unaccounted == 0
    assert entry.rows_folded == sum(len(groups[key]) - 1 for key in expected)


def test_a_row_gets_what_the_lookup_says_of_its_key(stocked):
    stocked.deliver("products.csv", "sku,category\n1,casa\n2, moveis \n3,\n4,outra\n")
    stocked.deliver("words.csv", "name,name_english\ncasa,house\nmoveis,furniture\ncasa,house\n")
    stocked.load()
    assert products(stocked) == [("1", "house"), ("2", "furniture"), ("3", None), ("4", None)]
    assert stocked.quarantine() == []
    check = check_sources(stocked.dataset, RUN_TIME)
    assert check.is_fine
    assert check.notes == []


def test_a_key_with_two_meanings_refuses_and_the_remedy_works(stocked):
    stocked.deliver("products.csv", "sku,category\n1,casa\n")
    stocked.deliver("words.csv", "name,name_english\ncasa,house\ncasa,home\n")
    stocked.load()
    problem = stocked.entry("products.csv").problem
    assert "1 keys ('name') have several rows that differ (one in the lines 2 and 3)" in problem
    assert "`aggregate: {columns: {name_english: first}}`" in problem
    stocked.configure(merged(PRODUCTS, join=PRODUCTS["join"] | {"aggregate": {"columns": {"name_english": "first"}}}))
    stocked.load()
    assert stocked.entry("products.csv").problem is None
    assert products(stocked) == [("1", "house")]


def test_a_missing_lookup_file_is_named_and_its_coming_is_noticed(stocked):
    stocked.deliver("products.csv", "sku,category\n1,casa\n")
    stocked.load()
    assert "No lookup file matches 'landing/words*'" in stocked.entry("products.csv").problem
    stocked.deliver("words.csv", "name,name_english\ncasa,house\n")
    stocked.load()
    assert products(stocked) == [("1", "house")]


def test_what_was_read_with_another_lookup_is_read_again(stocked):
    stocked.deliver("products.csv", "sku,category\n1,casa\n")
    stocked.deliver("words1.csv", "name,name_english\ncasa,house\n")
    stocked.load()
    assert not stocked.load().changed
    stocked.deliver("words2.csv", "name,name_english\ncasa,home\n")
    assert stocked.load().changed
    assert products(stocked) == [("1", "home")]
    entry = stocked.entry("products.csv")
    assert (entry.delivery, entry.rows_read) == (1, 1)


def test_a_lookup_that_knows_no_key_is_told(stocked):
    stocked.deliver("products.csv", "sku,category\n1,casa\n")
    stocked.deliver("words.csv", "name,name_english\nCASA,house\n")
    stocked.load()
    assert "None of its 1 rows with category is found in the lookup file" in stocked.entry("products.csv").problem


def test_a_lookup_without_the_column_is_named(stocked):
    stocked.deliver("products.csv", "sku,category\n1,casa\n")
    stocked.deliver("words.csv", "name,english\ncasa,house\n")
    stocked.load()
    assert (
        "Its lookup file landing/words.csv: The file has no column 'name_english' (join.columns). It has: name, "
        in stocked.entry("products.csv").problem
    )


def test_a_column_of_both_files_is_refused_with_a_remedy(stocked):
    join = {"files": "landing/words*", "on": "category", "columns": ["sku"]}
    stocked.configure(merged(PRODUCTS, join=join, columns={"product_id": "sku"}))
    stocked.deliver("products.csv", "sku,category\n1,casa\n")
    stocked.deliver("words.csv", "category,sku\ncasa,house\n")
    stocked.load()
    assert "`columns: {other name: sku}`" in stocked.entry("products.csv").problem


def test_lookups_may_follow_one_another_and_be_of_any_format(stocked):
    joins = [
        {"files": "landing/kinds.jsonl", "on": {"sku": "product.id"}, "columns": {"kind": "kind"}},
        {"files": "landing/words.csv", "on": {"kind": "no"}, "columns": {"english": "yes"}},
    ]
    stocked.configure(merged(PRODUCTS, join=joins))
    stocked.deliver("products.csv", "sku\n1\n")
    stocked.deliver("kinds.jsonl", '{"product": {"id": 1}, "kind": "casa"}\n')
    stocked.deliver("words.csv", "no,yes\ncasa,house\n")
    stocked.load()
    assert products(stocked) == [("1", "house")]


def test_payments_of_a_lookup_are_added_up_and_no_order_comes_twice(shop):
    join = {
        "files": "landing/pay*",
        "on": {"id": "order"},
        "columns": ["paid"],
        "aggregate": {"columns": {"paid": "sum"}},
    }
    columns = {"order_id": "id", "ordered_at": "at", "total_amount": {"from": "paid", "decimal": ","}}
    shop.configure(merged(ORDERS, join=join, columns=columns))
    shop.deliver("orders.csv", "id,at\n1,2024-01-01\n2,2024-01-01\n3,2024-01-01\n")
    shop.deliver("pay.csv", 'order,paid\n1,"1.000,5"\n1,"0,25"\n2,"7"\n')
    shop.load()
    assert shop.query("select order_id, total_amount::varchar from {orders} order by 1") == [
        ("1", "1000.7500"),
        ("2", "7.0000"),
        ("3", None),
    ]


def test_keys_that_yaml_takes_for_yes_are_names(tmp_path):
    shop = Shop(tmp_path)
    text = """\
sources:
  - name: items
    channel: products
    files: landing/products*
    join: {files: landing/words*, on: {no: name}, columns: {on: yes_english}}
    columns: {product_id: sku, category_path: "on"}
"""
    shop.settings.dataset_folder.mkdir(parents=True, exist_ok=True)
    (shop.settings.dataset_folder / "pipeline.yml").write_text(text)
    (join,) = shop.dataset.sources[0].join
    assert (join.on, join.columns) == ({"no": "name"}, {"on": "yes_english"})


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"aggregate": {"by": ["id"], "columns": {"total": "mean"}}}, "no function 'mean'. Use one of: sum, min, max"),
        ({"aggregate": {"columns": {"total": "sum"}}}, "the key 'by' is missing. Add it, such as by: [order_id]"),
        (
            {"aggregate": {"by": ["id"], "columns": {"total": "sum"}}},
            "'mail' is not among aggregate.by and aggregate.c",
        ),
        ({"aggregate": {"by": ["id"], "columns": {"id": "first"}}}, "'id' stands under by and under columns"),
        ({"join": {"files": "../x", "on": "id", "columns": ["a"]}}, "leads out of the dataset folder"),
        ({"join": [{"files": "x", "on": "id", "columns": ["a"]}] * 2}, "two of join bring a column 'a'"),
        (
            {"join": {"files": "x", "on": "id", "columns": ["a"], "aggregate": {"columns": {"b": "sum"}}}},
            "aggregate.columns does not make 'a'. Add it there",
        ),
    ],
)
def test_a_mistake_in_the_keys_is_named(shop, more, complaint):
    shop.configure(ORDERS | more)
    with pytest.raises(DatasetError) as caught:
        shop.load()
    assert complaint in str(caught.value)
