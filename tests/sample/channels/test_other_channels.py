"""Posts, referrals, consents and advertising against the people behind them."""

import json

import numpy as np
import pandas as pd
import pytest

from crm_pipeline.sample.calendar import FULL_DAYS
from crm_pipeline.sample.channels import ads, bank, consent, refer, social
from crm_pipeline.sample.channels.moments import DAY, MISSING, seconds
from crm_pipeline.sample.rates import rate
from crm_pipeline.sample.world import World

from .conftest import make_world


@pytest.fixture(scope="module")
def mentions(world: World) -> pd.DataFrame:
    files = social.files(world, np.random.default_rng(1))
    return pd.DataFrame([json.loads(line) for file in files for line in file.lines()])


@pytest.fixture(scope="module")
def invitations(world: World) -> pd.DataFrame:
    return refer.invitations(world)


@pytest.fixture(scope="module")
def decisions(world: World) -> pd.DataFrame:
    return consent.decisions(world)


def test_customers_post_under_their_handle_and_strangers_too(world: World, mentions: pd.DataFrame) -> None:
    handles = mentions["network"] + ":" + mentions["author"]
    ours = handles.isin(set(world.people["social_handle"]))
    assert ours.sum() > 50
    assert (~ours).sum() > 5


def test_posts_are_as_content_as_their_author(world: World, mentions: pd.DataFrame) -> None:
    author = world.people.set_index("social_handle")["satisfaction"]
    content = (mentions["network"] + ":" + mentions["author"]).map(author.to_dict())
    stars = mentions["stars"]
    assert stars.dropna().between(1, 5).all()
    assert stars[content > 0.8].mean() > stars[content < 0.6].mean() + 0.5


def test_reviews_count_seconds_and_posts_write_the_time(mentions: pd.DataFrame) -> None:
    review = mentions["kind"] == "review"
    assert mentions.loc[review, "posted"].map(lambda value: isinstance(value, int)).all()
    assert mentions.loc[~review, "posted"].str.match(r"\d{4}-\d\d-\d\dT.*[+]0[01]:00$").all()
    assert (mentions["stars"].notna() == review).all()


def test_an_invitation_is_accepted_with_the_first_order(world: World, invitations: pd.DataFrame) -> None:
    accepted = invitations[invitations["accepted"] != MISSING]
    orders = world.purchases.orders
    first = pd.Series(seconds(orders["day"], orders["minute"])).groupby(orders["person"]).min()
    assert len(accepted) > 20
    assert (accepted["accepted"] == accepted["person"].map(first)).all()
    assert (accepted["invited"] < accepted["accepted"]).all()
    assert (accepted["reward"] == refer.REWARD).all()


def test_the_referrer_is_who_truly_brought_the_friend(world: World, invitations: pd.DataFrame) -> None:
    brought = invitations[invitations["person"] >= 0]
    truth = brought["person"].map(world.people.set_index("person")["referrer"])
    assert (world.accounts["person"].to_numpy()[brought["referrer"]] == truth).all()


def test_invitations_to_strangers_come_to_nothing(invitations: pd.DataFrame) -> None:
    strangers = invitations[invitations["person"] < 0]
    assert len(strangers) > 5
    assert (strangers["accepted"] == MISSING).all()
    assert (strangers["reward"] == 0).all()


@pytest.mark.parametrize("channel", ["email", "phone", "post"])
def test_the_last_decision_is_the_true_wish(world: World, decisions: pd.DataFrame, channel: str) -> None:
    mine = decisions[(decisions["purpose"] == "marketing") & (decisions["contact_channel"] == channel)]
    last = mine.groupby("person")["granted"].last()
    wish = world.people.set_index("person")[f"consent_{channel}"].loc[last.index]
    assert (last == wish).all()


def test_a_withdrawal_follows_a_consent_and_falls_on_its_day(world: World, decisions: pd.DataFrame) -> None:
    taken_back = decisions[decisions["origin"] == "unsubscribe link"]
    day = taken_back["person"].map(world.people.set_index("person")["consent_changed_day"])
    assert len(taken_back) > 5
    assert (taken_back["decided"] // DAY == day).all()
    first = decisions[decisions["contact_channel"] == "email"].groupby("person")["granted"].first()
    assert first.loc[taken_back["person"]].all()


def test_a_decision_names_the_account_or_the_address(decisions: pd.DataFrame) -> None:
    by_id = decisions["account"] >= 0
    assert (by_id ^ (decisions["email"] != "")).all()
    assert 0.1 < by_id.mean() < 0.6


@pytest.mark.parametrize(("channel", "pence"), [("search", 1900), ("social", 2600), ("affiliate", 1100)])
def test_spend_is_in_proportion_to_the_customers_that_it_buys(channel: str, pence: int) -> None:
    world = make_world(4000)
    spend = pd.concat([file.rows for file in ads.files(world, np.random.default_rng(1))])
    mine = spend[spend["Channel"] == channel]
    people = world.people[world.people["acquisition"] == channel]
    # What is spent on the first days' customers lies before the calendar.
    won = (people["first_day"] > 14).sum() + (people["first_day"] <= 14).sum() / 2
    assert mine["Spend"].sum() * 100 / won == pytest.approx(pence, rel=0.12)


def test_advertising_covers_every_full_day_of_every_campaign(world: World) -> None:
    spend = pd.concat([file.rows for file in ads.files(world, np.random.default_rng(1))])
    assert len(spend) == FULL_DAYS * len(ads.CAMPAIGNS)
    assert not spend.duplicated(["Date", "Campaign"]).any()
    assert (spend["Clicks"] <= spend["Impressions"]).all()


def test_the_bank_writes_the_rates_that_orders_use(world: World) -> None:
    rows = pd.concat([file.rows for file in bank.files(world, np.random.default_rng(1))])
    euro = rows[rows["currency"] == "EUR"]["gbp"].astype(float).to_numpy()
    assert np.array_equal(euro, rate("EUR", np.arange(len(euro))))
