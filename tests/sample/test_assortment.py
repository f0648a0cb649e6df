"""One assortment, written by two systems in their own ways."""

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from crm_pipeline.identity.products import resolve_products
from crm_pipeline.sample.assortment import TILL_ROOM, make_assortment


@pytest.fixture(scope="module")
def products():
    return make_assortment(np.random.default_rng(1))


def test_till_and_shop_write_hardly_a_product_the_same_way(products):
    till, shop = products["till_name"].str.lower(), products["shop_name"].str.lower()
    assert (till == shop).mean() < 0.1
    assert products["till_name"].str.len().max() <= TILL_ROOM
    for column in ("till_id", "till_name", "shop_id", "shop_name"):
        assert products[column].is_unique, column
    assert products["till_maker"].nunique() > 4


def test_the_truth_says_which_products_are_one(landing):
    told = landing.truth("products").astype(str)
    articles, catalogue = landing.table("articles_*.csv.gz"), landing.table("catalogue_*.csv.gz")
    assert told["till_id"].tolist() == articles["article"].tolist()
    assert told["till_name"].tolist() == articles["text"].tolist()
    assert told["shop_id"].tolist() == catalogue["sku"].tolist()
    assert told["shop_name"].tolist() == catalogue["title"].tolist()


def test_the_mapping_knows_each_group_of_the_till(products, landing):
    mapping = yaml.safe_load((landing.folder / "pipeline.yml").read_text())
    (source,) = [source for source in mapping["sources"] if source["name"] == "till_articles"]
    groups = products[["till_group", "category_path"]].drop_duplicates()
    for group, path in groups.itertuples(index=False):
        assert f"when '{group}' then '{path}'" in source["columns"]["category_path"]["sql"]
    assert len(groups) == 10


def test_the_bar_codes_say_which_products_are_one(landing):
    told = landing.truth("products").astype(str)
    articles, catalogue = (
        landing.table("articles_*.csv.gz").rename(columns={"article": "product_id", "text": "product_name"}),
        landing.table("catalogue_*.csv.gz").rename(
            columns={"sku": "product_id", "title": "product_name", "barcode": "ean"}
        ),
    )
    listed = pd.concat([articles.assign(system="till"), catalogue.assign(system="shop")], ignore_index=True).astype(str)
    listed = listed.assign(product_key=np.arange(len(listed)), sku=None, brand=None, is_listed=True)
    with duckdb.connect() as con:
        con.execute("create schema staging")
        con.execute("create table staging.stg_products as from listed")
        found = resolve_products(con, ["shop", "till"]).to_pandas()
    pairs = found.pivot_table(index="product_key", columns="system", values="product_id", aggfunc="first")
    assert set(zip(pairs["till"], pairs["shop"], strict=True)) == set(
        zip(told["till_id"], told["shop_id"], strict=True)
    )
    assert found["joined_by"].value_counts().to_dict() == {"ean": 216, "sku": 24}
