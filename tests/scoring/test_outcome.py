"""The shared tables keep their schema and order."""

from crm_pipeline.scoring import outcome


def test_tables_keep_their_schema_when_empty(settings):
    assert outcome.backtest_table([], settings.as_of).schema.equals(outcome.BACKTESTS.schema)
    assert outcome.status_table([], settings.as_of).schema.equals(outcome.STATUSES.schema)


def test_backtests_are_stored_in_one_order(churn_result, clv_result, settings):
    rows = [*churn_result.report.backtests, *clv_result.report.backtests]
    table = outcome.backtest_table(rows, settings.as_of)
    assert table.schema.equals(outcome.BACKTESTS.schema)
    assert len(table) == len(rows)
    assert table.equals(outcome.backtest_table(rows[::-1], settings.as_of))


def test_a_status_says_which_model_when_and_why(churn_result, settings):
    refused = outcome.insufficient("clv", "Needs more.", outcome.STATUSES)
    rows = outcome.status_table([refused.status, churn_result.status], settings.as_of).to_pylist()
    assert [(row["model"], row["status"], row["reason"]) for row in rows] == [
        ("churn", "ok", None),
        ("clv", "insufficient_data", "Needs more."),
    ]
    assert rows[0]["trained_on"] == rows[0]["as_of_date"] == settings.as_of
