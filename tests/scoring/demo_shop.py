"""The demo company's purchases as a warehouse in memory, where each person is known, with their planted personas."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_pipeline.sample.assortment import make_assortment
from crm_pipeline.sample.calendar import FIRST_DAY
from crm_pipeline.sample.campaigns import make_campaigns
from crm_pipeline.sample.people import Part, make_people
from crm_pipeline.sample.purchases import make_purchases
from crm_pipeline.sample.visits import make_visits

AS_OF = date(2026, 6, 30)
MONTH_BEFORE = date(2026, 5, 31)

_TABLES = """
create schema customer; create schema features;
create table customer.dim_products as
    select row as product_key, category_path from products;
create table customer.fct_orders as
    select "order" as order_key, person + 1 as customer_key, (date '2023-07-01' + day::int) as ordered_on,
        status = 'completed' as is_counted, ((net - discount) / 100)::decimal(18, 2) as revenue,
        (0.42 * (net - discount) / 100)::decimal(18, 2) as margin,
        0::decimal(18, 2) as refunded_amount, 0::decimal(18, 2) as refunded_margin, null::date as refunded_on,
        case sales_channel when 'till' then 'store' else sales_channel end as sales_channel
    from orders where status <> 'cancelled' and day >= 0;
create table customer.fct_order_lines as
    select lines."order" as order_key, orders.customer_key, product as product_key, orders.ordered_on,
        case when is_counted then 'sale' else 'return' end as kind,
        case when is_counted then 'completed' else 'returned' end as status,
        quantity, (lines.discount / 100)::decimal(18, 2) as discount_amount,
        (lines.net / 100)::decimal(18, 2) as revenue, 0::decimal(18, 2) as refunded_amount
    from lines join customer.fct_orders as orders on orders.order_key = lines."order";
create table customer.dim_customers_history as
    select person + 1 as customer_key, date '2023-07-01' as valid_from, null::date as valid_to, gender,
        birth_date::date as birth_date, null::varchar as income_band, town as city, acquisition as acquisition_medium
    from people;
create table customer.fct_web_sessions (customer_key bigint, device_type varchar, started_on date);
create table customer.fct_survey_responses
    (customer_key bigint, response_key bigint, nps_group varchar, answered_on date, answered_at timestamp);
create table customer.fct_referrals (referrer_customer_key bigint, accepted_on date);
create table customer.fct_social_mentions (customer_key bigint, posted_on date);
create table features.customer_features as
with grid as (
    select last_day(month)::date as as_of_date
    from generate_series(date '2024-06-01', date '2026-06-01', interval 1 month) as months(month)
),
units as (
    select order_key, sum(quantity) as units, sum(discount_amount) as given from customer.fct_order_lines group by all
),
base as (
    select * from customer.fct_orders join units using (order_key) join grid on ordered_on <= as_of_date
)
select customer_key, as_of_date, min(ordered_on) filter (where is_counted) as first_order_on,
    count(*) filter (where is_counted) as orders_lifetime, count(*) filter (where is_counted) as orders_24m,
    as_of_date - min(ordered_on) filter (where is_counted) as age_days,
    as_of_date - max(ordered_on) filter (where is_counted) as recency_days,
    sum(revenue) as revenue_24m,
    coalesce(sum(revenue) filter (where ordered_on > as_of_date - 365), 0)::decimal(18, 2) as revenue_12m,
    coalesce(sum(margin) filter (where ordered_on > as_of_date - 365), 0)::decimal(18, 2) as margin_12m,
    sum(revenue)::double / nullif(count(*) filter (where is_counted), 0) as avg_order_value,
    (sum(given) filter (where is_counted) / (sum(revenue + given) filter (where is_counted)))::double as discount_share,
    avg(units) filter (where is_counted) as units_per_order,
    avg((sales_channel = 'store')::int) filter (where is_counted) as share_store,
    avg((sales_channel = 'web')::int) filter (where is_counted) as share_web, null::double as last_nps
from base group by customer_key, as_of_date;
create view features.sampled_features as from features.customer_features;
"""


@dataclass(frozen=True)
class DemoShop:
    """The warehouse, and the planted persona of each customer key (0: nobody)."""

    connection: duckdb.DuckDBPyConnection
    personas: npt.NDArray[np.object_]


def demo_shop(people: int, seed: int, until: date = AS_OF) -> DemoShop:
    """Let a company of so many people live, and keep what was known at the end of a day."""
    random = np.random.default_rng(seed)
    products = make_assortment(random)
    campaigns = make_campaigns()
    visits = make_visits(make_people(people, random, Part()), campaigns, random)
    purchases, _ = make_purchases(visits, products, campaigns, random)
    last = int((np.datetime64(until, "D") - FIRST_DAY).astype(int))
    orders = purchases.orders[purchases.orders["day"] <= last]
    frames = {
        "products": products.assign(row=range(len(products))),
        "orders": orders[["order", "person", "day", "status", "net", "discount", "sales_channel"]],
        "lines": purchases.lines,
        "people": visits.people[["person", "gender", "birth_date", "town", "acquisition"]],
    }
    connection = duckdb.connect(config={"threads": 2})
    for name, frame in frames.items():
        connection.register(name, frame)
    connection.execute(_TABLES)
    for name in frames:
        connection.unregister(name)
    return DemoShop(connection, pd.concat([pd.Series([""]), visits.people["persona"]]).to_numpy(dtype=object))
