"""Questions of the user's own: contracts of a telecom shop that end, asked about as churn is; what cannot be asked."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from crm_pipeline.config.questions import OwnQuestion
from crm_pipeline.scoring.contest import mean_metrics
from crm_pipeline.scoring.model import NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.questions.own_questions import TABLE, OwnModel
from crm_pipeline.scoring.run import run
from tests.scoring.conftest import AS_OF, FEATURES, FIRST_DAY, orders_table

SETTINGS = ScoringSettings(as_of=AS_OF)
BY_COLUMN = {"fact": "customers", "day": "contract_ended_on"}
BY_FACT = {"fact": "support_tickets", "day": "opened_on", "where": "category = 'cancellation'"}
PRICES, MONTHLY_HAZARD = np.array([10, 20, 40]), np.array([0.01, 0.02, 0.06])


class QuickModel(OwnModel):
    """One quick candidate, where a test is not about the candidates."""

    candidates = ("logistic_regression",)


def declared(yes_if, **more):
    return OwnQuestion(**{"name": "contract_ends", "yes_if": yes_if, "once": True, **more})


def telecom(people=1000, seed=3, *, price_matters=True):
    """Return a telecom shop: a bill a month until the contract ends, which it does the sooner the dearer it is.

    Half of those who leave write to say so.
    """
    random = np.random.default_rng(seed)
    bills, customers, tickets = [], [], []
    for key in range(1, people + 1):
        kind, day = random.integers(3), FIRST_DAY + timedelta(days=int(random.integers(0, 800)))
        hazard = MONTHLY_HAZARD[kind] if price_matters else MONTHLY_HAZARD.mean()
        ended = day + timedelta(days=30 * int(random.geometric(hazard)) + int(random.integers(0, 30)))
        while day <= min(AS_OF, ended):
            bills.append((key, day, True, float(PRICES[kind])))
            day += timedelta(days=30)
        customers.append((key, ended if ended <= AS_OF else None))
        if ended <= AS_OF and key % 2:
            tickets.append((key, ended, "cancellation"))
        tickets.append((key, FIRST_DAY, "question"))
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("create schema customer; create schema features")
    connection.register("bills", orders_table(bills))
    connection.execute("create table customer.fct_orders as from bills")
    connection.register("known", pd.DataFrame(customers, columns=["customer_key", "ended"]))
    ended_on = "select customer_key, ended::date as contract_ended_on from known"
    connection.execute(f"create table customer.dim_customers as {ended_on}")
    connection.register("written", pd.DataFrame(tickets, columns=["customer_key", "day", "category"]))
    connection.execute("create table customer.fct_support_tickets as select *, day::date as opened_on from written")
    connection.execute(FEATURES, {"as_of": AS_OF})
    connection.execute("create view features.sampled_features as from features.customer_features")
    return connection


@pytest.fixture(scope="module")
def shop():
    return telecom()


@pytest.fixture(scope="module")
def result(shop, tmp_path_factory):
    return run(OwnModel(declared(BY_COLUMN)), shop, SETTINGS, tmp_path_factory.mktemp("registry"))


def test_churn_by_contract_gets_the_whole_frame(result, shop):
    means, champion = mean_metrics(result.report.backtests), result.report.status.champion
    assert (result.report.status.status, result.report.status.model) == (Status.OK, "question_contract_ends")
    assert means[champion]["auc"] > means["age_and_recency"]["auc"] + 0.05
    assert means["same_for_all"]["auc"] == 0.5
    assert len({row.origin for row in result.report.backtests}) == 3
    assert means[champion]["calibration_error"] < 2 * means[champion]["calibration_error_by_chance"]
    assert result.report.card["question"]["yes_if"]["day"] == "contract_ended_on"
    assert result.scores.schema.equals(TABLE.schema)
    assert result.scores["reason_1"].null_count < len(result.scores) / 5


def test_who_pays_more_is_likelier_to_leave_as_planted(result, shop):
    prices = dict(shop.sql("select customer_key, max(revenue)::int from customer.fct_orders group by 1").fetchall())
    scored = result.scores.to_pandas()
    assert scored.groupby(scored["customer_key"].map(prices))["probability"].mean().is_monotonic_increasing


def test_whose_contract_ended_is_asked_no_more_and_everybody_else_is(result, shop):
    running = shop.sql("select customer_key from customer.dim_customers where contract_ended_on is null order by 1")
    known = {row[0] for row in shop.sql("select distinct customer_key from customer.fct_orders").fetchall()}
    assert result.scores["customer_key"].to_pylist() == [row[0] for row in running.fetchall() if row[0] in known]


def test_labels_are_the_days_strictly_after_the_origin_up_to_the_horizon(shop):
    model = QuickModel(declared(BY_COLUMN))
    frame = model.prepare(shop, SETTINGS).frame
    ended = dict(shop.sql("select * from customer.dim_customers").fetchall())
    for key, origin, label in zip(frame.keys, frame.origins.astype(object), frame.labels, strict=True):
        day = ended[key]
        assert day is None or day > origin
        assert label == (day is not None and day <= origin + timedelta(days=90))


def test_a_condition_on_a_fact_answers_and_other_rows_of_it_do_not(shop):
    frame = QuickModel(declared(BY_FACT)).prepare(shop, SETTINGS).frame
    told = shop.sql("select distinct customer_key from customer.fct_support_tickets where category = 'cancellation'")
    assert set(frame.keys[frame.labels == 1].tolist()) <= {row[0] for row in told.fetchall()}
    assert (frame.labels == 1).sum() > 0


def test_a_question_is_asked_of_those_whom_its_condition_names(shop):
    frame = QuickModel(declared(BY_COLUMN, asked_of="avg_order_value > 15")).prepare(shop, SETTINGS).frame
    assert frame.column("avg_order_value").min() > 15
    assert len(frame) < len(QuickModel(declared(BY_COLUMN)).prepare(shop, SETTINGS).frame)


@pytest.mark.parametrize(
    ("yes_if", "more", "sentence"),
    [
        ({"fact": "parcels", "day": "sent_on"}, {}, r"Needs the table customer\.fct_parcels"),
        ({**BY_COLUMN, "day": "left_on"}, {}, r"column 'left_on' in customer\.dim_customers; has contract_ended_on"),
        ({**BY_FACT, "where": "kind = 'x'"}, {}, r"column 'kind' in customer\.fct_support_tickets"),
        (BY_COLUMN, {"asked_of": "contract_ended_on is null"}, "column 'contract_ended_on' in what models may know"),
        ({**BY_FACT, "where": "category = 'fire'"}, {}, "Needs 100 people who answered yes and 100 who did not"),
    ],
)
def test_what_cannot_be_asked_says_so_in_a_sentence(shop, yes_if, more, sentence):
    with pytest.raises(NotEnoughDataError, match=sentence):
        QuickModel(declared(yes_if, **more)).prepare(shop, SETTINGS)


def test_what_comes_after_the_as_of_date_changes_nothing(shop):
    before = date(2023, 3, 31)
    asked = ScoringSettings(as_of=before)
    whole = QuickModel(declared(BY_COLUMN)).prepare(shop, asked).frame
    shop.execute(
        "begin; update customer.dim_customers set contract_ended_on = null where contract_ended_on > ?", [before]
    )
    cut = QuickModel(declared(BY_COLUMN)).prepare(shop, asked).frame
    shop.execute("rollback")
    assert np.array_equal(whole.labels, cut.labels)
    assert np.array_equal(whole.keys, cut.keys)


def test_a_question_that_chance_alone_answers_is_refused(tmp_path):
    accepted = 0
    for seed in range(4):
        drawn = run(
            QuickModel(declared(BY_COLUMN)), telecom(500, seed, price_matters=False), SETTINGS, tmp_path / str(seed)
        )
        accepted += drawn.report.status.status is Status.OK
    assert accepted == 0
