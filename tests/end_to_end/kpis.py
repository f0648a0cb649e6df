"""Every KPI of the scorecard a second time, in pandas, straight from the facts; nothing here reads a mart.

A computation gives its value per (month, dimension, dimension value), for the slices in which there is anything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
import pandas as pd

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import Settings

Cell = tuple[date, str, str]
Values = dict[Cell, float]
ALL = ("all", "all")
DIMENSIONS = ("sales_channel", "contact_channel", "medium", "platform", "segment")


@dataclass(frozen=True)
class Facts:
    """Tables of the stage customer, and what scoring says of people, as frames."""

    settings: Settings

    @cached_property
    def con(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.settings.warehouse), read_only=True)

    @cached_property
    def business(self):
        return load_dataset(self.settings.dataset_folder).business

    @cached_property
    def as_of(self) -> pd.Timestamp:
        return pd.Timestamp(self.con.execute("select max(as_of_date) from features.as_of_dates").fetchall()[0][0])

    def scores(self, table: str) -> pd.DataFrame:
        frame = self.con.sql(f"from read_parquet('{self.settings.lake}/scoring/{table}/*.parquet')").df()
        return frame[pd.to_datetime(frame["as_of_date"]) <= self.as_of]

    @cached_property
    def segments(self) -> pd.Series:
        rfm = self.scores("rfm")
        return rfm[pd.to_datetime(rfm["as_of_date"]) == self.as_of].set_index("customer_key")["rfm_segment"]

    def table(self, name: str, day: str, person: str | None = "customer_key") -> pd.DataFrame:
        """A fact with its month, the dimensions that it knows, and the segment."""
        return self.sliced(self.con.sql(f"from customer.{name}").df(), day, person)

    def sliced(self, frame: pd.DataFrame, day: str, person: str | None = "customer_key") -> pd.DataFrame:
        frame = frame[frame[day].notna()].copy()
        frame["month"] = pd.to_datetime(frame[day]).dt.to_period("M")
        if person:
            segments = frame[person].map(self.segments).fillna("no_recent_order")
            frame["segment"] = segments.mask(frame[person].isna(), "unknown")
        known = [name for name in DIMENSIONS if name in frame]
        return frame.assign(**{name: frame[name].fillna("unknown") for name in known})

    @cached_property
    def orders(self) -> pd.DataFrame:
        return self.table("fct_orders", "ordered_on")

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """Counted orders of known people, each with the month of the person's first."""
        placed = self.orders[self.orders["is_counted"] & self.orders["customer_key"].notna()]
        placed = placed.sort_values(["ordered_at", "sales_channel"])
        return placed.assign(first_month=placed.groupby("customer_key")["month"].transform("min"))

    @cached_property
    def first_purchases(self) -> pd.DataFrame:
        return self.purchases.drop_duplicates("customer_key")

    @cached_property
    def tickets(self) -> pd.DataFrame:
        return self.table("fct_support_tickets", "opened_on")

    @cached_property
    def answers(self) -> pd.DataFrame:
        answers = self.table("fct_survey_responses", "answered_on")
        return answers[answers["score"].between(answers["scale_minimum"], answers["scale_maximum"])]

    @cached_property
    def visits(self) -> pd.DataFrame:
        visits = self.table("fct_web_sessions", "started_on")
        return visits.assign(seconds=(visits["ended_at"] - visits["started_at"]).dt.total_seconds() // 1)

    @cached_property
    def interactions(self) -> pd.DataFrame:
        touchpoints = self.table("fct_touchpoints", "occurred_on")
        with_an_order = touchpoints["kind"].isin(["loyalty_earn", "payment", "payment_failed"])
        return touchpoints[(touchpoints["direction"] == "inbound") & ~with_an_order]

    @cached_property
    def emails(self) -> pd.DataFrame:
        contacts = self.table("fct_campaign_contacts", "sent_on")
        return contacts[(contacts["contact_channel"] == "email") & contacts["bounced_at"].isna()]

    @cached_property
    def invitations(self) -> pd.DataFrame:
        return self.table("fct_referrals", "invited_on", person="referrer_customer_key")

    @cached_property
    def months(self) -> pd.PeriodIndex:
        return pd.period_range(self.orders["month"].min(), self.as_of.to_period("M"), freq="M")


def slices(frame: pd.DataFrame) -> Iterator[tuple[Cell, pd.DataFrame]]:
    """The rows of each month, and of each month and value of a dimension."""
    for month, rows in frame.groupby("month"):
        yield cell(month), rows
        for dimension in {*DIMENSIONS} & {*frame.columns}:
            for value, part in rows.groupby(dimension):
                yield cell(month, dimension, value), part


def cell(month: pd.Period, dimension: str = "all", value: str = "all") -> Cell:
    return month.start_time.date(), dimension, value


def each(frame: pd.DataFrame, value: Callable[[pd.DataFrame], float]) -> Values:
    return {where: float(value(rows)) for where, rows in slices(frame)}


def share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def quotient(parts: Values, wholes: Values) -> Values:
    """Parts by wholes; where a whole has no part, that part is none from the first month on that knows of any."""
    start = min((month for month, *_ in parts), default=None)
    return {
        where: share(parts.get(where, 0), whole)
        for where, whole in wholes.items()
        if where in parts or (start is not None and where[0] >= start)
    }


def retention(facts: Facts) -> Values:
    buyers = {
        where: set(rows["customer_key"]) for where, rows in slices(facts.purchases) if where[1] in ("all", "segment")
    }
    found = {}
    for month in facts.months:
        for dimension, value in {where[1:] for where in buyers}:
            before = buyers.get(cell(month - 1, dimension, value), set())
            now = buyers.get(cell(month, dimension, value), set())
            found[cell(month, dimension, value)] = share(len(before & now), len(before))
    return found


def lapsed(facts: Facts, month: pd.Period) -> pd.DataFrame:
    """Who had ordered by the end of the month, and whether longer ago than the churn horizon."""
    end = min(month.end_time.normalize(), facts.as_of)
    placed = facts.purchases[pd.to_datetime(facts.purchases["ordered_on"]) <= end]
    last = pd.to_datetime(placed.groupby("customer_key")["ordered_on"].max())
    people = pd.DataFrame({"lapsed": (end - last).dt.days > facts.business.churn_horizon_days})
    return people.assign(month=month, segment=people.index.map(facts.segments).fillna("no_recent_order"))


def churned_share(facts: Facts) -> Values:
    return each(pd.concat([lapsed(facts, month) for month in facts.months]), lambda rows: rows["lapsed"].mean())


def churn_rate(facts: Facts) -> Values:
    current = pd.concat([lapsed(facts, month - 1).assign(month=month) for month in facts.months[1:]])
    days = facts.purchases[["customer_key", "ordered_on"]].drop_duplicates().sort_values(["customer_key", "ordered_on"])
    days["ordered_on"] = pd.to_datetime(days["ordered_on"])
    gap = days.groupby("customer_key")["ordered_on"].shift(-1).fillna(pd.Timestamp.max.normalize()) - days["ordered_on"]
    days["lapsed_on"] = days["ordered_on"] + pd.Timedelta(days=facts.business.churn_horizon_days + 1)
    passed = (gap.dt.days > facts.business.churn_horizon_days) & (days["lapsed_on"] <= facts.as_of)
    lapses = each(facts.sliced(days[passed], "lapsed_on"), len)
    return {
        where: share(lapses.get(where, 0), count)
        for where, count in each(current, lambda rows: (~rows["lapsed"]).sum()).items()
    }


def referred(facts: Facts) -> Values:
    invited = facts.invitations.groupby("referred_customer_key")["invited_on"].min()
    came = facts.first_purchases["customer_key"].map(invited)
    return each(facts.first_purchases[pd.to_datetime(facts.first_purchases["ordered_on"]) >= came], len)


def costs(facts: Facts) -> pd.DataFrame:
    """Each cost of marketing with its month, and whether it was to win new customers."""
    campaigns = facts.table("dim_campaigns", "starts_on", person=None)
    contacts = facts.table("fct_campaign_contacts", "sent_on")
    objectives = facts.con.sql("from customer.dim_campaigns").df().set_index("campaign_key")["objective"]
    spend = facts.table("fct_ad_spend", "spend_on", person=None)
    parts = [
        pd.DataFrame({"month": spend["month"], "cost": spend["spend"], "wins": True}),
        pd.DataFrame(
            {"month": campaigns["month"], "cost": campaigns["cost"], "wins": campaigns["objective"] == "acquisition"}
        ),
        pd.DataFrame(
            {
                "month": contacts["month"],
                "cost": contacts["cost"],
                "wins": contacts["campaign_key"].map(objectives) == "acquisition",
            }
        ),
    ]
    return pd.concat(parts).dropna(subset=["cost"])


def total(frame: pd.DataFrame) -> Values:
    return each(frame[["month", "cost"]], lambda rows: round(rows["cost"].sum(), 2))


def service_costs(facts: Facts) -> pd.DataFrame:
    costs_of_tickets = facts.tickets["contact_channel"].map(facts.business.service_costs)
    return facts.tickets.assign(cost=costs_of_tickets.fillna(0))


def profit_contribution(facts: Facts) -> Values:
    marketing, served = total(costs(facts)), total(service_costs(facts))
    margins = each(facts.orders[["month", "margin"]], lambda rows: rows["margin"].sum())
    first = min((*marketing, *served))[0]
    return {
        where: margins.get(where, 0) - marketing.get(where, 0) - served.get(where, 0)
        for where in map(cell, facts.months)
        if where[0] >= first
    }


def lifetime_values(facts: Facts) -> pd.DataFrame:
    clv = facts.sliced(facts.scores("clv"), "as_of_date")
    return clv[clv["as_of_date"] == clv.groupby("month")["as_of_date"].transform("max")]


def campaign_returns(facts: Facts) -> pd.DataFrame:
    """Campaigns whose effect an experiment tells: the margin that they caused, and their cost."""
    results = facts.scores("experiment_results")
    results = results[pd.to_datetime(results["as_of_date"]) == facts.as_of].set_index("campaign_key")
    gain = results["people_treated"] * results["margin_cuped_effect"].fillna(results["margin_effect"])
    campaigns = facts.table("dim_campaigns", "starts_on", person=None).set_index("campaign_key")
    contacts = facts.con.sql("from customer.fct_campaign_contacts").df()
    spend = facts.con.sql("from customer.fct_ad_spend").df()
    contacted_control = contacts[(contacts["variant"] == "control") & contacts["sent_at"].notna()]["campaign_key"]
    cost = campaigns["cost"].add(contacts.groupby("campaign_key")["cost"].sum(), fill_value=0)
    cost = cost.add(spend.groupby("campaign_key")["spend"].sum(), fill_value=0)
    told = campaigns.assign(gain=gain.round(2), cost=cost.round(2)).dropna(subset=["gain", "cost"])
    return told[~told.index.isin(contacted_control)]
