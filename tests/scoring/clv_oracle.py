"""An oracle of lifetime value: it knows the invented company's calendar and each person's character, not the draws.

Buying follows what `crm_pipeline.sample.visits` documents: orders on a busy-weighted clock, orders of promotions, of
campaigns and of the programme; leaving after an order, or after a badly handled service case. The expected margin of
one order is the mean of many that the sample's own generator draws for the person.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_pipeline.sample import programme, service
from crm_pipeline.sample.assortment import make_assortment
from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, PROMOTIONS, day_weights
from crm_pipeline.sample.campaigns import REACH, make_campaigns
from crm_pipeline.sample.people import Part, make_people
from crm_pipeline.sample.purchases import Purchases, make_purchases
from crm_pipeline.sample.visits import PROMOTION_PULL, Visits, make_visits

ORDERS_PER_PERSON = 120
CANCELLED_WEB, CANCELLED_STORE = 0.03, 0.005
_CONSENT = {"email": "consent_email", "sms": "consent_phone", "post": "consent_post"}


@dataclass(frozen=True)
class Company:
    """People with their latent character (and left_day), and what they bought."""

    people: pd.DataFrame
    products: pd.DataFrame
    campaigns: pd.DataFrame
    purchases: Purchases


def make(people: int, seed: int) -> Company:
    """Return an invented company before any system writes it down."""
    rng = np.random.default_rng([seed, 1])
    products, campaigns = make_assortment(rng), make_campaigns()
    visits = make_visits(make_people(people, rng, Part()), campaigns, rng)
    return Company(
        visits.people.reset_index(drop=True), products, campaigns, make_purchases(visits, products, campaigns, rng)[0]
    )


def margins(purchases: Purchases, products: pd.DataFrame) -> np.ndarray:
    """Return the margin of each order in pence: lines less coupon less cost; returns are negative, cancelled 0."""
    lines, orders = purchases.lines, purchases.orders
    cost = products["cost"].to_numpy()[lines["product"].to_numpy()] * lines["quantity"].to_numpy()
    of_lines = np.bincount(lines["order"], weights=lines["net"].to_numpy() - cost, minlength=len(orders))
    sign = orders["status"].map({"completed": 1, "returned": -1, "cancelled": 0}).to_numpy()
    return sign * (of_lines - orders["discount"].to_numpy())


def order_table(company: Company) -> pa.Table:
    """Return the company's orders in the shape of customer.fct_orders; the key of a person is their number plus 1."""
    orders = company.purchases.orders
    margin = margins(company.purchases, company.products) - orders["refunded"]
    revenue = (orders["net"] - orders["discount"] - orders["refunded"]) * orders["status"].map(
        {"completed": 1, "returned": -1, "cancelled": 0}
    )
    money = pa.decimal128(18, 2)
    day = FIRST_DAY + orders["day"].to_numpy()
    refunded = orders["refunded"].to_numpy() > 0
    return pa.table(
        {
            "order_key": pa.array(orders["order"].to_numpy(), pa.int64()),
            "customer_key": pa.array(orders["person"].to_numpy() + 1, pa.int64()),
            "ordered_on": pa.array(day.astype("datetime64[D]")),
            "is_counted": pa.array((orders["status"] == "completed").to_numpy()),
            "revenue": pa.array(np.round(revenue / 100, 2)).cast(money, safe=False),
            "margin": pa.array(np.round(margin / 100, 2)).cast(money, safe=False),
            "refunded_margin": pa.array(np.round(orders["refunded"].to_numpy() / 100, 2)).cast(money, safe=False),
            "refunded_on": pa.array(
                (FIRST_DAY + orders["refunded_day"].to_numpy()).astype("datetime64[D]"), mask=~refunded
            ),
        }
    )


def margin_per_order(company: Company, seed: int = 0) -> np.ndarray:
    """Return each person's expected margin of one order in pounds, returns and refunds netted."""
    rng = np.random.default_rng(seed)
    people = company.people
    person = np.repeat(np.arange(len(people)), ORDERS_PER_PERSON)
    web = rng.random(len(person)) < people["web_share"].to_numpy()[person]
    orders = pd.DataFrame(
        {
            "person": person,
            "day": rng.integers(0, DAYS - 60, len(person)),
            "campaign": -1,
            "sales_channel": np.where(web, "web", "till").astype(object),
            "minute": 600,
            "status": "completed",
            "order": np.arange(len(person)),
        }
    )
    nothing = pd.DataFrame()
    drawn, _ = make_purchases(Visits(people, orders, nothing, nothing), company.products, company.campaigns, rng)
    margin = margins(drawn, company.products) - drawn.orders["refunded"].to_numpy()
    total = np.bincount(drawn.orders["person"], weights=margin, minlength=len(people))
    share = people["web_share"].to_numpy()
    return total / ORDERS_PER_PERSON / 100 * (1 - share * CANCELLED_WEB - (1 - share) * CANCELLED_STORE)


