"""What people bought: purchase histories up to a cutoff, and margins strictly after it.

Every statement takes its cutoff as a parameter and reads nothing beyond it, except `outcomes`, which reads only what
comes after it. A `share` below 1 takes that share of the people, the same at every cutoff. A refund counts on its own
day: until then nobody knew of it. Money is summed as DECIMAL, so that no sum depends on threads.
"""

from dataclasses import dataclass, fields
from datetime import date
from math import ceil

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.scoring import sampling
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.orders import MOVEMENTS

# One row per person with a counted order up to the cutoff. Several orders on one day are one occasion; its value is
# the margin of its counted orders, at least 0. Returns and refunds lie in the sums of margin alone.
_HISTORY = f"""
    with {MOVEMENTS},
    days as (
        select customer_key, day, sum(margin) as margin, coalesce(bool_or(is_counted), false) as counted,
            greatest(coalesce(sum(margin) filter (where is_counted), 0), 0) as value
        from movements
        where day <= $cutoff and {sampling.IS_SAMPLED}
        group by customer_key, day
    ),
    people as (
        select customer_key, min(day) filter (where counted) as first_on, max(day) filter (where counted) as last_on,
            count(*) filter (where counted) as occasions,
            count(*) filter (where counted and day > $cutoff::date - 365) as occasions_365d,
            count(*) filter (where counted and day > $cutoff::date - 90) as occasions_90d,
            coalesce(sum(value) filter (where counted), 0) as value_total,
            min_by(value, day) filter (where counted) as value_first,
            coalesce(sum(margin), 0) as margin_historic,
            coalesce(sum(margin) filter (where day > $cutoff::date - 365), 0) as margin_365d,
            coalesce(sum(margin) filter (where day > $cutoff::date - 90), 0) as margin_90d
        from days
        group by customer_key
        having count(*) filter (where counted) > 0
    )
    select customer_key, occasions - 1 as x, last_on - first_on as t_x, $cutoff::date - first_on as age,
        coalesce(round((value_total - value_first) / nullif(occasions - 1, 0), 2), 0)::double as mean_value,
        value_total::double as value_total, margin_historic::double as margin_historic,
        margin_365d::double as margin_365d, margin_90d::double as margin_90d, occasions_365d, occasions_90d
    from people
"""
# What people did beside buying; who leaves falls silent here too. Null where a person did nothing of the kind.
_CONTACTS = f"""
    select customer_key, $cutoff::date - max(occurred_on) as contact_days,
        $cutoff::date - max(occurred_on) filter (where kind = 'web_session') as visit_days,
        $cutoff::date - max(occurred_on) filter (where kind = 'ticket_opened') as ticket_days,
        count(*) filter (where occurred_on > $cutoff::date - 90) as contacts_90d,
        count(*) filter (where kind = 'ticket_opened') as tickets
    from customer.fct_touchpoints
    where occurred_on <= $cutoff and {sampling.IS_SAMPLED} and direction = 'inbound' and kind in (
        'web_session', 'campaign_opened', 'campaign_clicked', 'ticket_opened', 'survey_answer', 'mention',
        'loyalty_redeem', 'referral_made'
    )
    group by customer_key
"""


@dataclass(frozen=True)
class People:
    """Buyers as arrays of equal length, ordered by key; the columns of `purchase_history`, unknown values NaN."""

    keys: npt.NDArray[np.int64]
    x: Floats
    t_x: Floats
    age: Floats
    mean_value: Floats
    margin_historic: Floats
    margin_365d: Floats
    margin_90d: Floats
    occasions_365d: Floats
    occasions_90d: Floats
    contact_days: Floats
    visit_days: Floats
    ticket_days: Floats
    contacts_90d: Floats
    tickets: Floats

    @classmethod
    def of(cls, table: pa.Table | pa.RecordBatch) -> "People":
        """Read what `purchase_history` gives."""
        names = [field.name for field in fields(cls)][1:]
        return cls(table.column("customer_key").to_numpy(), *(floats(table, name) for name in names))

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.keys)


def floats(table: pa.Table | pa.RecordBatch, name: str) -> Floats:
    """Return a column as float64, nulls as NaN."""
    return table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)


def buyers(connection: duckdb.DuckDBPyConnection, cutoff: date) -> int:
    """Return how many people have a counted order up to `cutoff`."""
    return connection.sql(
        "select count(distinct customer_key) from customer.fct_orders where is_counted and ordered_on <= $cutoff",
        params={"cutoff": cutoff},
    ).fetchall()[0][0]


