"""A shop of mailings in DuckDB, where what a contact brings each person is planted."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

AS_OF = date(2026, 6, 30)
#: Key, name, channel, first day, share of held out.
MAILINGS = (
    (1, "Autumn", "email", date(2025, 10, 6), 0.3),
    (2, "Winter", "email", date(2026, 1, 12), 0.5),
    (3, "Spring", "sms", date(2026, 3, 9), 0.4),
    (4, "Summer", "email", date(2026, 5, 4), 0.3),
)
MONTH_ENDS = [date(2025, 9, 30), date(2025, 12, 31), date(2026, 2, 28), date(2026, 4, 30), AS_OF]

TABLES = """
create schema customer; create schema features;
create table customer.dim_campaigns (
    campaign_key bigint, campaign_id varchar, campaign_name varchar, medium varchar, experiment_name varchar
);
create table customer.fct_campaign_contacts (
    customer_key bigint, campaign_key bigint, contact_channel varchar, variant varchar, assigned_on date, sent_on date,
    unsubscribed_at timestamp
);
create table customer.fct_orders (
    customer_key bigint, ordered_on date, is_counted boolean, margin decimal(18, 2),
    refunded_margin decimal(18, 2) default 0, refunded_on date
);
create table features.customer_features (
    customer_key bigint, as_of_date date, recency_days bigint, orders_12m bigint, margin_12m decimal(18, 2),
    orders_lifetime bigint, margin_lifetime decimal(18, 2), mean_gap_days double
);
create view features.sampled_features as from features.customer_features;
create table customer.customer_consent_states (
    customer_key bigint, day date, consent_email boolean, consent_phone boolean, consent_post boolean,
    consent_push boolean
);
"""


def empty() -> duckdb.DuckDBPyConnection:
    """Return a warehouse whose tables are empty."""
    connection = duckdb.connect()
    connection.execute(TABLES)
    return connection


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple]) -> None:
    """Add rows to a table, values in the order of its columns; the last ones may be missing."""
    if rows:
        names = [row[0] for row in connection.sql(f"describe {table}").fetchall()][: len(rows[0])]
        arrived = pa.table({name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
        connection.register("arrived", arrived)
        connection.execute(f"insert into {table} ({', '.join(names)}) select * from arrived")
        connection.unregister("arrived")


def shop(people: int = 1_200, lift: float = 0.8, seed: int = 1, extra: float = 0.0) -> duckdb.DuckDBPyConnection:
    """Return a shop where a contact raises the number of orders in the month after it by the share `lift`.

    Who ordered lately orders more often, at a margin of 20; so the effect is largest for them. Beside that it brings
    everybody `extra` orders, whoever they are.
    """
    random = np.random.default_rng(seed)
    connection = empty()
    rate = random.gamma(0.8, 1.0, people)
    recency = np.maximum(1, random.exponential(30, people) / (rate + 0.1)).astype(int)
    fill(connection, "customer.dim_campaigns", [(k, f"C{k}", name, ch, f"test-{k}") for k, name, ch, *_ in MAILINGS])
    known = [
        (key, day, int(recency[key]), int(rate[key] * 12), float(round(rate[key] * 240, 2)), 20, 400.0, 30.0)
        for day in MONTH_ENDS
        for key in range(people)
    ]
    fill(connection, "features.customer_features", known)
    contacts, orders = [], []
    for campaign, _, channel, day, control in MAILINGS:
        held_out = random.random(people) < control
        bought = random.poisson(rate * (1 + lift * ~held_out) + extra * ~held_out)
        for key in range(people):
            variant = "control" if held_out[key] else "treatment"
            contacts.append((key, campaign, channel, variant, day, None if held_out[key] else day))
            orders += [(key, day + timedelta(days=int(random.integers(0, 30))), True, 20.0) for _ in range(bought[key])]
    fill(connection, "customer.fct_campaign_contacts", contacts)
    fill(connection, "customer.fct_orders", orders)
    return connection
