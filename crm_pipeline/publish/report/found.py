"""What a part of the report asks the serving file, and what it found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from markupsafe import Markup

from crm_pipeline.publish.errors import PublishError


@dataclass(frozen=True)
class Found:
    """The answer to a query: names of the columns, and rows."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


Draw = Callable[[str, Found], Markup]
"""Turns the title and the answer of a part into HTML."""


@dataclass(frozen=True)
class Part:
    """One picture or table of the report.

    Attributes:
        title: what it shows.
        note: how to read it, for somebody who sees it for the first time.
        sql: the query on the serving file; `getvariable('last_month')` is the last complete month in it.
        draw: not called for an answer without rows.
        wide: whether it takes the whole width of the page.
    """

    title: str
    note: str
    sql: str
    draw: Draw
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """Parts under one heading."""

    title: str
    parts: Sequence[Part]


def ask(con: duckdb.DuckDBPyConnection, title: str, sql: str) -> Found:
    """Ask the serving file for what stands under a title.

    Raises:
        PublishError: if the file has not what the query asks for.
    """
    try:
        answer = con.execute(sql)
    except duckdb.Error as error:
        raise PublishError(f"The report cannot show '{title}': {error}") from error
    return Found([name for name, *_ in answer.description or ()], answer.fetchall())
