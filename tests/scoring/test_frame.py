"""The shared tables keep their schema and order."""

from dataclasses import replace
from datetime import date

import pytest

from crm_pipeline.scoring import frame


def test_tables_keep_their_schema_when_empty(settings):
    assert frame.backtest_table([], settings.as_of).schema.equals(frame.BACKTESTS.schema)
    assert frame.status_table([], settings.as_of).schema.equals(frame.STATUSES.schema)


def test_backtests_are_stored_in_one_order(churn_result, clv_result, settings):
    rows = [*churn_result.report.backtests, *clv_result.report.backtests]
    table = frame.backtest_table(rows, settings.as_of)
    assert table.schema.equals(frame.BACKTESTS.schema)
    assert len(table) == len(rows)
    assert table.equals(frame.backtest_table(rows[::-1], settings.as_of))


def test_a_version_does_not_depend_on_threads(settings):
    assert settings.described() == replace(settings, threads=settings.threads + 1).described()


@pytest.mark.parametrize("change", [{"seed": 1}, {"training_rows": 1}, {"as_of": date(1999, 12, 31)}])
def test_a_version_depends_on_every_other_setting(settings, change):
    assert settings.described() != replace(settings, **change).described()


def test_a_version_depends_on_the_code_that_made_it(settings, monkeypatch):
    before = settings.described()
    monkeypatch.setattr(frame, "code_hash", lambda package: f"another {package.name}")
    assert settings.described() == before | {"code": "another scor"}


def test_a_status_says_which_model_when_and_why(churn_result, settings):
    refused = frame.insufficient("clv", "Needs more.", frame.STATUSES)
    rows = frame.status_table([refused.status, churn_result.status], settings.as_of).to_pylist()
    assert [(row["model"], row["status"], row["reason"]) for row in rows] == [
        ("churn", "ok", None),
        ("clv", "insufficient_data", "Needs more."),
    ]
    assert rows[0]["trained_on"] == rows[0]["as_of_date"] == settings.as_of
