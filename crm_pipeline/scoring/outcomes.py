"""What people did, and whether they then went on: the frame that the churn model learns from.

Every statement takes its cutoff as a parameter and reads nothing beyond it, except the label of `churn_frame`, which
reads only what comes after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.scoring.frame import Floats

_SHARES, _SPREAD = 10_007, 4_001  # primes: neighbouring keys fall far apart, so that any numbering is sampled evenly

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
