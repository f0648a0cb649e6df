"""What each experiment showed: the campaigns that held people out, and what contacting the others changed.

People are compared as they were drawn, contacted or not (intention to treat). What each person did from the day of
the drawing on counts for as many days as the settings of actions say, for all campaigns alike, so that results compare
with each other and with what the uplift model learns; the same number of days before corrects for who they were.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.scoring.contacts.experiments import BROKEN_BELOW, sample_ratio_p
from crm_pipeline.scoring.effects import Effect, Moments, cuped, difference, figures
from crm_pipeline.scoring.orders import MOVEMENTS
from crm_pipeline.scoring.table import AS_OF, Column, Mart, ScoreTable

MEASURES = ("margin", "orders")
MIN_OF_EACH_GROUP = 30
"""People whom each group needs: the mean of fewer is no normal number, and its interval says too little."""


class ExperimentStatus(StrEnum):
    """What an experiment tells; only the last two come with an effect."""

    NOT_RANDOMISED = "not_randomised"
    BROKEN = "broken"
    RUNNING = "running"
    TOO_FEW = "too_few"
    INCONCLUSIVE = "inconclusive"
    CONCLUSIVE = "conclusive"


_FIGURES = (
    "treated",
    "control",
    "effect",
    "effect_lower",
    "effect_upper",
    "p_value",
    "cuped_effect",
    "cuped_effect_lower",
    "cuped_effect_upper",
    "cuped_p_value",
    "variance_reduction",
)
TABLE = ScoreTable(
    "experiment_results",
    "One row per campaign that held people out: what contacting the others changed. What each person did "
    "from the day on which they were drawn counts for `actions.response_days`, contacted or not "
    "(intention to treat). An effect stands only where the draw was sound and the response days are over.",
    (
        Column.integer("campaign_key", "The campaign.", required=True, refers_to="dim_campaigns"),
        AS_OF,
        Column.text(
            "status",
            "conclusive: the 95 % interval of the margin leaves out no effect; inconclusive: it does not; "
            "running: response days are not over; broken: the groups are not as planned; too_few: too few people, "
            "or none who bought; not_randomised: nobody says that the held out were drawn at random.",
            required=True,
            values=("not_randomised", "broken", "running", "too_few", "inconclusive", "conclusive"),
        ),
        Column.day("first_assigned_on", "First day on which people were drawn.", required=True),
        Column.day("last_response_on", "Last day on which an answer counts.", required=True),
        Column.integer("people_treated", "People drawn to be contacted.", required=True),
        Column.integer("people_control", "People held out for comparison.", required=True),
        Column.integer(
            "people_in_both", "People in both groups under different records; they are left out.", required=True
        ),
        Column.probability("planned_control_share", "Planned share of held out; empty where pipeline.yml tells none."),
        Column.probability(
            "sample_ratio_p",
            "Probability of groups so far from the plan by chance (chi-square test); below 0.001 the draw is broken.",
        ),
        Column.number("margin_treated", "Margin of a person drawn to be contacted, in the response days.", money=4),
        Column.number("margin_control", "Margin of a person held out, in the same days.", money=4),
        Column.number("margin_effect", "What being drawn to be contacted added to the margin of a person.", money=4),
        Column.number("margin_effect_lower", "Lower bound of its 95 % interval (Welch).", money=4),
        Column.number("margin_effect_upper", "Upper bound of its 95 % interval.", money=4),
        Column.probability("margin_p_value", "Probability of an effect so large by chance."),
        Column.number(
            "margin_cuped_effect",
            "The same, corrected for each person's margin in as many days before (CUPED).",
            money=4,
        ),
        Column.number("margin_cuped_effect_lower", "Lower bound of its 95 % interval.", money=4),
        Column.number("margin_cuped_effect_upper", "Upper bound of its 95 % interval.", money=4),
        Column.probability("margin_cuped_p_value", "Probability of a corrected effect so large by chance."),
        Column.number(
            "margin_variance_reduction",
            "Share of the variance that the correction takes away; below 0 where it adds some.",
        ),
        Column.number("orders_treated", "Counted orders of a person drawn to be contacted, in the response days."),
        Column.number("orders_control", "Counted orders of a person held out, in the same days."),
        Column.number("orders_effect", "What being drawn to be contacted added to the counted orders of a person."),
        Column.number("orders_effect_lower", "Lower bound of its 95 % interval (Welch)."),
        Column.number("orders_effect_upper", "Upper bound of its 95 % interval."),
        Column.probability("orders_p_value", "Probability of an effect so large by chance."),
        Column.number(
            "orders_cuped_effect",
            "The same, corrected for each person's counted orders in as many days before (CUPED).",
        ),
        Column.number("orders_cuped_effect_lower", "Lower bound of its 95 % interval."),
        Column.number("orders_cuped_effect_upper", "Upper bound of its 95 % interval."),
        Column.probability("orders_cuped_p_value", "Probability of a corrected effect so large by chance."),
        Column.number(
            "orders_variance_reduction",
            "Share of the variance that the correction takes away; below 0 where it adds some.",
        ),
    ),
    key=("campaign_key",),
    mart=Mart("campaigns"),
)

_MOMENTS = ", ".join(
    f"sum({m}_after) as {m}_y, sum({m}_after * {m}_after) as {m}_yy, sum({m}_before) as {m}_x, "
    f"sum({m}_before * {m}_before) as {m}_xx, sum({m}_before * {m}_after) as {m}_xy"
    for m in MEASURES
)
# One row per campaign that held anybody out and group: people, and the sums from which means and variances follow.
# Money is added up as DECIMAL, so that no sum depends on threads. A refund counts on its own day.
_SUMS = f"""
    with {MOVEMENTS},
    contacts as (
        select customer_key, campaign_key, min(assigned_on) as first_on, max(assigned_on) as last_on,
            case when count(distinct variant) = 1 then min(variant) else 'both' end as drawn_as
        from customer.fct_campaign_contacts
        where customer_key is not null and assigned_on <= $as_of
        group by customer_key, campaign_key
        qualify bool_or(drawn_as <> 'treatment') over (partition by campaign_key)
    ),
    measured as (
        select contacts.campaign_key, drawn_as, first_on, last_on,
            coalesce(sum(margin) filter (where day >= first_on), 0)::decimal(18, 2) as margin_after,
            coalesce(sum(margin) filter (where day < first_on), 0)::decimal(18, 2) as margin_before,
            count(*) filter (where is_counted and day >= first_on)::decimal(18, 0) as orders_after,
            count(*) filter (where is_counted and day < first_on)::decimal(18, 0) as orders_before
        from contacts
        left join movements on movements.customer_key = contacts.customer_key
            and day >= first_on - $days::int and day < first_on + $days::int and day <= $as_of
        group by contacts.customer_key, contacts.campaign_key, drawn_as, first_on, last_on
    )
    select measured.campaign_key, any_value(experiment_name) as experiment_name, drawn_as, count(*) as people,
        min(first_on) as first_on, max(last_on) as last_on,
        {_MOMENTS}
    from measured
    join customer.dim_campaigns as campaigns using (campaign_key)
    group by measured.campaign_key, drawn_as
    order by measured.campaign_key, drawn_as
