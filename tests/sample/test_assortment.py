"""One assortment, written by two systems in their own ways."""

import numpy as np
import pytest
import yaml

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
