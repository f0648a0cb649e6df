"""Churn and lifetime value of an invented company, beside oracles that know each person but no future draw."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from crm_pipeline.config.settings import Settings
from crm_pipeline.identity import store
from crm_pipeline.sample.calendar import FIRST_DAY
from crm_pipeline.sample.company import make_company
from crm_pipeline.sample.generate import generate
from crm_pipeline.scoring.lifetime import clv_candidates, clv_past
from crm_pipeline.scoring.lifetime.clv import margin_metrics
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.storage.warehouse import connect
from tests.scoring import churn_oracle, clv_oracle
from tests.scoring.demo_shop import AS_OF

from .conftest import Deployment

PEOPLE, SEED = 20_000, 3
"""Fewer people cannot show a calibration error of 0.02: with 2,000 it is more than that by chance."""
ASKED = ScoringSettings(as_of=AS_OF)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    root = tmp_path_factory.mktemp("company")
    generate(PEOPLE, SEED, root / "data" / "sample")
    deployment = Deployment(root / "data", root / "state", training_rows=Settings().training_rows)
    assert deployment.run().problems == []
    return deployment


@pytest.fixture(scope="module")
def warehouse(company: Deployment) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(company.settings) as connection:
        yield connection


@pytest.fixture(scope="module")
def person(company: Deployment) -> pd.Series:
    """The person behind each customer_key; guests whom no record names have none."""
    person_map = store.read(company.settings, "person_map")
    assert person_map is not None
    truth = company.settings.dataset_folder / "truth"
    return churn_oracle.people_by_key(person_map.to_pandas(), pd.read_csv(truth / "records.csv"))


@pytest.fixture(scope="module")
def backtests(company: Deployment) -> pd.DataFrame:
    """The champions' figures: one row per model, origin and metric."""
    with duckdb.connect(str(company.settings.serving_file), read_only=True) as connection:
        return connection.sql(
            "select model, origin, tested.metric, value from marts.model_backtests as tested "
            "join marts.model_status using (model) where tested.candidate = model_status.champion order by origin"
        ).df()


def values(backtests: pd.DataFrame, model: str, metric: str) -> pd.Series:
    chosen = backtests[(backtests["model"] == model) & (backtests["metric"] == metric)]
    assert len(chosen) == 3
    return chosen.set_index("origin")["value"]


def test_churn_is_ranked_within_five_percent_of_the_oracle(company, warehouse, person, backtests):
    people = pd.read_csv(company.settings.dataset_folder / "truth" / "people.csv").set_index("person")
    for origin, auc in values(backtests, "churn", "auc").items():
        day = f"{origin:%Y-%m-%d}"
        asked = churn_oracle.asked(warehouse, day, ASKED.churn_horizon_days)
        asked = asked[asked["customer_key"].isin(person.index)]
        known = people.loc[person[asked["customer_key"]]]
        told = churn_oracle.probabilities(
            known, asked["last_order_on"], day, ASKED.churn_horizon_days, knows_who_left=False
        )
        best = roc_auc_score(asked["churned"], told)
        assert 0.95 * best < auc < best


def test_churn_probabilities_come_true(backtests):
    assert values(backtests, "churn", "calibration_error").mean() <= 0.02


def test_the_80_percent_interval_of_lifetime_value_holds_75_to_85_percent(backtests):
    assert values(backtests, "clv", "interval_coverage").between(0.75, 0.85).all()


def test_lifetime_value_is_within_six_percent_of_the_oracle(company, warehouse, person):
    world = make_company(PEOPLE, SEED).world
    bought = clv_oracle.Company(world.people.reset_index(drop=True), world.products, world.campaigns, world.purchases)
    oracle = clv_oracle.Oracle(bought.people, bought.campaigns, clv_oracle.margin_per_order(bought))
    past = clv_past.look_back(warehouse, ASKED)
    origin = max(past.origins)
    now, cutoff = past.snapshots[origin], int((np.datetime64(origin) - FIRST_DAY).astype(int))
    fitted = clv_candidates.fit(past, clv_candidates.BOOSTING, origin, seed=1)
    last = clv_oracle.last_order_day(bought, cutoff)
    best = oracle.expected(oracle.p_alive(last, cutoff), cutoff, past.days)
    known = np.isin(now.people.keys, person.index)
    told = {
        "model": fitted.forecast(now.people, past.days).expected[known],
        "oracle": best[person[now.people.keys[known]]],
    }
    figures = {name: margin_metrics(now.actual[known], expected) for name, expected in told.items()}
    for metric in ("normalised_gini", "spearman"):
        assert 0.94 < figures["model"][metric] / figures["oracle"][metric] < 1
