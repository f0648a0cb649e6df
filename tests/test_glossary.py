"""A name that says what it is not is found by the glossary."""

import pytest
import yaml

from crm_pipeline.config.settings import PROJECT
from tests.glossary import PAGE, broken, read_glossary

GLOSSARY = read_glossary(PAGE.read_text())
#: Its column has the name that MetricFlow gives it.
TIME_SPINE = "time_spine"


@pytest.mark.parametrize(
    ("column", "kind", "said"),
    [
        ("channel", "VARCHAR", "t.channel: channel stands only in contact_channel, sales_channel, *_contact_channel"),
        ("acquisition_channel", "VARCHAR", "t.acquisition_channel: channel stands only in"),
        ("text_channels", "VARCHAR", "t.text_channels: channel stands only in"),
        ("segment_id", "VARCHAR", "t.segment_id: segment stands only in"),
        ("persona_of_rfm", "VARCHAR", "t.persona_of_rfm: persona stands only in"),
        ("ordered_on", "TIMESTAMP", "t.ordered_on: *_on is DATE, not TIMESTAMP"),
        ("ordered_at", "DATE", "t.ordered_at: *_at is TIMESTAMP, not DATE"),
        ("is_open", "BIGINT", "t.is_open: is_* is BOOLEAN, not BIGINT"),
        ("customer_id", "BIGINT", "t.customer_id: *_id is VARCHAR, not BIGINT"),
        ("revenue", "DOUBLE", "t.revenue: revenue is DECIMAL, not DOUBLE"),
        ("last_seen", "DATE", "t.last_seen: no name of a DATE"),
        ("seen", "TIMESTAMP", "t.seen: no name of a TIMESTAMP"),
    ],
)
def test_a_name_that_says_what_it_is_not_is_found(column, kind, said):
    (sentence,) = broken(GLOSSARY, [("t", column, kind)])
    assert sentence.startswith(said)


def test_names_that_say_what_they_are_pass():
    columns = [("t", "sales_channel", "VARCHAR"), ("t", "ordered_on", "date"), ("t", "revenue", "decimal(18,2)")]
    assert broken(GLOSSARY, [*columns, ("t", "next_best_contact_channel", "VARCHAR")]) == []


def test_each_term_has_one_sentence():
    assert len(GLOSSARY.only_as) >= 6
    assert len(GLOSSARY.types) >= 10


def test_each_column_of_a_mart_says_what_it_is():
    files = (PROJECT / "dbt_project" / "models" / "marts").rglob("*.yml")
    models = [model for file in files for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", [])]
    columns = [
        (model["name"], column["name"], column["data_type"])
        for model in models
        for column in model.get("columns", [])
        if "data_type" in column and model["name"] != TIME_SPINE
    ]
    assert len(columns) > 500
    assert broken(GLOSSARY, columns) == []
