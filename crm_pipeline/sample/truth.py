"""The truth as tables, for whoever measures what the pipeline makes of the files."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample import programme
from crm_pipeline.sample.campaigns import effects
from crm_pipeline.sample.channels import paths
from crm_pipeline.sample.character import TASTES
from crm_pipeline.sample.tables import calendar_dates
from crm_pipeline.sample.world import World

#: Those that hold rows of people or files; what they say of parts adds up by writing one below the other.
TRUTH_TABLES = ("records", "people", "dirt", "products", "paths", "causes")
_NAMES = [
    "person", "household", "in_till", "in_shop", "country", "script", "language", "persona", "acquisition", "referrer",
]  # fmt: skip
_WISHES = ["consent_email", "consent_phone", "consent_post"]
_LATENT = [
    "satisfaction", "price_sensitivity", "service_sensitivity", "responsiveness", "engagement", "purchase_rate",
    "dropout_probability", "mean_spend", "return_share", "web_share", *TASTES,
]  # fmt: skip


def truth_tables(world: World, records: pd.DataFrame, faults: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return `TRUTH_TABLES` by name, those of a part like those of a whole company."""
    told = (_products(world), paths.truth(world), _causes(world))
    return dict(zip(TRUTH_TABLES, (records, _people(world), faults, *told), strict=True))


def effect_sums(world: World) -> pd.DataFrame:
    """Return what each campaign did to the people of a part; the sums of parts add up."""
    return effects(world.campaigns, world.contacts, _margin_by_campaign(world))


def per_person(sums: pd.DataFrame) -> pd.DataFrame:
    """Turn the sums of `campaigns.effects` into the true effect on one treated person, the margin in pounds."""
    treated = sums["treated"].clip(lower=1)
    return pd.DataFrame(
        {
            "campaign_id": sums["campaign_id"],
            "control_share": sums["control_share"],
            "treated": sums["treated"],
            "control": sums["control"],
            "extra_orders": (sums["extra_orders"] / treated).round(6),
            "extra_margin": (sums["extra_margin"] / 100 / treated).round(6),
            "is_broken": sums["is_broken"],
        }
    )


def _margin_by_campaign(world: World) -> NDArray[np.int64]:
    """Return the margin in pence, without tax and shipping, of the orders caused by each campaign, returns netted."""
    orders, lines = world.purchases.orders, world.purchases.lines
    cost = world.products["cost"].to_numpy()[lines["product"].to_numpy()] * lines["quantity"]
    of_lines = np.bincount(lines["order"], weights=lines["net"] - cost, minlength=len(orders))
    margin = of_lines - orders["discount"] - orders["refunded"]
    signed = margin * orders["status"].map({"completed": 1, "returned": -1, "cancelled": 0})
    caused = (orders["campaign"] >= 0).to_numpy()
    return np.bincount(orders["campaign"][caused], weights=signed[caused], minlength=len(world.campaigns)).astype(
        np.int64
    )


def _people(world: World) -> pd.DataFrame:
    people = world.people
    truth = people[_NAMES].copy()
    truth["first_purchase_on"] = calendar_dates(np.floor(people["first_day"]).astype(int))
    truth["left_on"] = pd.Series(calendar_dates(people["left_day"])).where(people["left_day"] >= 0)
    truth["alive_at_end"] = people["left_day"] < 0
    # Four digits are enough to learn from, and the last bits of a float differ between machines.
    return truth.join(people[_WISHES]).join(people[_LATENT].round(4))


def _products(world: World) -> pd.DataFrame:
    """Return which of the systems' products are one; the first part of the company tells it for all."""
    told = world.products[["name", "brand", "category_path", "till_id", "till_name", "shop_id", "shop_name"]]
    return told if world.part == 0 else told.head(0)


def _causes(world: World) -> pd.DataFrame:
    """Return the orders that exist only through something, and what: a campaign's id, the programme, a promotion."""
    orders = world.purchases.orders
    caused = orders[(orders["cause"] != "") & (orders["original"] < 0)]
    by_campaign = world.campaigns.set_index("campaign")["campaign_id"].reindex(caused["campaign"]).to_numpy()
    named = caused["cause"].map({"programme": programme.NAME, "promotion": "promotion"})
    name = np.where(caused["cause"] == "campaign", by_campaign, named)
    return caused[["order_id", "person"]].assign(cause=caused["cause"], name=name)
