"""What people did: purchase histories up to a cutoff, outcomes strictly after it, and the frames the models learn from.

Every statement takes its cutoff as a parameter and reads nothing beyond it, except `outcomes` and the label of
`churn_frame`, which read only what comes after it. Money is summed as DECIMAL, so that no sum depends on threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.scoring.frame import Floats

LAST_YEAR_DAYS = 365
_SHARES, _SPREAD = 10_007, 4_001  # primes: neighbouring keys fall far apart, so that any numbering is sampled evenly

# One row per person with a counted order up to the cutoff. Several orders on one day are one occasion; its value is
# the margin of its counted orders, at least 0. Returns lie in `margin_historic` and `margin_last_year` alone.
_HISTORY = """
    with days as (
        select customer_key, ordered_on, sum(margin) as margin, coalesce(bool_or(is_counted), false) as counted,
            greatest(coalesce(sum(margin) filter (where is_counted), 0), 0) as value
        from customer.fct_orders
        where customer_key is not null and ordered_on <= $cutoff
        group by customer_key, ordered_on
    ),
    people as (
        select customer_key, min(ordered_on) filter (where counted) as first_on,
            max(ordered_on) filter (where counted) as last_on,
            count(*) filter (where counted) as occasions,
            sum(value) filter (where counted) as value_total,
            min_by(value, ordered_on) filter (where counted) as value_first,
            sum(margin) as margin_historic,
            coalesce(sum(margin) filter (where ordered_on > $cutoff::date - $last_year::int), 0) as margin_last_year
        from days
        group by customer_key
        having count(*) filter (where counted) > 0
    )
    select customer_key, occasions - 1 as x, last_on - first_on as t_x, $cutoff::date - first_on as age,
        coalesce(round((value_total - value_first) / nullif(occasions - 1, 0), 2), 0)::double as mean_value,
        value_total::double as value_total, coalesce(margin_historic, 0)::double as margin_historic,
        margin_last_year::double as margin_last_year
    from people
"""

# The features a model may see, all of them columns of customer_features at the same as-of date. They are rounded so
# that the last bits of an average never decide a split.
_FEATURES: dict[str, str] = {
    name: name
    for name in (
        "recency_days",
        "tenure_days",
        "age_days",
        "t_x_days",
        "orders_lifetime",
        "order_days",
        "revenue_lifetime",
        "margin_lifetime",
        "orders_24m",
        "revenue_24m",
        "orders_12m",
        "revenue_12m",
        "margin_12m",
        "orders_90d",
        "revenue_90d",
        "orders_prev_90d",
        "revenue_prev_90d",
        "avg_order_value",
        "mean_gap_days",
        "sd_gap_days",
        "return_share",
        "discount_share",
        "units_per_order",
        "share_store",
        "share_web",
        "share_app",
        "share_marketplace",
        "has_profile",
        "consent_email",
    )
} | {"recency_to_gap": "recency_days / nullif(mean_gap_days, 0)"}
CHURN_FEATURES: tuple[str, ...] = tuple(_FEATURES)
_FEATURE_LIST = ", ".join(f"round(({sql})::double, 6) as {name}" for name, sql in _FEATURES.items())


@dataclass(frozen=True)
class Span:
    """The first and last day with a counted order of a known person, up to the as-of date."""

    first_on: date
    last_on: date


@dataclass(frozen=True)
class ChurnFrame:
    """Eligible people at their as-of dates: features in the order of CHURN_FEATURES, and labels where known."""

    keys: npt.NDArray[np.int64]
    origins: npt.NDArray[np.datetime64]
    features: Floats
    churned: npt.NDArray[np.int64]

    def where(self, mask: npt.NDArray[np.bool_]) -> "ChurnFrame":
        """Return the rows that a mask selects."""
        return ChurnFrame(self.keys[mask], self.origins[mask], self.features[mask], self.churned[mask])

    def at(self, origins: Sequence[date]) -> "ChurnFrame":
        """Return the rows of some origins."""
        return self.where(np.isin(self.origins, np.array(origins, dtype="datetime64[D]")))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)


def order_span(connection: duckdb.DuckDBPyConnection, as_of: date) -> Span | None:
    """Return the days of the first and last counted order up to `as_of`, or None when there is none."""
    rows = connection.sql(
        "select min(ordered_on), max(ordered_on) from customer.fct_orders "
        "where is_counted and customer_key is not null and ordered_on <= $as_of",
        params={"as_of": as_of},
    ).fetchall()
    return Span(*rows[0]) if rows[0][0] is not None else None


def purchase_history(connection: duckdb.DuckDBPyConnection, cutoff: date) -> pa.Table:
    """Return one row per buyer up to `cutoff`: x, t_x, age, mean value of repeat occasions, and margins; by key."""
    return connection.sql(f"{_HISTORY} order by customer_key", params=_history_params(cutoff)).to_arrow_table()


def history_tuples(connection: duckdb.DuckDBPyConnection, cutoff: date) -> pa.Table:
    """Return the distinct (x, t_x, age) up to `cutoff` with the number of people who have each."""
    return connection.sql(
        f"with history as ({_HISTORY}) select x, t_x, age, count(*) as people from history group by all order by all",
        params=_history_params(cutoff),
    ).to_arrow_table()


def value_tuples(connection: duckdb.DuckDBPyConnection, cutoff: date) -> pa.Table:
    """Return the distinct (x, mean value) of repeat buyers with a value above 0, with the number of people."""
    return connection.sql(
        f"with history as ({_HISTORY}) select x, mean_value, count(*) as people from history "
        "where x > 0 and mean_value > 0 group by all order by all",
        params=_history_params(cutoff),
    ).to_arrow_table()


def net_share(connection: duckdb.DuckDBPyConnection, cutoff: date) -> float:
    """Return the share of the occasions' value that is left after returns and losses, over all people (0 to 1)."""
    net, value = connection.sql(
        f"with history as ({_HISTORY}) select sum(margin_historic::decimal(18, 2))::double, "
        "sum(value_total::decimal(18, 2))::double from history",
        params=_history_params(cutoff),
    ).fetchall()[0]
    return min(max(net / value, 0.0), 1.0) if value else 1.0


