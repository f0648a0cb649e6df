from datetime import date
from decimal import Decimal

import duckdb
import pytest

from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.queries import EXAMPLES, render_examples, render_table
from crm_pipeline.publish.release import publish


def test_each_question_is_answered_from_the_serving_file(settings, build_warehouse, release_info, pii):
    build_warehouse()
    publish(settings, release_info(), pii)
    text = render_examples(settings)
    assert len(EXAMPLES) == 5
    for example in EXAMPLES:
        assert example.question in text
    assert "Champions" in text
    assert "(no rows)" not in text


def test_before_the_first_release_there_is_a_clear_message(settings):
    with pytest.raises(PublishError, match="Nothing is published"):
        render_examples(settings)


def test_a_file_that_lacks_a_table_is_named_with_the_question(settings):
    settings.serving_file.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.serving_file)) as con:
        con.execute("create table a as select 1 as b")
    with pytest.raises(PublishError, match="Which groups of customers"):
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
