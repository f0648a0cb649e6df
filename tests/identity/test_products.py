"""Products are one by rule only, and what is known to differ stays apart."""

from itertools import combinations

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.identity.overrides import Link, Overrides, Unlink
from crm_pipeline.identity.products import resolve_products, unknown_products

TEXTS = ("system", "product_id", "product_name", "brand", "ean", "sku")
TEA, MUG = "4006381333931", "5012345678900"


def staged(*products):
    """A connection with products as dicts, or as texts in the order of TEXTS."""
    con = duckdb.connect()
    con.execute("create schema staging")
    rows = [product if isinstance(product, dict) else dict(zip(TEXTS, product, strict=False)) for product in products]
    schema = pa.schema(
        [("product_key", pa.int64()), *((name, pa.string()) for name in TEXTS), ("is_listed", pa.bool_())]
    )
    given = [{"product_key": number, "is_listed": True, **row} for number, row in enumerate(rows, start=1)]
    con.register("given", pa.Table.from_pylist(given, schema=schema))
    con.execute("create table staging.stg_products as from given")
    con.unregister("given")
    return con


def joined(*products, trust=("shop", "till"), overrides=None):
    with staged(*products) as con:
        found = resolve_products(con, trust, overrides)
        assert con.execute("select count(*) from duckdb_tables()").fetchall() == [(1,)], "a table was left"
    return found.to_pylist()


def groups(*products, **more):
    """The products that are one with another one, as sets of `system|product_id`."""
    found = {}
    for row in joined(*products, **more):
        found.setdefault(row["product_key"], set()).add(f"{row['system']}|{row['product_id']}")
    return sorted(sorted(group) for group in found.values() if len(group) > 1)


ONE = [["shop|S1", "till|T1"]]


@pytest.mark.parametrize(
    ("shop", "till"),
    [
        pytest.param(("Breakfast Tea", "Acme", TEA), ("BRKFST T 80B", "ACME LTD", TEA), id="equal EAN"),
        pytest.param(("Tea", None, "036000291452"), ("Tee", None, "36000291452"), id="a zero lost before a UPC"),
        pytest.param(("Tea", None, TEA), ("Tee", None, " 4-006381 333931.0"), id="an EAN as a number"),
        pytest.param(("Tea", None, "96385074"), ("Tee", None, "96385074"), id="an EAN of eight digits"),
        pytest.param(("Tea", None, "4006381333999"), ("Tee", None, "4006381333999"), id="an EAN that fails its check"),
        pytest.param(("Tea", None, None, "Hf-1"), ("Tee", None, None, "HF-1 "), id="equal SKU"),
        pytest.param(("Tea", None, None, "HF-1"), ("Tee", None, TEA, "HF-1"), id="equal SKU, one EAN"),
        pytest.param(("Cheese", None, "2012340000008"), ("Cheddar", None, "2012340000008"), id="a number of the house"),
    ],
)
def test_an_equal_ean_or_sku_makes_products_one(shop, till):
    assert groups(("shop", "S1", *shop), ("till", "T1", *till)) == ONE


@pytest.mark.parametrize(
    ("shop", "till"),
    [
        pytest.param(("Crème  Brûlée, 4 pcs", "Acmé"), ("creme brulee 4 PCS", "ACME"), id="folded"),
        pytest.param(("Tea", "Acme"), ("Tea", None), id="one does not say the brand"),
        pytest.param(("Tea",), ("Tea",), id="neither does"),
    ],
)
def test_equal_code_name_and_brand_make_products_one(shop, till):
    assert groups(("shop", "A-1", *shop), ("till", "a-1", *till)) == [["shop|A-1", "till|a-1"]]


def test_a_code_may_be_the_id_in_one_system_and_the_sku_in_another():
    assert groups(("shop", "77", "Tea", None, None, "HF-1"), ("till", "HF-1", "TEA")) == [["shop|77", "till|HF-1"]]


def test_ids_that_are_eans_count_as_eans():
    assert groups(("shop", "S1", "Tea", None, TEA), ("till", TEA, "Tee")) == [["shop|S1", f"till|{TEA}"]]


APART = {
    "a code reused": [("1", "Tea", "Acme"), ("1", "Mug", "Acme")],
    "of another brand": [("1", "Tea", "Acme"), ("1", "Tea", "Finch")],
    "without names": [("1", None), ("1", None)],
    "only the name": [("1", "Tea"), ("2", "Tea")],
    "other EANs": [("1", "Tea", "A", TEA), ("1", "Tea", "A", MUG)],
    "one SKU, other EANs": [("1", "Tea", "A", TEA, "s"), ("2", "Tea", "A", MUG, "s")],
    "sizes": [("1", "Shirt red S"), ("1", "Shirt red M")],
    "variants": [("1-S", "Shirt"), ("1-M", "Shirt")],
    "empty": [("1", "Tea", None, ""), ("2", "Mug", None, "")],
    "stand-ins": [("1", "Tea", None, "n/a", "-"), ("2", "Mug", None, "N/A", "-")],
    "zeros": [("1", "Tea", None, "0000000000000"), ("2", "Mug", None, "0000000000000")],
    "nines": [("1", "Tea", None, "9999999999999"), ("2", "Mug", None, "9999999999999")],
    "an example": [("1", "Tea", None, "1234567890128"), ("2", "Mug", None, "1234567890128")],
    "rounded": [("1", "Tea", None, "4.00638E+12"), ("2", "Mug", None, "4.00638E+12")],
    "short numbers": [("1", "Tea", None, "10023456"), ("2", "Mug", None, "10023456")],
    "each and case": [("1", "Each", None, TEA), ("2", "Case", None, "14006381333938")],
    "a code that is none": [("0", "Tea"), ("0", "Tea")],
}


