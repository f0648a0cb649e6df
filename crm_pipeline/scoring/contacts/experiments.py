"""Past experiments: campaigns whose recipients were drawn at random, what was known of them, and what they then did.

A contact's features are those of the last as-of date before the day on which its recipient was drawn; its outcome is
what the recipient did from that day on, contacted or held out alike (intention to treat).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import chisquare

from crm_pipeline.scoring import features, sampling
from crm_pipeline.scoring.model import Floats, ScoringSettings
from crm_pipeline.scoring.orders import MOVEMENTS

BROKEN_BELOW = 0.001
"""A sample ratio less probable than this means that the groups were not drawn as planned (sample-ratio check)."""


@dataclass(frozen=True)
class Trial:
    """Contacts of experiments, one row per person and campaign, in the order of time, campaign and person.

    Attributes:
        keys: the person.
        campaigns: key of the campaign.
        channels: contact channel over which the campaign contacts.
        days: the day on which the recipient was drawn.
        treated: 1 for who was to be contacted, 0 for who was held out.
        share: share of the campaign's recipients who were to be contacted.
        margin: margin of the recipient's orders, returns and refunds in the response days from `days` on.
        orders: counted orders in the same days.
        features: what was known the day before, NaN where unknown, columns as in `names`.
    """

    keys: npt.NDArray[np.int64]
    campaigns: npt.NDArray[np.int64]
    channels: npt.NDArray[np.str_]
    days: npt.NDArray[np.datetime64]
    treated: Floats
    share: Floats
    margin: Floats
    orders: Floats
    features: Floats
    names: tuple[str, ...]

    def where(self, mask: npt.NDArray[np.bool_]) -> "Trial":
        """Return the rows that a mask selects."""
        rows = {name: values[mask] for name, values in vars(self).items() if name != "names"}
        return replace(self, **rows)

    def __len__(self) -> int:
        """Return the number of contacts."""
        return len(self.keys)


@dataclass(frozen=True)
class Campaign:
    """A campaign of an experiment, as it was drawn by the as-of date; `fault` says why nothing is learned from it."""

    key: int
    name: str
    experiment: str
    contact_channel: str
    treated: int
    held_out: int
    fault: str | None


def sample_ratio_p(treated: int, held_out: int, control_share: float) -> float:
    """Return how probable groups at least so far from the planned share are (chi-square test, 1 degree of freedom).

    See R. Kohavi, D. Tang, Y. Xu, Trustworthy Online Controlled Experiments, 2020, chapter 21.
    """
    total = treated + held_out
    expected = [total * (1 - control_share), total * control_share]
    return float(chisquare([treated, held_out], expected).pvalue)


def campaigns(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, control_shares: Mapping[str, float]
) -> list[Campaign]:
    """Return the campaigns that are part of an experiment and were drawn by the as-of date, by key.

    Their groups are counted in people; who is in both is in neither.
    """
    rows = connection.sql(
        """
        with drawn as (
            select customer_key, campaign_key, min(variant) as variant
            from customer.fct_campaign_contacts
            where customer_key is not null and assigned_on <= $as_of
            group by customer_key, campaign_key
            having count(distinct variant) = 1
        )
        select campaign_key, coalesce(any_value(campaigns.campaign_name), any_value(campaigns.campaign_id)),
            any_value(campaigns.experiment_name), any_value(campaigns.medium),
            count(*) filter (where drawn.variant = 'treatment'), count(*) filter (where drawn.variant = 'control')
        from drawn
        join customer.dim_campaigns as campaigns using (campaign_key)
        where campaigns.experiment_name is not null and campaigns.medium is not null
        group by campaign_key
        order by campaign_key
        """,
        params={"as_of": settings.as_of},
    ).fetchall()
    return [
        Campaign(key, name, kind, medium, treated, held_out, _fault(treated, held_out, control_shares.get(kind)))
        for key, name, kind, medium, treated, held_out in rows
    ]


def trial(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings, usable: list[Campaign], response_days: int
) -> Trial:
    """Return the contacts of these campaigns whose response days had passed by the as-of date.

    A person is left out of a campaign that both contacted them and held them out, under different records, and where
    nothing was known of them before. It is about people whose features are kept for all dates; beyond
    `settings.training_rows` a fixed share of them is taken.
    """
    names = features.feature_names(connection, settings.as_of)
    params = {
        "campaigns": [campaign.key for campaign in usable],
        "as_of": settings.as_of,
        "last_day": response_days - 1,
    }
    drawn = connection.sql(f"select count(*) from ({_DRAWN}) where $last_day >= 0", params=params).fetchall()[0][0]
    params["parts"] = sampling.parts(settings.training_rows, drawn)
    table = connection.sql(
        f"""
        with {MOVEMENTS},
        drawn as ({_DRAWN}),
        seen as (
            select drawn.*, (
                select max(as_of_date) from (select distinct as_of_date from {features.SAMPLE}) as grid
                where grid.as_of_date < drawn.assigned_on
            ) as as_of_date
            from drawn
            where {sampling.IS_SAMPLED}
        ),
        responses as (
            select seen.customer_key, seen.campaign_key, sum(movements.margin)::double as margin,
                count(*) filter (where movements.is_counted)::double as orders
            from seen
            join movements
                on movements.customer_key = seen.customer_key and movements.day >= seen.assigned_on
                and movements.day <= seen.assigned_on + $last_day::int
            group by seen.customer_key, seen.campaign_key
        ),
        known as (
            select customer_key, as_of_date, {features.select_list(connection, names)} from {features.SAMPLE}
            where as_of_date in (select distinct as_of_date from seen)
        )
        select seen.campaign_key, seen.contact_channel, seen.assigned_on, seen.treated,
            coalesce(responses.margin, 0) as response_margin, coalesce(responses.orders, 0) as response_orders, known.*
        from seen
        join known using (customer_key, as_of_date)
        left join responses
            on responses.customer_key = seen.customer_key and responses.campaign_key = seen.campaign_key
        order by seen.assigned_on, seen.campaign_key, seen.customer_key
        """,
        params=params,
    ).to_arrow_table()
    return _trial(table, names)


# One row per person and campaign, with the first day on which the person was drawn; of those whose features are kept.
_DRAWN = f"""
    select customer_key, campaign_key, any_value(contact_channel) as contact_channel, min(assigned_on) as assigned_on,
        bool_and(variant = 'treatment')::double as treated
    from customer.fct_campaign_contacts
    where campaign_key = any($campaigns) and customer_key in (select customer_key from {features.SAMPLE})
    group by customer_key, campaign_key
    having count(distinct variant) = 1 and min(assigned_on) + $last_day::int <= $as_of
