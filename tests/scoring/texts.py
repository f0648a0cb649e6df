"""A warehouse of tickets, survey answers and mentions, for what is done with texts."""

from datetime import date

import duckdb
import pyarrow as pa

AS_OF = date(2023, 6, 30)
_TABLES = {
    "fct_social_mentions": (
        ("mention_key", pa.int64()),
        ("customer_key", pa.int64()),
        ("posted_on", pa.date32()),
        ("body", pa.string()),
        ("rating", pa.float64()),
    ),
    "fct_survey_responses": (
        ("response_key", pa.int64()),
        ("customer_key", pa.int64()),
        ("answered_on", pa.date32()),
        ("comment", pa.string()),
        ("score_share", pa.float64()),
    ),
    "fct_support_tickets": (
        ("ticket_key", pa.int64()),
        ("customer_key", pa.int64()),
        ("opened_on", pa.date32()),
        ("subject_line", pa.string()),
        ("body", pa.string()),
        ("satisfaction", pa.float64()),
        ("resolved_on", pa.date32()),
    ),
}


def warehouse(mentions=(), answers=(), tickets=(), threads=2):
    """Return a warehouse in memory of rows in the order of the columns above."""
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("create schema customer")
    for (name, columns), rows in zip(_TABLES.items(), (mentions, answers, tickets), strict=True):
        arrived = pa.Table.from_pylist(
            [dict(zip((column for column, _ in columns), row, strict=True)) for row in rows], schema=pa.schema(columns)
        )
        connection.register("arrived", arrived)
        connection.execute(f"create table customer.{name} as select * from arrived")
        connection.unregister("arrived")
    return connection
