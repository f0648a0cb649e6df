"""What a release says, asked by another process as a BI tool would, and by the reader of the report."""

import json
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from tests.end_to_end.conftest import Deployment
from tests.shops.invented import Totals

_ASK = """
import json, sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as con:
    print(json.dumps([con.execute(sql).fetchall() for sql in sys.argv[2:]], default=str))
"""
#: More than anything here is, of money, people or days.
ABSURD = 1e12
#: No figure, whatever program wrote it.
NO_FIGURE = re.compile(r"\b(nan|NaN|inf|Infinity|None|NaT|null|undefined)\b|[-+]inf\b")


def ask(deployment: Deployment, *queries: str) -> list[list[Any]]:
    """Return the rows of each query, read by a process of its own."""
    command = [sys.executable, "-c", _ASK, str(deployment.settings.serving_file), *queries]
    answers = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return [[tuple(row) for row in rows] for rows in answers]


def told(deployment: Deployment) -> tuple[Totals, Totals]:
    """Return what the release says of itself, and what its tables hold."""
    release, tables = ask(
        deployment,
        "select people, orders, revenue, as_of_date from _release",
        """
        select
            (select count(*) from marts.customer_360),
            (select count(*) from customer.fct_orders where is_counted),
            (select coalesce(sum(revenue), 0) from customer.fct_orders),
            (select max(as_of_date) from marts.customer_360)
        """,
    )
    return _totals(release[0]), _totals(tables[0])


def _totals(row: tuple[Any, ...]) -> Totals:
    return Totals(row[0], row[1], Decimal(str(row[2])), date.fromisoformat(str(row[3])[:10]))


def statuses(deployment: Deployment) -> dict[str, str]:
    return dict(ask(deployment, "select model, status from marts.model_status")[0])


def endless_figures(deployment: Deployment) -> list[str]:
    """Name each column of the release that holds a figure which is none, or one that is no size for anything."""
    (columns,) = ask(
        deployment,
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where schema_name in ('marts', 'customer') and data_type in ('DOUBLE', 'FLOAT')",
    )
    checks = [
        f'select count(*) from {schema}."{table}" '
        f'where isnan("{column}") or isinf("{column}") or abs("{column}") > {ABSURD}'
        for schema, table, column, _ in columns
    ]
    counts = ask(deployment, " union all ".join(f"({check})" for check in checks))[0]
    return [f"{column[1]}.{column[2]}" for column, (count,) in zip(columns, counts, strict=True) if count]


class _Text(HTMLParser):
    """The text of a page that a reader sees, plots included."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.is_style = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.is_style = tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        if not self.is_style:
            self.parts.append(data)


def report_text(deployment: Deployment) -> str:
    reader = _Text()
    reader.feed(deployment.settings.report.read_text(encoding="utf-8"))
    return " ".join(" ".join(reader.parts).split())
