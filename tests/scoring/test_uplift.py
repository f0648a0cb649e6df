"""Uplift: planted effects are found and ranked, and where the data cannot carry a model it says so."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from crm_pipeline.scoring.contacts import qini
from crm_pipeline.scoring.contacts.experiments import Trial
from crm_pipeline.scoring.contacts.uplift import TABLE, Uplift
from crm_pipeline.scoring.contacts.uplift_learners import LEARNERS, lesson, pseudo_effects, shrunk
from crm_pipeline.scoring.contacts.uplift_verdict import UpliftRound, evidence, half_of
from crm_pipeline.scoring.model import NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.run import run
from tests.scoring import mailings

SETTINGS = ScoringSettings(as_of=mailings.AS_OF)


@pytest.fixture(scope="module")
def connection():
    return mailings.shop()


@pytest.fixture(scope="module")
def result(connection, tmp_path_factory):
    return run(Uplift(), connection, SETTINGS, tmp_path_factory.mktemp("registry"))


def planted(people: int, share: float, seed: int) -> tuple[Trial, np.ndarray]:
    """Return contacts of which a tenth would have bought twice more, and what a contact brings each of them."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(people, 3))
    rate = np.exp(0.5 * features[:, 0])
    extra = rate * np.where(features[:, 1] > 0, 1.2, 0.0)
    treated = (random.random(people) < share).astype(float)
    orders = random.poisson(rate + extra * treated).astype(float)
    trial = Trial(
        keys=np.arange(people),
        campaigns=np.repeat([1, 2], people // 2),
        channels=np.repeat(["email", "sms"], people // 2),
        days=np.repeat(np.datetime64("2026-01-01"), people),
        treated=treated,
        share=np.full(people, treated.mean()),
        margin=orders * 10,
        orders=orders,
        features=features,
        names=("a", "b", "c"),
    )
    return trial, extra


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_pseudo_effects_have_the_mean_effect_of_any_group_whatever_was_expected(share):
    trial, extra = planted(60_000, share, seed=3)
    for expected in (np.zeros(60_000), np.full(60_000, 25.0)):
        effects = pseudo_effects(trial, trial.margin, expected)
        for group in (trial.features[:, 1] > 0, trial.features[:, 1] <= 0):
            error = effects[group].std() / np.sqrt(group.sum())
            assert abs(effects[group].mean() - 10 * extra[group].mean()) < 4 * error


@pytest.mark.parametrize("name", LEARNERS)
def test_each_method_ranks_new_people_better_than_at_random(name):
    trial, _ = planted(4_000, 0.6, seed=4)
    new, extra = planted(4_000, 0.6, seed=5)
    past = lesson(trial, ("email", "sms"), seed=1)
    matrix = np.column_stack([new.features, new.channels == "email", new.channels == "sms"]).astype(float)
    effects = LEARNERS[name](past, 1).effects(matrix)
    best = qini.coefficient(extra, extra)[0]
    assert qini.coefficient(extra, effects.margin)[0] > 0.25 * best
    assert qini.coefficient(extra, effects.orders)[0] > 0.25 * best
    if name != "class_transformation":  # it knows whether people buy, not how often
        assert effects.orders.mean() == pytest.approx(extra.mean(), rel=0.25)
        assert effects.margin.mean() == pytest.approx(10 * extra.mean(), rel=0.25)


def test_expectations_come_from_models_that_have_not_seen_the_person():
    trial, _ = planted(2_000, 0.5, seed=6)
    changed = trial.margin.copy()
    changed[7] += 500
    before, after = (lesson(one, ("email", "sms"), seed=1) for one in (trial, replace(trial, margin=changed)))
    assert after.expected_margin[7] == before.expected_margin[7]


def test_estimates_are_drawn_together_the_more_the_less_is_known():
    values = np.array([0.0, 1.0, 9.0])
    assert shrunk(values, np.array([0.1, 0.1, 0.1])) == pytest.approx(values, abs=0.02)
    assert shrunk(values, np.array([50.0, 50.0, 50.0])) == pytest.approx(np.full(3, 10 / 3))
    known, unknown = shrunk(np.array([2.0, 0.0]), np.array([0.5, np.inf]))
    assert (known, unknown) == (2.0, 2.0)


def test_a_planted_effect_is_accepted_and_scored_per_person_and_channel(result):
    assert result.status.status is Status.OK
    assert result.scores.schema.equals(TABLE.schema)
    assert len(result.scores) == 1_200 * 2
    keys = result.scores["customer_key"].to_numpy()
    assert (np.diff(keys) >= 0).all()
    assert result.scores["contact_channel"].to_pylist()[:2] == ["email", "sms"]


def test_who_buys_more_anyway_is_expected_to_gain_more_and_the_mean_is_right(connection, result):
    rate = np.array(
        connection.sql(
            "select orders_12m from features.customer_features where as_of_date = $day order by customer_key",
            params={"day": mailings.AS_OF},
        ).fetchall()
    )[:, 0]
    margin = result.scores["expected_extra_margin"].to_numpy()[::2]
    assert np.corrcoef(margin, rate)[0, 1] > 0.8
    # Planted: 0.8 of the orders at a margin of 20; the mean rate is 0.8 orders a month.
    assert margin.mean() == pytest.approx(0.8 * 0.8 * 20, rel=0.25)
    assert result.scores["expected_extra_orders"].to_numpy()[::2].mean() == pytest.approx(0.8 * 0.8, rel=0.25)


def test_contacting_everybody_has_no_qini_and_recency_is_shown_beside_it(result):
    rows = {(row.candidate, row.metric): row for row in result.report.backtests}
    assert rows["everyone", "qini"].value == pytest.approx(0, abs=1e-12)
    assert rows["everyone", "qini"].is_baseline and rows["recency", "qini"].is_baseline


def test_each_origin_tests_on_contacts_drawn_until_the_next(connection):
    model = Uplift()
    rounds = list(model.rounds(model.prepare(connection, SETTINGS), SETTINGS))
    assert [one.origin for one in rounds] == [date(2026, 1, 12), date(2026, 3, 9), date(2026, 5, 4)]
    assert [len(one.actual) for one in rounds] == [1_200] * 3


@pytest.fixture(scope="module")
def constant():
    """A shop where a contact brings everybody the same, and what the model says of it."""
    model, shop = Uplift(), mailings.shop(lift=0.0, extra=0.3)
    prepared = model.prepare(shop, SETTINGS)
    return model, shop, prepared, list(model.rounds(prepared, SETTINGS))


def test_where_a_contact_brings_everybody_the_same_all_get_the_mean_effect_and_it_is_said(constant):
    model, shop, prepared, rounds = constant
    verdict = model.judge(rounds)
    assert (verdict.champion, verdict.refusal) == ("everyone", None)
    assert verdict.notes[0].startswith("Everybody gets the mean effect: no ranking of people was told from chance.")
    scores = model.score(shop, model.fit(prepared, verdict.champion, SETTINGS), "v", SETTINGS).to_pandas()
    assert scores["is_mean_effect"].all()
    assert (scores.groupby("contact_channel")["expected_extra_margin"].nunique() == 1).all()
    assert scores["expected_extra_margin"].mean() == pytest.approx(0.3 * 20, rel=0.35)
    assert scores["expected_extra_orders"].mean() == pytest.approx(0.3, rel=0.35)


def test_a_ranking_that_is_believed_is_no_mean_effect(result):
    assert not any(result.scores["is_mean_effect"].to_pylist())
    assert result.status.reason is None


def of_chance(seed, effect=0.0):
    """Rounds in which four rankings and recency know nothing of the effects, apart from the last by `effect`."""
    random = np.random.default_rng(seed)
    rounds = []
    for number in range(3):
        common, keys = random.normal(size=1_000), random.integers(0, 10**9, 1_000)
        names = ("a", "b", "c", "d", "recency")
        predictions = {name: common + random.normal(size=1_000) for name in names}
        actual = 5 + effect * predictions["d"] + 40 * random.standard_t(4, 1_000)
        rounds.append(UpliftRound(origin=date(2026, 1 + number, 1), actual=actual, predictions=predictions, keys=keys))
    return rounds


def test_of_forty_draws_without_a_ranking_two_at_most_are_believed():
    believed = [evidence(of_chance(seed), "abcd", "recency").holds for seed in range(40)]
    assert sum(believed) <= 2
    # What looks best of all on the very contacts that chose it is above nothing most of the time.
    best = [max(np.mean([qini.coefficient(one.actual, one.predictions[name])[0] for one in of_chance(seed)])
                for name in "abcd") for seed in range(40)]  # fmt: skip
    assert sum(value > 0 for value in best) > 20


def test_a_ranking_that_is_there_is_believed_and_it_is_the_right_one():
    found = [evidence(of_chance(seed, effect=8.0), "abcd", "recency") for seed in range(10)]
    assert sum(one.holds for one in found) >= 9
    assert all(one.method == "d" for one in found if one.holds)


def test_who_chooses_does_not_judge():
    # Each half of the people is ranked rightly by one method and the wrong way round by the other.
    keys, effects = np.arange(1_000), np.random.default_rng(1).normal(size=1_000)
    right = np.where(half_of(keys), effects, -effects)
    predictions = {"a": right, "b": -right, "recency": np.zeros(1_000)}
    found = evidence(
        [UpliftRound(origin=date(2026, 1, 1), actual=effects, predictions=predictions, keys=keys)], "ab", "recency"
    )
    assert found.qini < -0.2


@pytest.mark.slow
def test_of_forty_shops_with_one_effect_for_everybody_two_at_most_are_ranked():
    model, ranked = Uplift(), []
    for seed in range(40):
        prepared = model.prepare(mailings.shop(lift=0.0, extra=0.3, seed=seed), SETTINGS)
        verdict = model.judge(list(model.rounds(prepared, SETTINGS)))
        ranked += [seed] if verdict.champion != "everyone" else []
    assert len(ranked) <= 2, ranked


def test_a_shop_whose_contacts_bring_nothing_is_told_that_nothing_can_be_seen():
    with pytest.raises(NotEnoughDataError, match=r"^Needs a mean effect of contacts that can be told from none; 4,800"):
        Uplift().prepare(mailings.shop(lift=0.0), SETTINGS)


def test_a_shop_without_experiments_is_told_what_is_needed():
    with pytest.raises(NotEnoughDataError, match=r"^Needs 100 people contacted and 100 held out .* has 0 contacted"):
        Uplift().prepare(_no_campaigns(), SETTINGS)


def test_a_broken_experiment_is_left_out_and_named(connection):
    model = Uplift(control_shares={"test-2": 0.3, "test-1": 0.3})
    prepared = model.prepare(connection, SETTINGS)
    assert set(prepared.lesson.trial.campaigns.tolist()) == {1, 3, 4}
    card = model.card(prepared, model.fit(prepared, "proportional", SETTINGS), SETTINGS)
    assert card["left_out"][0].startswith("Winter: ")
    assert card["groups_not_checked"] == ["Spring", "Summer"]


def test_an_experiment_whose_response_days_are_not_over_is_named_as_left_out(connection):
    model, in_may = Uplift(), ScoringSettings(as_of=date(2026, 5, 10))
    prepared = model.prepare(connection, in_may)
    card = model.card(prepared, model.fit(prepared, "proportional", in_may), in_may)
    assert [line.split(" ")[0] for line in card["experiments"]] == ["Autumn", "Winter", "Spring"]
    assert [line.split(":")[0] for line in card["left_out"]] == ["Summer"]


def test_what_happened_after_a_past_date_changes_nothing_as_of_that_date(connection):
    past = ScoringSettings(as_of=date(2026, 4, 30))
    alone = mailings.shop()
    alone.execute("delete from customer.fct_orders where ordered_on > date '2026-04-30'")
    alone.execute("delete from customer.fct_campaign_contacts where assigned_on > date '2026-04-30'")
    alone.execute("delete from features.customer_features where as_of_date > date '2026-04-30'")
    scores = _scores(connection, past)
    assert scores.equals(_scores(alone, past))
    assert len(scores)


def test_refunds_after_a_past_date_change_nothing_as_of_that_date(connection):
    past = ScoringSettings(as_of=date(2026, 4, 30))
    later = mailings.shop()
    later.execute(
        "update customer.fct_orders set margin = margin - 5, refunded_margin = 5, refunded_on = date '2026-05-01' "
        "where customer_key % 3 = 0"
    )
    assert _scores(later, past).equals(_scores(connection, past))


def test_the_order_in_which_rows_arrive_changes_nothing(connection):
    shuffled = mailings.shop()
    for table in ("customer.fct_orders", "customer.fct_campaign_contacts", "features.customer_features"):
        shuffled.execute(f"create or replace table {table} as select * from {table} order by hash(customer_key)")
    arrays = [Uplift().training_data(Uplift().prepare(one, SETTINGS)) for one in (connection, shuffled)]
    assert all(
        np.array_equal(first, second, equal_nan=first.dtype.kind == "f") for first, second in zip(*arrays, strict=True)
    )


def _scores(warehouse, settings):
    model = Uplift()
    fitted = model.fit(model.prepare(warehouse, settings), "proportional", settings)
    return model.score(warehouse, fitted, "v", settings)


def _no_campaigns():
    connection = mailings.shop(50)
    connection.execute("delete from customer.dim_campaigns")
    return connection
