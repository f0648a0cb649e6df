"""Odd settings and expressions: each gets a sentence with its place, and everything else goes on."""

import time
from datetime import UTC, datetime

import pytest
import yaml

from crm_pipeline.config.dataset import DatasetError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("host_files_bad_star", ["sources[0].files", "Write 'landing/**/*.csv'"]),
        ("host_header_row_1e30", ["read.header_row", "a whole number is expected: at least 1 and at most 100,000"]),
        ("host_preset_list", ["preset: one name is expected", "shopify_orders"]),
        ("host_service_costs_inf", ["business.service_costs.", "finite"]),
        ("host_source_name_long", ["sources[0].name", "300 characters, and 100 are allowed"]),
        ("host_sql_read_text_passwd", ["columns.coupon_code.sql", "its own row only"]),
        ("host_sql_recursive_cte", ["columns.coupon_code.sql", "its own row only"]),
        ("host_timezone_right", ["business.timezone", "unknown time zone", "Europe/Berlin"]),
        ("host_yaml_deep_nesting", ["nested more than 50 deep"]),
        ("host_yaml_latin1", ["is not UTF-8", "Save it as UTF-8"]),
        ("yaml_no", ["sources[0].columns.order_id", "no is read as yes or no", 'put it in quotes: "no"']),
    ],
)
def test_an_odd_setting_gets_a_sentence_with_file_and_line(case, name, words):
    with pytest.raises(DatasetError) as caught:
        case(name).load()
    message = str(caught.value)
    assert "pipeline.yml, line " in message
    for word in words:
        assert word in message


def test_an_expression_without_measure_ends_within_seconds_and_other_sources_load(case):
    found = case("host_sql_huge_string")
    document = yaml.safe_load((found.folder / "pipeline.yml").read_text())
    (source,) = document["sources"]
    plain = {name: origin for name, origin in source["columns"].items() if name != "coupon_code"}
    found.configure(source, source | {"name": "other", "columns": plain})
    started = time.monotonic()
    found.load(datetime(2026, 6, 1, tzinfo=UTC))
    assert time.monotonic() - started < 20
    huge, other = sorted(found.ledger(), key=lambda entry: entry.source != "shop")
    assert huge.outcome == "refused"
    assert "The expression of columns.coupon_code takes more memory than the 2 GB that it may." in huge.problem
    assert "the source shop in pipeline.yml" in huge.problem
    assert other.rows_loaded == other.rows_read > 0