"""


def results(
    connection: duckdb.DuckDBPyConnection, as_of: date, response_days: int, control_shares: Mapping[str, float]
) -> pa.Table:
    """Return one row per campaign that held people out by `as_of`, in the order of its key.

    Args:
        connection: the warehouse.
        as_of: last day that counts.
        response_days: days from the drawing on in which orders count.
        control_shares: planned share of held out by experiment; without one the sample ratio is not judged.
    """
    found = connection.sql(_SUMS, params={"as_of": as_of, "days": response_days}).to_arrow_table().to_pylist()
    rows = [_result(groups, as_of, response_days, control_shares) for groups in _by_campaign(found)]
    return pa.Table.from_pylist(rows, schema=TABLE.schema)


def _by_campaign(rows: list[dict[str, Any]]) -> Iterator[dict[str, dict[str, Any]]]:
    for key in dict.fromkeys(row["campaign_key"] for row in rows):
        yield {row["drawn_as"]: row for row in rows if row["campaign_key"] == key}


def _result(
    groups: Mapping[str, dict[str, Any]], as_of: date, response_days: int, control_shares: Mapping[str, float]
) -> dict[str, Any]:
    one = next(iter(groups.values()))
    treated, control, both = (groups.get(name, {}).get("people", 0) for name in ("treatment", "control", "both"))
    planned = control_shares.get(one["experiment_name"])
    ratio = sample_ratio_p(treated, control, planned) if planned and treated + control else None
    last_response_on = max(group["last_on"] for group in groups.values()) + timedelta(response_days - 1)
    compared = {}
    if one["experiment_name"] is None:
        status = ExperimentStatus.NOT_RANDOMISED
    elif ratio is not None and ratio < BROKEN_BELOW:
        status = ExperimentStatus.BROKEN
    elif last_response_on > as_of:
        status = ExperimentStatus.RUNNING
    elif min(treated, control) < MIN_OF_EACH_GROUP:
        status = ExperimentStatus.TOO_FEW
    else:
        compared = {measure: _compare(groups, measure) for measure in MEASURES}
        status = compared["margin"].status
    return {
        "campaign_key": one["campaign_key"],
        "as_of_date": as_of,
        "status": status.value,
        "first_assigned_on": min(group["first_on"] for group in groups.values()),
        "last_response_on": last_response_on,
        "people_treated": treated,
        "people_control": control,
        "people_in_both": both,
        "planned_control_share": planned,
        "sample_ratio_p": ratio,
        **{f"{measure}_{name}": value for measure, pair in compared.items() for name, value in pair.figures().items()},
    }


@dataclass(frozen=True)
class _Compared:
    """One measure of the treated beside that of the others, plain and corrected for the days before."""

    treated: float
    control: float
    plain: Effect | None
    corrected: Effect | None

    @property
    def status(self) -> ExperimentStatus:
        """What the narrower of the two says: the corrected one, where people differed before."""
        effect = self.corrected or self.plain
        if effect is None:
            return ExperimentStatus.TOO_FEW
        return ExperimentStatus.CONCLUSIVE if effect.is_conclusive else ExperimentStatus.INCONCLUSIVE

    def figures(self) -> dict[str, float | None]:
        """Return the columns of one measure."""
        reduction = self.corrected.variance_reduction if self.corrected else None
        means = {"treated": self.treated, "control": self.control, "variance_reduction": reduction}
        return means | figures(self.plain) | figures(self.corrected, "cuped_")


def _compare(groups: Mapping[str, dict[str, Any]], measure: str) -> _Compared:
    treated, control = (
        Moments(group["people"], *(Fraction(group[f"{measure}_{name}"]) for name in ("y", "yy", "x", "xx", "xy")))
        for group in (groups["treatment"], groups["control"])
    )
    return _Compared(float(treated.mean), float(control.mean), difference(treated, control), cuped(treated, control))