@dataclass(frozen=True)
class Oracle:
    """Expected margins of the people of a company, row by row."""

    people: pd.DataFrame
    campaigns: pd.DataFrame
    margin: np.ndarray

    def leaving_after_case(self) -> np.ndarray:
        sensitivity = self.people["service_sensitivity"].to_numpy()
        return service.BAD_SHARE * (service.LEAVING + service.LEAVING_SENSITIVE * sensitivity)

    def leaving(self) -> np.ndarray:
        """The chance to leave with an order: by oneself, or after a case about it."""
        web = self.people["web_share"].to_numpy()
        case = web * service.ONLINE_SHARE + (1 - web) * service.STORE_SHARE
        stays = (1 - self.people["dropout_probability"].to_numpy()) * (1 - case * self.leaving_after_case())
        return 1 - stays

    def asking(self) -> np.ndarray:
        """The daily chance to leave after a question."""
        span = np.maximum(DAYS - 1 - self.people["first_day"].to_numpy(), 1.0)
        return service.QUESTIONS_PER_PERSON / span * self.leaving_after_case()

    def orders_until(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Expected number of base and promotion orders of one who is alive, between two day numbers."""
        busy = np.concatenate([[0.0], np.cumsum(day_weights())])
        base = np.interp(end, np.arange(len(busy)), busy) - np.interp(start, np.arange(len(busy)), busy)
        begun = int((programme.STARTS - FIRST_DAY).astype(int))
        visits = np.interp(np.maximum(end, begun), np.arange(len(busy)), busy)
        visits = self.programme() * (visits - np.interp(np.maximum(start, begun), np.arange(len(busy)), busy))
        pull = PROMOTION_PULL * self.people["price_sensitivity"].to_numpy()
        promotion = sum(np.clip(np.minimum(end, a + n) - np.maximum(start, a), 0, None) for a, n in PROMOTIONS)
        return self.people["purchase_rate"].to_numpy() * (base + pull * promotion) + visits

    def programme(self) -> np.ndarray:
        """Orders per busy-weighted day that the programme brings, once it has begun."""
        here = self.people["in_till"].to_numpy() & self.people["store"].isin(programme.STORES).to_numpy()
        return (
            self.people["purchase_rate"].to_numpy() * (1 - self.people["web_share"].to_numpy()) * programme.LIFT * here
        )

    def p_alive(self, last: np.ndarray, cutoff: int) -> np.ndarray:
        """P(alive at the end of the cutoff | day of the last order), by Bayes' rule with known parameters."""
        leaving = self.leaving()
        silent = np.exp(-self.orders_until(last + 1.0, np.full(len(last), cutoff + 1.0)))
        # An order in a promotion week may be one of those that nobody leaves after.
        in_promotion = np.any([(last >= a) & (last < a + n) for a, n in PROMOTIONS], axis=0)
        pull = PROMOTION_PULL * self.people["price_sensitivity"].to_numpy()
        busy = day_weights()[np.clip(last, 0, DAYS - 1).astype(int)]
        leaving = np.where(in_promotion, leaving * busy / (busy + pull), leaving)
        asked = np.exp(-self.asking() * (cutoff - last))
        return (1 - leaving) * silent * asked / ((1 - leaving) * (silent * asked + (1 - asked)) + leaving)

    def expected(self, alive: np.ndarray, cutoff: int, days: int) -> np.ndarray:
        """Expected margin of the days after the cutoff."""
        weights = day_weights()[cutoff + 1 : cutoff + 1 + days]
        rate, leaving, asking = self.people["purchase_rate"].to_numpy(), self.leaving(), self.asking()
        pull = PROMOTION_PULL * self.people["price_sensitivity"].to_numpy()
        total, alive = np.zeros(len(rate)), alive.copy()
        extra = self.campaign_orders()
        for day, weight in enumerate(weights, start=cutoff + 1):
            promotion = any(a <= day < a + n for a, n in PROMOTIONS)
            visits = self.programme() * weight * (day >= (programme.STARTS - FIRST_DAY).astype(int))
            total += alive * (rate * weight + rate * pull * promotion + visits + extra[:, day])
            alive *= np.exp(-rate * weight * leaving - asking)
        return total * self.margin

    def campaign_orders(self) -> np.ndarray:
        """Expected extra orders of each person on each day through campaigns, while alive."""
        table = np.zeros((len(self.people), DAYS))
        for campaign in self.campaigns.to_dict("records"):
            start = campaign["start_day"]
            agreed = self.people[_CONSENT[campaign["medium"]]].to_numpy() & (self.people["first_day"] < start - 1)
            mean = REACH * campaign["strength"] * (1 - campaign["control_share"]) * self.people["responsiveness"]
            table[:, start : start + 22] += (agreed * mean).to_numpy()[:, None] / 22
        return table


def last_order_day(company: Company, cutoff: int) -> np.ndarray:
    """Return the day number of each person's last order up to the cutoff, 0 for none; cancelled orders count."""
    orders = company.purchases.orders
    seen = orders[(orders["day"] <= cutoff) & (orders["status"] != "returned")]
    last = np.zeros(len(company.people))
    np.maximum.at(last, seen["person"].to_numpy(), seen["day"].to_numpy())
    return last