def purchase_history(
    connection: duckdb.DuckDBPyConnection, cutoff: date, batch_rows: int, share: float = 1.0
) -> pa.RecordBatchReader:
    """Return one row per buyer up to `cutoff`, by key: x, t_x, age, values, margins, and contacts beside buying."""
    relation = connection.sql(
        f"with history as ({_HISTORY}), contacts as ({_CONTACTS}) "
        "select history.*, contacts.* exclude (customer_key) "
        "from history left join contacts on history.customer_key = contacts.customer_key "
        "order by history.customer_key",
        params={"cutoff": cutoff, "parts": _parts(share)},
    )
    return relation.to_arrow_reader(batch_rows)


def history_tuples(history: pa.Table) -> pa.Table:
    """Return the distinct (x, t_x, age) of a purchase history with the number of people who have each."""
    return _distinct(history, ["x", "t_x", "age"])


def value_tuples(history: pa.Table) -> pa.Table:
    """Return the distinct (x, mean value) of repeat buyers with a value above 0, with the number of people."""
    again = pc.and_(pc.greater(history["x"], 0), pc.greater(history["mean_value"], 0))
    return _distinct(history.filter(again), ["x", "mean_value"])


def _distinct(history: pa.Table, columns: list[str]) -> pa.Table:
    counted = history.group_by(columns).aggregate([([], "count_all")])
    return counted.rename_columns([*columns, "people"]).sort_by([(column, "ascending") for column in columns])


def gap_shares(connection: duckdb.DuckDBPyConnection, cutoff: date, share: float = 1.0) -> tuple[int, float]:
    """Return how many people have two gaps between order days, and the variance of the share of one in the last two.

    Either of the two may be the one, so that the mean share is a half.
    """
    rows = connection.sql(
        f"""
        with days as (
            select distinct customer_key, ordered_on as day from customer.fct_orders
            where is_counted and customer_key is not null and ordered_on <= $cutoff and {sampling.IS_SAMPLED}
        ),
        gaps as (
            select customer_key, day - lag(day) over gap as gap, row_number() over (
                partition by customer_key order by day desc
            ) as place
            from days
            window gap as (partition by customer_key order by day)
        ),
        pairs as (
            select max(gap) filter (where place = 1) / sum(gap)::double as part from gaps
            where gap is not null and place <= 2
            group by customer_key
            having count(*) = 2
        )
        select count(*), coalesce(sum(((part - 0.5) ** 2)::decimal(18, 9))::double / count(*), 0) from pairs
        """,
        params={"cutoff": cutoff, "parts": _parts(share)},
    ).fetchall()
    return rows[0]


def net_share(history: pa.Table) -> float:
    """Return the share of the occasions' value that is left after returns and losses, over all people (0 to 1)."""
    # Whole pennies: their sum does not depend on the order.
    net, value = (int(np.rint(floats(history, name) * 100).sum()) for name in ("margin_historic", "value_total"))
    return min(max(net / value, 0.0), 1.0) if value else 1.0


def outcomes(connection: duckdb.DuckDBPyConnection, after: date, until: date, share: float = 1.0) -> pa.Table:
    """Return per person the counted orders and the margin (returns netted) after `after`, up to and with `until`."""
    return connection.sql(
        f"with {MOVEMENTS} "
        "select customer_key, count(*) filter (where is_counted) as orders, sum(margin)::double as margin "
        f"from movements where day > $after and day <= $until and {sampling.IS_SAMPLED} "
        "group by customer_key order by customer_key",
        params={"after": after, "until": until, "parts": _parts(share)},
    ).to_arrow_table()


def margin_after(
    connection: duckdb.DuckDBPyConnection, keys: npt.NDArray[np.int64], after: date, until: date, share: float = 1.0
) -> Floats:
    """Return the margin of `outcomes` for each of these people, 0 for who did nothing."""
    found = outcomes(connection, after, until, share)
    bought = found["customer_key"].to_numpy()
    if not len(bought):
        return np.zeros(len(keys))
    place = np.minimum(np.searchsorted(bought, keys), len(bought) - 1)
    return np.where(bought[place] == keys, found["margin"].to_numpy()[place], 0.0)


def _parts(share: float) -> int:
    return ceil(share * sampling.ALL)
