"""What brings online orders, and the visits on the way to them."""

import numpy as np
import pandas as pd
import pytest

from crm_pipeline.sample.channels import paths
from crm_pipeline.sample.channels.moments import DAY
from crm_pipeline.sample.channels.sessions import make_sessions
from crm_pipeline.sample.world import World


@pytest.fixture(scope="module")
def visits(world: World) -> pd.DataFrame:
    return paths.visits(world)


@pytest.fixture(scope="module")
def brought(world: World) -> pd.DataFrame:
    return paths.brought_by(world)


def test_a_visit_on_a_path_comes_days_before_its_order(world: World, visits: pd.DataFrame) -> None:
    orders = world.purchases.orders.set_index("order")
    order = orders.loc[visits["order"]]
    assert (order["person"].to_numpy() == visits["person"]).all()
    assert (order["day"].to_numpy() - visits["day"]).between(1, paths.LONGEST_DAYS).all()


def test_many_orders_have_several_visits_by_different_ways(visits: pd.DataFrame, brought: pd.DataFrame) -> None:
    each = visits.groupby("order")["source"].agg(["size", "nunique"]).reindex(brought["order"], fill_value=0)
    assert 0.15 < (each["size"] >= 2).mean() < 0.6
    assert (each["nunique"] >= 2).mean() > 0.1


def test_an_advertisement_that_brought_an_order_is_on_its_path(
    world: World, visits: pd.DataFrame, brought: pd.DataFrame
) -> None:
    paid = brought[brought["brought_by"].isin(paths.PAID) & (brought["day"] > paths.LONGEST_DAYS)]
    assert len(paid) > 100
    last = paths.last_source(world).loc[paid["order"]].to_numpy()
    before = set(zip(visits["order"], visits["source"], strict=True))
    on_the_way = np.array([pair in before for pair in zip(paid["order"], paid["brought_by"], strict=True)])
    assert ((last == paid["brought_by"]) | on_the_way).all()
    assert 0.2 < (last == paid["brought_by"]).mean() < 0.6, "the last click is not what brought most"


def test_a_first_order_is_brought_by_what_won_its_person(world: World, brought: pd.DataFrame) -> None:
    first = brought[brought["is_first"]]
    won_by = first["person"].map(world.people.set_index("person")["acquisition"])
    assert len(first) > 100
    assert (first["brought_by"] == won_by).all()


def test_the_visits_of_people_who_accept_tracking_are_sessions(world: World, visits: pd.DataFrame) -> None:
    sessions = make_sessions(world, np.random.default_rng(1))
    seen = sessions[sessions["kind"] == "path"]
    tracked = set(world.people["person"][paths.tracked(world)])
    expected = visits[visits["person"].isin(tracked)]
    assert sorted(zip(seen["person"], seen["start"] // DAY, seen["source"], strict=True)) == sorted(
        zip(expected["person"], expected["day"], expected["source"], strict=True)
    )


def test_the_truth_tells_of_each_online_order_what_brought_it(world: World, brought: pd.DataFrame) -> None:
    told = paths.truth(world).set_index("order_id")
    orders = world.purchases.orders
    assert set(told.index) == set(orders.loc[orders["sales_channel"] != "till", "order_id"])
    assert told["brought_by"].tolist() == brought["brought_by"].tolist()
