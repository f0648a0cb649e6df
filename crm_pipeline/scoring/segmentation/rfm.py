"""RFM: recency, frequency and monetary value over the last 24 months, in quintiles, named by a table of 125 codes."""

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.scoring.model import UnsoundScoresError
from crm_pipeline.scoring.table import AS_OF, PERSON, Column, ScoreTable
from crm_pipeline.storage.lake import as_pattern

TABLE = ScoreTable(
    "rfm",
    "One row per person with an order in the last 24 months: recency, frequency and monetary quintiles.",
    (
        PERSON,
        AS_OF,
        Column.integer("recency_days", "Days since the last counted order."),
        Column.integer("frequency", "Counted orders in 24 months."),
        Column("monetary", pa.decimal128(18, 2), "Revenue in 24 months."),
        Column.integer("r", "Quintile of recency, 5 = most recent."),
        Column.integer("f", "Quintile of frequency, 5 = most often."),
        Column.integer("m", "Quintile of monetary value, 5 = highest."),
        Column.text("rfm_code", "The three quintiles as text."),
        Column.text("rfm_segment", "Name of the segment that the code belongs to.", required=True),
    ),
    key=("customer_key",),
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
    """Return the table `rfm`: one row per person with a counted order in the 24 months up to `as_of`.

    Raises:
        UnsoundScoresError: if the table of codes names no segment for a code, so that somebody would be in none.
    """
    found = connection.sql(_RFM, params={"segments": as_pattern(SEGMENTS_FILE), "as_of": as_of}).to_arrow_table()
    unnamed = found.filter(pc.is_null(found["rfm_segment"]))
    if len(unnamed):
        codes = ", ".join(sorted(set(unnamed["rfm_code"].to_pylist())))
        raise UnsoundScoresError(f"{SEGMENTS_FILE.name} names no segment for the codes {codes}.")
    return TABLE.typed(found)
