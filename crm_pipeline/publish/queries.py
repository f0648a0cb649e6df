"""Questions that a BI user would ask of the serving file, and their answers as plain text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.publish.errors import PublishError

QUESTIONS = PROJECT / "docs" / "questions.md"
EXAMPLES = 5
"""How many of the questions `crm examples` answers."""
_WIDEST = 40


@dataclass(frozen=True)
class Example:
    """A question in words, and the query that answers it on the serving file."""

    question: str
    sql: str


def read_questions(page: Path = QUESTIONS) -> tuple[Example, ...]:
    """Return the questions of a page: each heading with a number, and the first SQL below it."""
    found = re.findall(
        r"^## \d+\. (.+?)\n.*?```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return tuple(Example(question, sql) for question, sql in found)


def render_examples(settings: Settings, page: Path = QUESTIONS) -> str:
    """Answer the first questions of the page from the current serving file, as text for a terminal.

    Raises:
        PublishError: if nothing has been published yet, or the file lacks what a question needs.
    """
    if not settings.serving_file.exists():
        raise PublishError(f"Nothing is published for {settings.dataset} yet. Run the pipeline first.")
    with duckdb.connect(str(settings.serving_file), read_only=True) as con:
        return "\n\n".join(_answer(con, example) for example in read_questions(page)[:EXAMPLES]) + "\n"


def _answer(con: duckdb.DuckDBPyConnection, example: Example) -> str:
    try:
        result = con.execute(example.sql)
    except duckdb.Error as error:
        raise PublishError(f"The serving file cannot answer {example.question!r}: {error}") from error
    header = [column[0] for column in result.description or []]
    return f"{example.question}\n\n{render_table(header, result.fetchall())}"


def render_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as a plain text table: numbers to the right, everything else to the left."""
    if not rows:
        return "  (no rows)"
    cells = [[_shown(value) for value in row] for row in rows]
    widths = [max(len(line[column]) for line in [header, *cells]) for column in range(len(header))]
    right = [any(_is_number(row[column]) for row in rows) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(line, widths, right) for line in [header, rule, *cells])


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return ("  " + "  ".join(padded)).rstrip()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:,}" if _is_number(value) else str(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
