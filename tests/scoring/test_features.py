"""Models look at columns that are marked as their inputs where dbt describes them, and at no other."""

from datetime import date

import duckdb
import pytest

from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import SchemaMismatchError

TODAY = date(2024, 6, 30)


@pytest.fixture
def with_further_column():
    con = duckdb.connect()
    con.execute("create schema features")
    con.execute(
        f"create table features.customer_features as select 1::bigint as customer_key, date '{TODAY}' as as_of_date, "
        "3 as recency_days, 40 as shoe_size, 'f' as gender"
    )
    return con


def test_a_further_column_reaches_no_model_until_it_is_marked(with_further_column, monkeypatch):
    assert "shoe_size" not in features.feature_names(with_further_column, TODAY)
    with pytest.raises(SchemaMismatchError, match="shoe_size"):
        features.select_list(with_further_column, ["shoe_size"])
    marked = features.model_inputs() | {"shoe_size"}
    monkeypatch.setattr(features, "model_inputs", lambda: marked)
    assert "shoe_size" in features.feature_names(with_further_column, TODAY)


def test_no_personal_trait_is_an_input():
    traits = {"customer_key", "age_band", "gender", "income_band", "household_size", "country"}
    assert traits & features.model_inputs() == set()
    assert "recency_days" in features.model_inputs()
