"""RFM: recency, frequency and monetary value over the last 24 months, in quintiles, named by a table of 125 codes."""

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from crm_pipeline.storage.lake import as_pattern

RFM_SCHEMA = pa.schema(
    [
        ("customer_key", pa.int64()),
        ("as_of_date", pa.date32()),
        ("recency_days", pa.int64()),
        ("frequency", pa.int64()),
        ("monetary", pa.decimal128(18, 2)),
        ("r", pa.int64()),
        ("f", pa.int64()),
        ("m", pa.int64()),
        ("rfm_code", pa.string()),
        ("rfm_segment", pa.string()),
    ]
)
SEGMENTS_FILE = Path(__file__).with_name("rfm_segments.csv")

# rank() gives tied people the same (lowest) place, so that a tie shares a score; integers only, so that a boundary
# never depends on rounding. Without ties each fifth of the people gets one score.
_RFM = """
with segments as (
    select code, segment from read_csv($segments, header = true, all_varchar = true, hive_partitioning = false)
),
buyers as (
    select customer_key, as_of_date, recency_days::bigint as recency_days, orders_24m::bigint as frequency,
        revenue_24m::decimal(18, 2) as monetary
    from features.customer_features
    where as_of_date = $as_of and orders_24m >= 1
),
scored as (
    select *,
        1 + (5 * (rank() over (order by recency_days desc) - 1)) // count(*) over () as r,
        1 + (5 * (rank() over (order by frequency) - 1)) // count(*) over () as f,
        1 + (5 * (rank() over (order by monetary) - 1)) // count(*) over () as m
    from buyers
),
coded as (
    select *, r::varchar || f::varchar || m::varchar as rfm_code from scored
)
select coded.*, segments.segment as rfm_segment
from coded left join segments on segments.code = coded.rfm_code
order by customer_key
"""


def score(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Return the table `rfm`: one row per person with a counted order in the 24 months up to `as_of`."""
    found = connection.sql(_RFM, params={"segments": as_pattern(SEGMENTS_FILE), "as_of": as_of}).to_arrow_table()
    return found.select(RFM_SCHEMA.names).cast(RFM_SCHEMA)