def outcomes(connection: duckdb.DuckDBPyConnection, after: date, until: date) -> pa.Table:
    """Return per person the counted orders and the margin (returns netted) after `after`, up to and with `until`."""
    return connection.sql(
        "select customer_key, count(*) filter (where is_counted) as orders, sum(margin)::double as margin "
        "from customer.fct_orders "
        "where customer_key is not null and ordered_on > $after and ordered_on <= $until "
        "group by customer_key order by customer_key",
        params={"after": after, "until": until},
    ).to_arrow_table()


def origins_on_grid(connection: duckdb.DuckDBPyConnection, until: date) -> list[date]:
    """Return the as-of dates of customer_features up to `until`, oldest first."""
    rows = connection.sql(
        "select distinct as_of_date from features.customer_features where as_of_date <= $until order by as_of_date",
        params={"until": until},
    ).fetchall()
    return [row[0] for row in rows]


def churn_frame(
    connection: duckdb.DuckDBPyConnection, origins: Sequence[date], eligibility_days: int, horizon: int, max_rows: int
) -> ChurnFrame:
    """Return the eligible people at each origin with features known then and the label of the horizon after it.

    Beyond `max_rows` a fixed share of the people is taken, the same people at every origin.
    """
    scope = {"origins": list(origins), "window": eligibility_days}
    rows = connection.sql(
        "select count(*) from features.customer_features where as_of_date = any($origins) and recency_days < $window",
        params=scope,
    ).fetchall()[0][0]
    share = min(_SHARES, -(-_SHARES * max_rows // max(rows, 1)))
    table = connection.sql(
        f"""
        with eligible as (
            select customer_key, as_of_date, {_FEATURE_LIST}
            from features.customer_features
            where as_of_date = any($origins) and features.customer_features.recency_days < $window
                and ((customer_key % {_SHARES}) * {_SPREAD}) % {_SHARES} < $share
        ),
        bought as (
            select distinct eligible.customer_key, eligible.as_of_date
            from eligible
            join customer.fct_orders as orders
                on orders.customer_key = eligible.customer_key and orders.is_counted
                and orders.ordered_on > eligible.as_of_date
                and orders.ordered_on <= eligible.as_of_date + $horizon::int
        )
        select eligible.*, (bought.customer_key is null)::bigint as churned
        from eligible left join bought
            on bought.customer_key = eligible.customer_key and bought.as_of_date = eligible.as_of_date
        order by eligible.as_of_date, eligible.customer_key
        """,
        params={**scope, "share": share, "horizon": horizon},
    ).to_arrow_table()
    return ChurnFrame(
        table["customer_key"].to_numpy(),
        table["as_of_date"].to_numpy().astype("datetime64[D]"),
        feature_matrix(table),
        table["churned"].to_numpy(),
    )


def eligible_reader(
    connection: duckdb.DuckDBPyConnection, as_of: date, eligibility_days: int, batch_rows: int
) -> pa.RecordBatchReader:
    """Return the people to score at `as_of` with their features, in batches ordered by key."""
    relation = connection.sql(
        f"select customer_key, {_FEATURE_LIST} from features.customer_features "
        "where as_of_date = $as_of and features.customer_features.recency_days < $window order by customer_key",
        params={"as_of": as_of, "window": eligibility_days},
    )
    return relation.to_arrow_reader(batch_rows)


def feature_matrix(table: pa.Table | pa.RecordBatch) -> Floats:
    """Return the columns of CHURN_FEATURES as a matrix; unknown values are NaN."""
    columns = [table.column(name).to_numpy(zero_copy_only=False) for name in CHURN_FEATURES]
    return np.column_stack(columns).astype(np.float64)


def _history_params(cutoff: date) -> dict[str, object]:
    return {"cutoff": cutoff, "last_year": LAST_YEAR_DAYS}
