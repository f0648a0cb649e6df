"""A simulated shop in DuckDB: the two tables that the scoring stage reads, made from a BG/NBD-like process."""

from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from crm_pipeline.scoring.lifetime.clv import Clv
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import ModelResult
from crm_pipeline.scoring.questions.churn import Churn
from crm_pipeline.scoring.run import run

FIXTURES = Path(__file__).with_name("fixtures")
FIRST_DAY = date(2021, 1, 1)
AS_OF = date(2023, 6, 30)

ORDERS_SCHEMA = pa.schema(
    [
        ("order_key", pa.int64()),
        ("customer_key", pa.int64()),
        ("ordered_on", pa.date32()),
        ("is_counted", pa.bool_()),
        ("revenue", pa.decimal128(18, 2)),
        ("margin", pa.decimal128(18, 2)),
        ("refunded_margin", pa.decimal128(18, 2)),
        ("refunded_on", pa.date32()),
    ]
)
TOUCHPOINTS_SCHEMA = pa.schema(
    [("customer_key", pa.int64()), ("occurred_on", pa.date32()), ("kind", pa.string()), ("direction", pa.string())]
)

# The features in the shape of features.customer_features, written independently of the code under test.
FEATURES = """
create or replace table features.customer_features as
with grid as (
    select last_day(m)::date as as_of_date
    from generate_series(date_trunc('month', $as_of::date) - interval 24 month, $as_of::date, interval 1 month) t(m)
    where last_day(m)::date < $as_of
    union all select $as_of::date
),
base as (
    select o.customer_key, g.as_of_date, o.ordered_on, o.is_counted, o.revenue, o.margin
    from customer.fct_orders o join grid g on o.ordered_on <= g.as_of_date
    where o.customer_key is not null
),
gaps as (
    select customer_key, as_of_date, avg(gap) as mean_gap_days, stddev_samp(gap) as sd_gap_days
    from (select customer_key, as_of_date,
            ordered_on - lag(ordered_on) over (partition by customer_key, as_of_date order by ordered_on) as gap
          from (select distinct customer_key, as_of_date, ordered_on from base where is_counted))
    group by all
)
select customer_key, as_of_date,
    as_of_date - min(ordered_on) as tenure_days,
    min(ordered_on) filter (where is_counted) as first_order_on,
    max(ordered_on) filter (where is_counted) as last_order_on,
    count(*) filter (where is_counted) as orders_lifetime,
    count(distinct ordered_on) filter (where is_counted) as order_days,
    last_order_on - first_order_on as t_x_days,
    as_of_date - first_order_on as age_days,
    as_of_date - last_order_on as recency_days,
    sum(revenue) as revenue_lifetime, sum(margin) as margin_lifetime,
    count(*) filter (where is_counted and ordered_on > as_of_date - interval 24 month) as orders_24m,
    sum(revenue) filter (where ordered_on > as_of_date - interval 24 month) as revenue_24m,
    count(*) filter (where is_counted and ordered_on > as_of_date - interval 12 month) as orders_12m,
    sum(revenue) filter (where ordered_on > as_of_date - interval 12 month) as revenue_12m,
    sum(margin) filter (where ordered_on > as_of_date - interval 12 month) as margin_12m,
    count(*) filter (where is_counted and ordered_on > as_of_date - 90) as orders_90d,
    sum(revenue) filter (where ordered_on > as_of_date - 90) as revenue_90d,
    count(*) filter (where is_counted and ordered_on > as_of_date - 180 and ordered_on <= as_of_date - 90)
        as orders_prev_90d,
    sum(revenue) filter (where ordered_on > as_of_date - 180 and ordered_on <= as_of_date - 90) as revenue_prev_90d,
    avg(revenue) filter (where is_counted) as avg_order_value,
    any_value(mean_gap_days) as mean_gap_days, any_value(sd_gap_days) as sd_gap_days,
    -sum(revenue) filter (where not is_counted) / nullif(sum(revenue) filter (where is_counted), 0) as return_share,
    null::double as discount_share, null::double as units_per_order,
    null::double as share_store, null::double as share_web, null::double as share_app,
    null::double as share_marketplace, true as has_profile, null::boolean as consent_email
from base left join gaps using (customer_key, as_of_date)
group by customer_key, as_of_date
"""


