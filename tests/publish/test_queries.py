from datetime import date
from decimal import Decimal

import duckdb
import pytest

from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.queries import EXAMPLES, read_questions, render_examples, render_table
from crm_pipeline.publish.release import publish


def test_the_first_questions_of_the_page_are_answered_from_the_serving_file(
    settings, build_warehouse, release_info, known, tmp_path
):
    build_warehouse()
    publish(settings, release_info(), known)
    page = tmp_path / "questions.md"
    queries = ["select max(rfm_segment) as best from marts.customer_360", *["select 1 as one"] * EXAMPLES]
    page.write_text("\n".join(f"## {n}. Why {n}?\nWords.\n```sql\n{sql}\n```" for n, sql in enumerate(queries, 1)))
    assert [example.sql.strip() for example in read_questions(page)] == queries
    text = render_examples(settings, page)
    assert text.startswith("Why 1?\n\n  best\n  ---------\n  Champions\n")
    assert f"Why {EXAMPLES}?" in text
    assert f"Why {EXAMPLES + 1}?" not in text


def test_before_the_first_release_there_is_a_clear_message(settings):
    with pytest.raises(PublishError, match="Nothing is published"):
        render_examples(settings)


def test_a_file_that_lacks_a_table_is_named_with_the_question(settings):
    settings.serving_file.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.serving_file)) as con:
        con.execute("create table a as select 1 as b")
    with pytest.raises(PublishError, match="Who are our top customers"):
        render_examples(settings)


def test_numbers_stand_to_the_right_and_text_to_the_left():
    rows = [("web", 1234, Decimal("0.50"), None, True), ("store", 5, Decimal("1200.00"), date(2024, 1, 2), False)]
    assert render_table(["channel", "orders", "revenue", "day", "open"], rows).splitlines() == [
        "  channel  orders   revenue  day         open",
        "  -------  ------  --------  ----------  ----",
        "  web       1,234      0.50              yes",
        "  store         5  1,200.00  2024-01-02  no",
    ]


def test_an_answer_without_rows_says_so():
    assert "no rows" in render_table(["a"], [])
