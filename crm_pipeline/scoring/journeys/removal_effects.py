"""Markov attribution: what share of a month's orders would be lost without a medium.

The paths of a month form an absorbing Markov chain over media, from `START` to `CONVERSION` or `LOST`. A medium's
removal effect is the share of conversions that is lost when all who come to the medium are lost there; the effects,
brought to a sum of 1, are the media' shares (Anderl et al., Mapping the customer journey, International Journal of
Research in Marketing 33, 2016).

A path to an order is what `order_touches` holds of it. A path to nowhere is a run of touches with gaps of at most
`attribution_days` that no order follows in as many days. Each belongs to the month in which it ended: the order's, or
that in which the days ran out, so that the newest months are as complete as the oldest. Visits that do not say where
they came from are no medium.
"""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from operator import itemgetter

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import splu

from crm_pipeline.scoring.table import AS_OF, Column, ScoreTable

TABLE = ScoreTable(
    "medium_removal_effects",
    "One row per month and medium: share of its orders that would be lost without it.",
    (
        AS_OF,
        Column.day("month", "First day of the month in which the paths ended.", required=True),
        Column.text("medium", "The medium.", required=True),
        Column.number("removal_effect", "Share of the conversions that would be lost without it."),
        Column.number("share", "The removal effect as a share of those of all media."),
    ),
    key=("month", "medium"),
)

START, CONVERSION, LOST = "(start)", "(conversion)", "(lost)"
_DIGITS = 12

# One row per month and pair of neighbouring states. An order after the as-of date is not known: until its days have run
# out, what came before it is no path yet.
_TRANSITIONS = """
    with to_order as (
        select date_trunc('month', ordered_on)::date as month, order_key::varchar as path, $conversion as outcome,
            medium, position
        from customer.order_touches
        where medium <> 'direct' and ordered_on <= $as_of
    ),
    known as (
        select customer_key, medium, occurred_on, occurred_at, coalesce(next_order_on <= $as_of, false) as is_followed
        from customer.medium_touches
        where medium <> 'direct' and occurred_on <= $as_of
    ),
    following as (
        select *, lag(occurred_on) over person as previous_on, lag(is_followed) over person as is_previous_followed
        from known
        window person as (partition by customer_key order by occurred_at, medium)
    ),
    numbered as (
        select *, sum(case when occurred_on - previous_on <= $days and not is_previous_followed then 0 else 1 end)
            over (partition by customer_key order by occurred_at, medium rows unbounded preceding) as number
        from following
        where not is_followed
    ),
    to_nowhere as (
        select customer_key || '|' || number as path, medium,
            row_number() over (partition by customer_key, number order by occurred_at, medium) as position,
            max(occurred_on) over (partition by customer_key, number) + $days::int as ended_on
        from numbered
    ),
    paths as (
        select * from to_order
        union all
        select date_trunc('month', ended_on)::date, path, $lost, medium, position
        from to_nowhere
        where ended_on <= $as_of
    ),
    steps as (
        select month, outcome, medium, lag(medium) over path as previous, lead(medium) over path as next
        from paths
        window path as (partition by outcome, path order by position)
    ),
    transitions as (
        select month, coalesce(previous, $start) as origin, medium as target from steps
        union all
        select month, medium, outcome from steps where next is null
    )
    select month, origin, target, count(*) as transitions from transitions group by all order by all
"""


def medium_removal_effects(connection: duckdb.DuckDBPyConnection, as_of: date, days: int) -> pa.Table:
    """Return the table `medium_removal_effects`: one row per month with a conversion and medium of its paths."""
    counted = connection.sql(
        _TRANSITIONS,
        params={"as_of": as_of, "days": days, "start": START, "conversion": CONVERSION, "lost": LOST},
    ).fetchall()
    rows = []
    for month, transitions in groupby(counted, key=itemgetter(0)):
        effects = removal_effects([(origin, target, number) for _, origin, target, number in transitions])
        whole = sum(effects.values())
        rows += [
            {
                "as_of_date": as_of,
                "month": month,
                "medium": medium,
                "removal_effect": round(effect, _DIGITS),
                "share": round(effect / whole, _DIGITS),
            }
            for medium, effect in effects.items()
        ]
    return pa.Table.from_pylist(rows, schema=TABLE.schema)


def removal_effects(transitions: Iterable[tuple[str, str, int]]) -> dict[str, float]:
    """Return the removal effect of each medium, by name; none where no path leads to a conversion.

    Who never meets the medium converts as before, and who does meet it is lost: with N = (I - Q)^-1 and x the
    probability of a conversion from each state, a share of N[start, c] / N[c, c] meets c and x[c] of them convert.

    Args:
        transitions: origin, target and number of each kind of step; all paths lead from `START` to an end.
    """
    counted = list(transitions)
    states = [START, *sorted({origin for origin, _, _ in counted} - {START})]
    place = {state: index for index, state in enumerate(states)}
    leaving = np.zeros(len(states))
    converting = np.zeros(len(states))
    for origin, target, number in counted:
        leaving[place[origin]] += number
        converting[place[origin]] += number if target == CONVERSION else 0
    if not converting.any():
        return {}
    inner = [(place[origin], place[target], number) for origin, target, number in counted if target in place]
    rows, columns, numbers = (np.array(values) for values in zip(*inner, strict=True))
    stepping = csc_array((numbers / leaving[rows], (rows, columns)), shape=(len(states), len(states)))
    visits = splu(csc_array(eye_array(len(states)) - stepping)).solve(np.eye(len(states)))
    conversion = visits @ (converting / leaving)
    met = visits[0] / visits.diagonal()
    lost = met * conversion / conversion[0]
    return {state: float(lost[index]) for index, state in enumerate(states) if index}
