"""What the step says of planted experiments, beside what is true of the invented companies in which they ran."""

import numpy as np
import pyarrow as pa
import pytest

from crm_pipeline.sample.calendar import FIRST_DAY
from crm_pipeline.sample.company import make_company
from crm_pipeline.sample.truth import effect_sums, per_person
from crm_pipeline.sample.world import World
from crm_pipeline.scoring.contacts.experiment_results import results
from tests.scoring import mailings

PEOPLE, SEEDS = 3_000, (5, 6, 7)
KINDS = [f"{measure}_{kind}" for measure in ("margin", "orders") for kind in ("effect", "cuped_effect")]


def warehouse(world: World):
    """A company as it really is: its campaigns, whom they drew, and the orders of everybody."""
    connection = mailings.empty()
    for table, rows in (("fct_orders", orders(world)), ("fct_campaign_contacts", contacts(world))):
        connection.register("arrived", rows)
        connection.execute(f"insert into customer.{table} by name select * from arrived")
        connection.unregister("arrived")
    names = ["campaign", "campaign_id", "name", "medium", "experiment"]
    mailings.fill(connection, "customer.dim_campaigns", [*world.campaigns[names].itertuples(index=False, name=None)])
    return connection


def orders(world: World) -> pa.Table:
    sold, lines = world.purchases.orders, world.purchases.lines
    cost = world.products["cost"].to_numpy()[lines["product"].to_numpy()] * lines["quantity"]
    margin = np.bincount(lines["order"], weights=lines["net"] - cost, minlength=len(sold)) - sold["discount"]
    sign = sold["status"].map({"completed": 1, "returned": -1, "cancelled": 0})
    refunded_on = np.where(sold["refunded"] > 0, FIRST_DAY + sold["refunded_day"].to_numpy(), np.datetime64("NaT"))
    return pa.table({
        "customer_key": sold["person"].to_numpy(),
        "ordered_on": FIRST_DAY + sold["day"].to_numpy(),
        "is_counted": sign.to_numpy() == 1,
        "margin": ((margin - sold["refunded"]) * sign / 100).to_numpy().round(2),
        "refunded_margin": (sold["refunded"] / 100).to_numpy(),
        "refunded_on": refunded_on,
    })  # fmt: skip


def contacts(world: World) -> pa.Table:
    drawn = world.contacts
    return pa.table({
        "customer_key": drawn["person"].to_numpy(),
        "campaign_key": drawn["campaign"].to_numpy(),
        "variant": drawn["variant"].tolist(),
        "assigned_on": FIRST_DAY + drawn["day"].to_numpy(),
    })  # fmt: skip


@pytest.fixture(scope="module")
def experiments():
    """What is true of each planted experiment of three companies, and what the step says of it."""
    pairs = []
    for seed in SEEDS:
        world = make_company(PEOPLE, seed).world
        shares = dict(zip(world.campaigns["experiment"], world.campaigns["control_share"], strict=True))
        truth = per_person(effect_sums(world)).to_dict("records")
        found = results(warehouse(world), mailings.AS_OF, 30, shares).to_pylist()
        # The newest one has days to come in which people may answer.
        assert [truth[row["campaign_key"]]["campaign_id"] for row in found if row["status"] == "running"] == ["C2603"]
        pairs += [(truth[row["campaign_key"]], row) for row in found if row["status"] != "running"]
    return pairs


def covered(pairs, kind):
    """Whether the true effect lies in its 95 % interval, experiment by experiment."""
    measure = kind.split("_")[0]
    return [row[f"{kind}_lower"] <= true[f"extra_{measure}"] <= row[f"{kind}_upper"] for true, row in pairs]


def test_the_broken_experiment_is_found_and_no_other(experiments):
    assert len(experiments) == 9 * len(SEEDS)
    said = {(true["campaign_id"], row["status"] == "broken") for true, row in experiments}
    assert said == {(true["campaign_id"], true["is_broken"]) for true, _ in experiments}


@pytest.mark.parametrize("kind", KINDS)
def test_the_true_effect_lies_in_its_interval(experiments, kind):
    sound = [(true, row) for true, row in experiments if not true["is_broken"]]
    assert len(sound) >= 20
    assert np.mean(covered(sound, kind)) >= 0.9


@pytest.mark.parametrize("measure", ["margin", "orders"])
def test_the_days_before_make_intervals_narrower(experiments, measure):
    reductions = [row[f"{measure}_variance_reduction"] for true, row in experiments if not true["is_broken"]]
    assert min(reductions) > -0.05
    assert np.mean(reductions) > 0.1


def test_a_strong_effect_is_conclusive_and_none_is_not(experiments):
    strong = [row["orders_cuped_effect_lower"] > 0 for true, row in experiments if true["extra_orders"] > 0.15]
    assert np.mean(strong) > 0.8
    none = [row["status"] for true, row in experiments if true["extra_orders"] == 0]
    # One in twenty is conclusive by chance.
    assert len(none) == len(SEEDS)
    assert none.count("inconclusive") >= len(SEEDS) - 1
