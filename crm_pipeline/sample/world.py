"""The invented company as it really is: what the channels' writers see, before any system writes it down."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crm_pipeline.sample.purchases import Purchases


@dataclass(frozen=True)
class World:
    """The truth about a part of the people (all of them, unless the company is made in parts).

    Day numbers count from `calendar.FIRST_DAY`; minutes count from midnight in the business time zone; money is in
    whole pence. `person` is a number unique in the company; other columns that end in no unit are names or flags.
    The persons of a part are numbered without gaps, so that `rows` finds them in `people`. Numbers of orders are rows
    of `purchases.orders` of this part; ids (order_id, source_id, card_no, case) are unique in the company.

    Attributes:
        part: number of this part of the company, from 0.
        people: one row per person, the columns that `people.make_people` documents, and left_day.
        products: one row per product, as `assortment.make_assortment` makes them.
        purchases: all orders and lines. Beside what `Purchases` documents, an order has order_id (its id in the till's
            or the shop's files) and record (row of `members` for the till, of `accounts` for web and app; -1 for
            nobody known).
        service: one row per service case: case, person, order (-1 for none), day, minute, category, contact_channel,
            is_bad, response_minutes, resolution_minutes, is_reopened. A bad case raises the person's chance to leave.
        campaigns: one row per campaign of the company: campaign (number), campaign_id, name, medium, objective,
            start_day, end_day, control_share, experiment, cost, cost_per_contact, coupon, is_broken.
        contacts: one row per person and campaign: campaign, person, day, minute, variant (treatment, control),
            extra_orders (how many orders exist only because of the contact).
        members: the till's loyalty programme: source_id, card_no, person, joined_day and what the till holds.
        accounts: the web shop's accounts: source_id, person, registered_day and what the shop holds.
        parts: how many parts the company has.
    """

    part: int
    people: pd.DataFrame
    products: pd.DataFrame
    purchases: Purchases
    service: pd.DataFrame
    campaigns: pd.DataFrame
    contacts: pd.DataFrame
    members: pd.DataFrame
    accounts: pd.DataFrame
    parts: int = 1

    def rows(self, person: ArrayLike) -> NDArray[np.int64]:
        """Return the rows of `people` that these persons have."""
        return np.asarray(person, dtype=np.int64) - int(self.people["person"].iloc[0])
