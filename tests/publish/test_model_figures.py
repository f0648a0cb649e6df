"""The table of models: what was measured, in words, and only where the document has a place for it."""

import duckdb
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.model_figures import BEGIN, END, HEADER, figures, markdown, write_into


@pytest.fixture
def settings(tmp_path):
    made = Settings(dataset="shop", state_root=tmp_path)
    made.serving_file.parent.mkdir(parents=True)
    with duckdb.connect(str(made.serving_file)) as con:
        con.execute("create schema marts")
        con.execute(
            "create table marts.model_status as select * from (values "
            "('churn', date '2023-06-30', 'ok', 'logistic', 'recency', 'auc', true), "
            "('clv', date '2023-06-30', 'worse_than_baseline', 'bgnbd', 'last_year', 'mean_absolute_error', false), "
            "('uplift', date '2023-06-30', 'insufficient_data', null, null, null, null), "
            "('churn', date '2023-05-31', 'insufficient_data', null, null, null, null)"
            ") as t(model, as_of_date, status, champion, baseline, metric, higher_is_better)"
        )
        con.execute(
            "create table marts.model_backtests as select * from (values "
            "('churn', date '2023-06-30', date '2023-01-31', 'logistic', 'auc', 0.75), "
            "('churn', date '2023-06-30', date '2023-02-28', 'logistic', 'auc', 0.65), "
            "('churn', date '2023-06-30', date '2023-01-31', 'recency', 'auc', 0.60), "
            "('churn', date '2023-06-30', date '2023-02-28', 'recency', 'auc', 0.66), "
            "('churn', date '2023-05-31', date '2023-02-28', 'logistic', 'auc', 0.10), "
            "('clv', date '2023-06-30', date '2023-01-31', 'bgnbd', 'mean_absolute_error', 1200.4), "
            "('clv', date '2023-06-30', date '2023-01-31', 'last_year', 'mean_absolute_error', 1000.0)"
            ") as t(model, as_of_date, origin, candidate, metric, value)"
        )
    return made


def test_a_line_says_who_won_how_often_and_by_what(settings):
    lines = figures(settings)
    assert lines == [
        ("shop", "churn", "logistic", "auc", "0.700", "recency", "0.630", "1 of 2", "ok"),
        (
            "shop", "clv", "bgnbd", "mean absolute error", "1,200", "last_year", "1,000", "0 of 1",
            "worse than baseline",
        ),
        ("shop", "uplift", "", "", "", "", "", "", "insufficient data"),
    ]  # fmt: skip


def test_only_the_table_of_a_document_is_rewritten(settings, tmp_path):
    document = tmp_path / "README.md"
    document.write_text(f"# Shop\n{BEGIN}\nold\n{END}\nend\n")
    assert write_into(document, figures(settings))
    assert document.read_text() == f"# Shop\n{BEGIN}\n{markdown(figures(settings))}\n{END}\nend\n"
    assert not write_into(document, figures(settings))


def test_a_document_without_a_place_is_left_alone(tmp_path):
    document = tmp_path / "README.md"
    document.write_text("# Shop\n")
    with pytest.raises(PublishError, match="no place"):
        write_into(document, [HEADER])
    assert document.read_text() == "# Shop\n"


def test_an_unpublished_dataset_is_named_with_the_remedy(tmp_path):
    with pytest.raises(PublishError, match="crm run -d shop"):
        figures(Settings(dataset="shop", state_root=tmp_path))