@pytest.mark.parametrize("products", APART.values(), ids=APART)
def test_what_differs_stays_apart(products):
    shop, till = products
    assert groups(("shop", *shop), ("till", *till)) == []


def test_variants_that_carry_the_ean_of_their_parent_stay_apart_and_say_so():
    found = joined(
        ("shop", "1-S", "Shirt S", None, TEA), ("shop", "1-M", "Shirt M", None, TEA), ("till", "9", "SHIRT", None, TEA)
    )
    assert {row["joined_by"] for row in found} == {"alone"}
    assert all("EAN" in row["problem"] and "3 that carry it" in row["problem"] for row in found)


def test_variants_under_one_sku_stay_apart():
    assert groups(("shop", "1", "Shirt red", None, None, "p"), ("shop", "2", "Shirt blue", None, None, "p")) == []


def test_a_product_listed_twice_in_one_system_is_one():
    rows = [("shop", "85123A", "White Heart"), ("shop", "85123a", "WHITE HEART"), ("shop", "85123B", "White Heart")]
    assert groups(*rows) == [["shop|85123A", "shop|85123a"]]
    assert groups(("shop", "old", "Tea", None, TEA), ("shop", "new", "Tea", None, TEA)) == [["shop|new", "shop|old"]]


def test_what_everything_carries_joins_nothing():
    found = joined(*(("shop", f"S{number}", "Item", None, TEA, "all") for number in range(25)))
    assert {row["joined_by"] for row in found} == {"alone"}
    assert "25 that do" in found[0]["problem"]


def test_a_chain_between_products_of_different_eans_is_cut_at_its_weakest_link_and_told():
    found = joined(
        ("shop", "1", "Tea", None, TEA),
        ("web", "8", "Tea two", None, TEA, "b"),
        ("till", "b", "Tea two"),
        ("book", "7", "Tea two", None, MUG, "c"),
        ("desk", "c", "Tea two", None, None, "b"),
    )
    product = {row["product_id"]: row["product_key"] for row in found}
    eans = {"1": TEA, "8": TEA, "7": MUG}
    assert product["1"] == product["8"] != product["7"]
    for one, other in combinations(eans, 2):
        assert (product[one] == product[other]) == (eans[one] == eans[other])
    assert any("but is apart" in (row["problem"] or "") for row in found)


def test_skus_that_two_systems_give_to_unlike_things_join_nothing():
    names = ("Tea", "Mug", "Jam", "Cup", "Pot"), ("Bed", "Car", "Hat", "Inn", "Key")
    shop, till = (
        [(system, name, name, None, None, f"1{sku}") for sku, name in enumerate(called)]
        for system, called in zip(("shop", "till"), names, strict=True)
    )
    assert groups(*shop, *till) == []
    assert "unlike products" in joined(*shop, *till)[0]["problem"]
    alike = [("till", name, f"THE {name}", None, None, sku) for _, _, name, _, _, sku in shop]
    assert len(groups(*shop, *alike)) == 5


def test_few_equal_skus_join_and_say_where_the_names_have_no_word_in_common():
    found = joined(("shop", "S1", "Breakfast tea", None, None, "x1"), ("till", "T1", "Frühstück", None, None, "X1"))
    assert len({row["product_key"] for row in found}) == 1
    assert all("no word in common" in row["problem"] for row in found)


def test_a_brand_that_says_which_of_two_keeps_them_apart():
    rows = [("a", "1", "Tea", "Acme"), ("b", "1", "Tea", "Finch"), ("c", "1", "Tea"), ("d", "1", "Tea", "acme")]
    assert groups(*rows) == [["a|1", "d|1"]]


def test_the_most_trusted_system_gives_the_key():
    rows = [("till", "T1", "Tee", None, TEA), ("shop", "S1", "Tea", None, TEA)]
    for trust, first in ((("shop", "till"), "shop"), (("till", "shop"), "till")):
        found = {row["system"]: row for row in joined(*rows, trust=trust)}
        assert {row["product_key"] for row in found.values()} == {found[first]["source_product_key"]}
        assert found[first]["source_rank"] == 1
        assert found["till"]["joined_value"] == f"0{TEA}"


def test_what_is_decided_by_hand_counts_more_than_any_rule():
    rows = [("shop", "1", "Tea", "A", TEA), ("till", "2", "Tee", "B", MUG), ("web", "3", "Thé", None, MUG)]
    link = Overrides(link=(Link(records=("shop|1", "till|2")),))
    assert groups(*rows, overrides=link) == [["shop|1", "till|2", "web|3"]]
    assert {row["joined_by"] for row in joined(*rows, overrides=link)} == {"override", "ean"}
    unlink = Overrides(unlink=(Unlink(groups=(("till|2",), ("web|3",))),))
    assert groups(*rows) == [["till|2", "web|3"]]
    assert groups(*rows, overrides=unlink) == []


def test_a_product_that_nobody_delivers_is_named():
    named = Overrides(link=(Link(records=("shop|1", "shop|none")),))
    with staged(("shop", "1", "Tea")) as con:
        assert unknown_products(con, named) == ["shop|none"]
        assert resolve_products(con, (), named)["joined_by"].to_pylist() == ["alone"]


def test_no_products_make_an_empty_map():
    assert joined() == []


def test_the_result_does_not_depend_on_the_order_of_rows():
    both = [(system, number) for number in range(30) for system in ("shop", "till")]
    rows = [(system, f"{system}{number}", f"Thing {number}", None, None, f"s{number}") for system, number in both]
    without_keys = [
        [(row["system"], row["product_id"], row["joined_by"], row["joined_value"], row["source_rank"]) for row in found]
        for found in (joined(*rows), joined(*reversed(rows)))
    ]
    assert without_keys[0] == without_keys[1]