"""


def _trial(table: pa.Table, names: tuple[str, ...]) -> Trial:
    keys = table["campaign_key"].to_numpy()
    treated = table["treated"].to_numpy()
    _, place = np.unique(keys, return_inverse=True)
    share = np.bincount(place, treated) / np.maximum(np.bincount(place), 1) if len(keys) else treated
    return Trial(
        keys=table["customer_key"].to_numpy(),
        campaigns=keys,
        channels=np.array(table["contact_channel"].to_pylist(), dtype=np.str_),
        days=table["assigned_on"].to_numpy().astype("datetime64[D]"),
        treated=treated,
        share=share[place] if len(keys) else share,
        margin=table["response_margin"].to_numpy(),
        orders=table["response_orders"].to_numpy(),
        features=features.matrix(table, names),
        names=names,
    )


def _fault(treated: int, held_out: int, control_share: float | None) -> str | None:
    if not treated or not held_out:
        return "it has no control group" if treated else "nobody was contacted"
    if control_share is None:
        return None
    probability = sample_ratio_p(treated, held_out, control_share)
    if probability >= BROKEN_BELOW:
        return None
    seen = held_out / (treated + held_out)
    return f"{seen:.1%} were held out instead of the planned {control_share:.1%} (p = {probability:.1g})"