def simulate_orders(people: int, seed: int, first_day: date = FIRST_DAY, last_day: date = AS_OF) -> pa.Table:
    """Return orders of people who buy at their own rate until they leave, each at their own price level.

    Rates differ widely between people, so that the same silence means nothing for one and everything for another. One
    order in twenty is followed by a return of half of it.
    """
    random = np.random.default_rng(seed)
    span = (last_day - first_day).days
    rows: list[tuple[int, int, bool, float]] = []
    for key in range(1, people + 1):
        day = float(random.uniform(0, span * 0.7))
        rate = random.gamma(0.9, 1 / 40)
        leaves = random.beta(0.8, 6.0)
        price = 20 / random.gamma(4.0, 1 / 3.0)
        while day <= span:
            value = price * random.gamma(4.0, 0.25)
            rows.append((key, int(day), True, value))
            if random.random() < 0.05:
                rows.append((key, int(day) + 3, False, -value / 2))
            if random.random() < leaves:
                break
            day += random.exponential(1 / max(rate, 1e-6))
    kept = [row for row in rows if row[1] <= span]
    return orders_table([(key, first_day + timedelta(days=day), counted, value) for key, day, counted, value in kept])


def orders_table(rows: list[tuple[int | None, date, bool, float]]) -> pa.Table:
    """Return an order table from (customer, day, counted, revenue); the margin is 40 % of the revenue."""
    keys, days, counted, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    revenue = np.round(np.array(values, dtype=float), 2)
    columns = [
        pa.array(np.arange(len(keys)), pa.int64()),
        pa.array(keys, pa.int64()),
        pa.array(days, pa.date32()),
        pa.array(counted, pa.bool_()),
        pa.array(revenue).cast(pa.decimal128(18, 2), safe=False),
        pa.array(np.round(revenue * 0.4, 2)).cast(pa.decimal128(18, 2), safe=False),
        pa.array(np.zeros(len(keys))).cast(pa.decimal128(18, 2)),
        pa.nulls(len(keys), pa.date32()),
    ]
    return pa.Table.from_arrays(columns, schema=ORDERS_SCHEMA)


def warehouse(
    orders: pa.Table, as_of: date = AS_OF, threads: int = 2, touchpoints: pa.Table | None = None
) -> duckdb.DuckDBPyConnection:
    """Return a warehouse in memory with the orders, the touchpoints (none), and features of all people."""
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("create schema customer; create schema features")
    connection.register("arrived", orders)
    connection.execute("create table customer.fct_orders as select * from arrived")
    connection.unregister("arrived")
    connection.register("arrived", touchpoints or TOUCHPOINTS_SCHEMA.empty_table())
    connection.execute("create table customer.fct_touchpoints as select * from arrived")
    connection.unregister("arrived")
    connection.execute(FEATURES, {"as_of": as_of})
    connection.execute("create view features.sampled_features as from features.customer_features")
    return connection


def cdnow_orders() -> pa.Table:
    """Return the CDNOW 1/10 sample as an order table."""
    rows: list[tuple[int | None, date, bool, float]] = []
    for line in (FIXTURES / "CDNOW_sample.txt").read_text(encoding="ascii").splitlines():
        _, customer, day, _, dollars = line.split()
        rows.append((int(customer), datetime.strptime(day, "%Y%m%d").date(), True, float(dollars)))
    return orders_table(rows)


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """The functions above, for tests that build a warehouse of their own."""
    return SimpleNamespace(
        AS_OF=AS_OF,
        FIRST_DAY=FIRST_DAY,
        simulate_orders=simulate_orders,
        orders_table=orders_table,
        warehouse=warehouse,
    )


@pytest.fixture(scope="session")
def cdnow() -> duckdb.DuckDBPyConnection:
    """A warehouse of the CDNOW sample as of the end of its calibration time."""
    return warehouse(cdnow_orders(), date(1997, 9, 30))


@pytest.fixture(scope="session")
def cdnow_later() -> duckdb.DuckDBPyConnection:
    """A warehouse of the CDNOW sample as of the end of its hold-out time."""
    return warehouse(cdnow_orders(), date(1998, 6, 30))


@pytest.fixture(scope="session")
def orders() -> pa.Table:
    """The orders of a simulated shop of 900 people."""
    return simulate_orders(900, seed=1)


@pytest.fixture(scope="session")
def shop(orders: pa.Table) -> duckdb.DuckDBPyConnection:
    """The warehouse of the simulated shop."""
    return warehouse(orders)


@pytest.fixture(scope="session")
def settings() -> ScoringSettings:
    """The settings of the simulated shop's run."""
    return ScoringSettings(as_of=AS_OF)


@pytest.fixture(scope="session")
def churn_result(
    shop: duckdb.DuckDBPyConnection, settings: ScoringSettings, tmp_path_factory: pytest.TempPathFactory
) -> ModelResult:
    """The churn model of the simulated shop."""
    return run(Churn(), shop, settings, tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="session")
def clv_result(
    shop: duckdb.DuckDBPyConnection, settings: ScoringSettings, tmp_path_factory: pytest.TempPathFactory
) -> ModelResult:
    """The lifetime values of the simulated shop."""
    return run(Clv(), shop, settings, tmp_path_factory.mktemp("registry"))
