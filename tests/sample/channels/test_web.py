"""Web sessions and events against the orders and people behind them."""

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, FULL_DAYS, ZONE
from crm_pipeline.sample.channels import web
from crm_pipeline.sample.channels.moments import DAY
from crm_pipeline.sample.channels.sessions import make_sessions
from crm_pipeline.sample.world import World


@pytest.fixture(scope="module")
def sessions(world: World) -> pd.DataFrame:
    return make_sessions(world, np.random.default_rng(1))


@pytest.fixture(scope="module")
def events(world: World) -> pd.DataFrame:
    rows = pd.concat([file.rows for file in web.files(world, np.random.default_rng(1))], ignore_index=True)
    return rows.sort_values("occurred_at", kind="stable", ignore_index=True)


def test_after_leaving_there_is_hardly_a_session(world: World, sessions: pd.DataFrame) -> None:
    people = world.people[world.people["in_shop"] & world.people["left_day"].between(200, FULL_DAYS - 200)]
    left = sessions["person"].map(people.set_index("person")["left_day"]).dropna()
    day = sessions["start"].loc[left.index] / DAY
    after = (day > left + 1).sum() / (DAYS - people["left_day"]).sum()
    before = (day <= left + 1).sum() / (people["left_day"] - people["first_day"]).sum()
    assert 0 < after < 0.05 * before


def test_sessions_without_an_order_fade_before_leaving(world: World, sessions: pd.DataFrame) -> None:
    people = world.people[world.people["left_day"] - world.people["first_day"] > 200].set_index("person")
    browsing = sessions[(sessions["kind"] == "browsing") & (sessions["source"] == "")]
    to_go = browsing["person"].map(people["left_day"]).dropna() - browsing["start"] / DAY
    assert to_go.between(0, 25).sum() < 0.5 * to_go.between(100, 125).sum()


def test_engaged_people_come_more_often(world: World, sessions: pd.DataFrame) -> None:
    people = world.people[world.people["in_shop"]]
    counts = (
        sessions.loc[sessions["kind"] == "browsing", "person"].value_counts().reindex(people["person"], fill_value=0)
    )
    keen = (people["engagement"] > people["engagement"].median()).to_numpy()
    assert counts[keen].mean() > 1.5 * counts[~keen].mean()


def test_a_purchase_happens_at_the_minute_of_its_order(world: World, events: pd.DataFrame) -> None:
    bought = events[events["event"] == "purchase"].set_index("order_id")["occurred_at"]
    orders = world.purchases.orders[world.purchases.orders["sales_channel"] != "till"].set_index("order_id")
    assert bought.index.is_unique
    assert 0.32 < len(bought) / len(orders) < 0.52, "who refuses tracking is not seen"
    start = datetime.fromisoformat(str(FIRST_DAY)).replace(tzinfo=ZONE)
    for order_id, moment in bought.items():
        placed = orders.loc[order_id]
        # Arithmetic on a zone's own clock: the wall clock goes on, whatever its offset.
        clock = start + timedelta(days=int(placed["day"]), minutes=int(placed["minute"]))
        assert moment.timestamp() == clock.timestamp()


def test_nobody_is_known_before_the_login(events: pd.DataFrame) -> None:
    web_events = events[events["session_id"].notna()]
    login = web_events[web_events["event"] == "login"].set_index("session_id")["occurred_at"]
    with_login = web_events[web_events["session_id"].isin(login.index)]
    before = with_login["occurred_at"] < with_login["session_id"].map(login)
    assert before.any()
    assert (with_login["user_id"].notna() == ~before).all()
    people = web_events.groupby("session_id")["user_id"].nunique()
    assert set(people) == {0, 1}


def test_a_device_at_home_is_shared_and_a_person_has_several(world: World, sessions: pd.DataFrame) -> None:
    used = sessions.loc[sessions["kind"] != "stranger", ["person", "device"]].drop_duplicates()
    shared = used[used["device"].duplicated(keep=False)]
    household = shared["person"].map(world.people.set_index("person")["household"])
    assert len(shared)
    assert (household >= 0).all()
    assert len(set(zip(shared["device"], household, strict=True))) == len(set(shared["device"]))
    assert used["person"].duplicated().any()


def test_each_device_has_an_id_of_its_own_and_one_kind(sessions: pd.DataFrame, events: pd.DataFrame) -> None:
    ids = events.drop_duplicates("device_id")
    kinds = events.drop_duplicates(["device_id", "device"])
    assert len(ids) == len(kinds) == sessions["device"].nunique()


def test_a_source_stands_in_the_address_or_in_its_columns_never_in_both(events: pd.DataFrame) -> None:
    in_address = events["page"].str.contains("utm_source=", regex=False)
    in_columns = events["utm_source"].notna()
    assert in_address.sum() > 20
    assert in_columns.sum() > 20
    assert not (in_address & in_columns).any()
    assert set(events.loc[in_columns, "utm_medium"]) == {"cpc", "paid_social", "affiliate", "email"}


def test_a_click_in_a_mail_leads_to_a_session_of_its_campaign(world: World, sessions: pd.DataFrame) -> None:
    mailed = sessions[sessions["source"] == "mail"]
    assert len(mailed) > 5
    assert set(mailed["campaign"]) <= set(world.campaigns.loc[world.campaigns["medium"] == "email", "name"])


def test_the_app_sends_no_session_ids(events: pd.DataFrame) -> None:
    assert (events["session_id"].isna() == (events["platform"] == "app")).all()
    assert set(events.loc[events["platform"] == "app", "event"]) >= {"app_open", "purchase"}


def test_an_event_lasts_until_the_next_one_of_its_session(events: pd.DataFrame) -> None:
    in_session = events[events["session_id"].notna()].groupby("session_id")
    following = in_session["occurred_at"].shift(-1)
    expected = (following - events.loc[following.index, "occurred_at"]).dt.total_seconds()
    written = events.loc[following.index, "seconds"].astype("float64")
    pd.testing.assert_series_equal(written, expected, check_names=False)


STEPS = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")


def reached(events: pd.DataFrame) -> pd.DataFrame:
    """Which steps of the funnel each session of the shop's site took."""
    taken = pd.crosstab(events["session_id"], events["event"]) > 0
    return taken[list(STEPS)]


def test_no_session_buys_without_a_checkout_nor_checks_out_without_a_cart(events: pd.DataFrame) -> None:
    taken = reached(events)
    for before, after in pairwise(STEPS):
        assert (taken[before] | ~taken[after]).all(), after
    counts = events["event"].value_counts()
    assert (np.diff([counts[step] for step in STEPS]) < 0).all()


def test_most_visits_are_no_purchases_and_most_carts_are_left(events: pd.DataFrame) -> None:
    taken = reached(events).mean()
    assert 0.02 < taken["purchase"] < 0.1
    assert 0.6 < 1 - taken["purchase"] / taken["add_to_cart"] < 0.8
    assert 0.4 < taken["purchase"] / taken["checkout"] < 0.65


def test_strangers_never_log_in_and_share_no_device_with_customers(sessions: pd.DataFrame) -> None:
    strange = sessions["kind"] == "stranger"
    assert (sessions.loc[strange, ["person", "account", "order"]] == -1).all().all()
    assert set(sessions.loc[strange, "device"]).isdisjoint(sessions.loc[~strange, "device"])
    assert sessions.loc[strange, "device"].duplicated().any(), "some come again"
