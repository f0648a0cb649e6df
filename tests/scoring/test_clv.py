"""Lifetime value: what it says of a simulated shop, beside what then happened, and when it must say nothing."""

import dataclasses
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from crm_pipeline.scoring import bgnbd, clv, gamma_gamma, outcomes
from crm_pipeline.scoring.frame import CLV_SCHEMA, ScoringSettings, Status, mean_metric

MODEL = clv.ClvModel(bgnbd.BgNbd(0.6, 34.0, 0.7, 5.6, 0.0), gamma_gamma.GammaGamma(4.0, 4.0, 6.0, 0.0), 1.0)


def one(x, t_x, age, mean_value):
    columns = (np.array([float(value)]) for value in (1, x, t_x, age, mean_value, 0, 0))
    return clv.People(*columns)


def test_every_buyer_gets_a_value_with_its_interval(clv_result, shop, settings):
    scores = clv_result.scores
    assert clv_result.status.status is Status.OK
    assert scores.schema.equals(CLV_SCHEMA)
    assert scores["customer_key"].to_pylist() == [
        row[0]
        for row in shop.sql(
            "select customer_key from features.customer_features where as_of_date = $d and orders_lifetime > 0 "
            "order by customer_key",
            params={"d": settings.as_of},
        ).fetchall()
    ]
    frame = scores.to_pandas()
    assert not frame.isna().any().any()
    assert frame["p_alive"].between(0, 1).all()
    assert (frame["clv_lower"] <= frame["clv_predicted"]).all()
    assert (frame["clv_predicted"] <= frame["clv_upper"]).all()
    assert (frame["clv_predicted"] > 0).all()


def test_the_model_beats_last_years_margin_on_later_time(clv_result):
    rows = clv_result.backtests
    assert len({row.origin for row in rows}) == 3
    assert {row.candidate: row.is_baseline for row in rows} == {
        clv.CANDIDATE: False,
        clv.COMBINED: False,
        clv.BASELINE: True,
    }
    own, naive = (mean_metric(rows, name, clv.CHAMPION_METRIC) for name in (clv.CANDIDATE, clv.BASELINE))
    assert own < 0.95 * naive
    assert abs(mean_metric(rows, clv.CANDIDATE, "total_error")) < 0.1


def test_the_cdnow_hold_out_is_foreseen_within_a_sixth(cdnow):
    model = clv.fit(cdnow, clv.date(1997, 9, 30))
    people = clv.People.of(outcomes.purchase_history(cdnow, clv.date(1997, 9, 30)))
    after = outcomes.outcomes(cdnow, clv.date(1997, 9, 30), clv.date(1998, 6, 30))
    days = cdnow.sql(
        "select count(*) from (select distinct customer_key, ordered_on from customer.fct_orders "
        "where ordered_on > date '1997-09-30')"
    ).fetchall()[0][0]
    orders = model.orders.expected_orders(people.x, people.t_x, people.age, 273.0)
    assert orders.sum() == pytest.approx(days, rel=1 / 6)
    assert model.expected_margin(people, 273.0).sum() == pytest.approx(sum(after["margin"].to_pylist()), rel=1 / 6)


@pytest.mark.parametrize(
    "person", [one(0, 0, 20, 0), one(2, 60, 90, 12.0), one(9, 300, 310, 8.0), one(30, 500, 505, 5.0)]
)
def test_the_interval_agrees_with_a_simulation(person):
    random = np.random.default_rng(3)
    draws, days = 200_000, 365.25
    orders, value = MODEL.orders, MODEL.value
    rate = random.gamma(orders.r + person.x, 1 / (orders.alpha + person.age), draws)
    leave = np.maximum(random.beta(orders.a, orders.b + person.x, draws), 1e-12)
    alive = random.random(draws) < orders.p_alive(person.x, person.t_x, person.age)
    count = alive * np.minimum(random.poisson(rate * days), random.geometric(leave))
    price = random.gamma(value.p * person.x + value.q, 1 / (value.gamma + person.x * person.mean_value), draws)
    margin = np.where(count > 0, random.gamma(np.maximum(value.p * count, 1e-9)) / price, 0)
    lower, upper = clv.margin_interval(MODEL, person, days)
    inside = ((margin >= lower) & (margin <= upper)).mean()
    assert inside == pytest.approx(0.8, abs=0.04) or (lower[0] == 0 and inside == pytest.approx(0.9, abs=0.03))


def test_intervals_hold_what_was_promised_on_later_time(world, orders):
    origin = world.AS_OF - timedelta(days=304)
    connection = world.warehouse(orders, world.AS_OF)
    model = clv.fit(connection, origin)
    people = clv.People.of(outcomes.purchase_history(connection, origin))
    after = outcomes.outcomes(connection, origin, world.AS_OF)
    actual = dict(zip(after["customer_key"].to_pylist(), after["margin"].to_pylist(), strict=True))
    margin = np.array([actual.get(int(key), 0.0) for key in people.keys])
    lower, upper = (side * model.net_share for side in clv.margin_interval(model, people, 304))
    # Nothing at all is inside most intervals of people who have probably left: hence more than 80 %.
    assert 0.78 < ((margin >= lower - 0.01) & (margin <= upper + 0.01)).mean() < 0.95


def test_discounting_takes_each_month_at_its_own_factor():
    person = one(5, 200, 210, 10.0)
    plain, undiscounted = clv.discounted_orders(MODEL, person, 12, 0.0)
    assert undiscounted == pytest.approx(plain)
    _, discounted = clv.discounted_orders(MODEL, person, 12, 0.01)
    state = (person.x, person.t_x, person.age)
    so_far = [MODEL.orders.expected_orders(*state, month * 365.25 / 12)[0] for month in range(13)]
    assert discounted[0] == pytest.approx(sum(np.diff(so_far) / 1.01 ** np.arange(1, 13)))


def test_the_historic_margin_stands_apart_and_nets_returns(clv_result, shop, settings):
    found = clv_result.scores.to_pandas().set_index("customer_key")["clv_historic"]
    expected = shop.sql(
        "select customer_key, sum(margin)::double as margin from customer.fct_orders group by customer_key"
    ).df()
    assert np.allclose(found, expected.set_index("customer_key")["margin"].loc[found.index])


def test_events_after_the_as_of_date_change_no_value(world, orders):
    as_of = world.AS_OF - timedelta(days=120)
    asked = ScoringSettings(as_of=as_of)
    today = clv.run(world.warehouse(orders, as_of), asked)
    days = [day if day <= as_of else day + timedelta(days=500) for day in orders["ordered_on"].to_pylist()]
    later = clv.run(world.warehouse(orders.set_column(2, "ordered_on", [days]), as_of), asked)
    assert today.status.status is Status.OK
    assert later.scores.equals(today.scores)
    assert later.backtests == today.backtests
    assert later.artefact.version == today.artefact.version


def test_the_same_inputs_give_the_same_values_for_any_number_of_threads(world, orders, clv_result, settings):
    again = clv.run(world.warehouse(orders, threads=1), settings)
    assert again.scores.equals(clv_result.scores)
    assert again.artefact.version == clv_result.artefact.version


def test_batches_do_not_change_values(monkeypatch, shop, settings, clv_result):
    monkeypatch.setattr(clv, "BATCH_ROWS", 100)
    assert clv.run(shop, settings).scores.equals(clv_result.scores)


def test_a_short_history_is_insufficient_and_scores_nobody(world, orders):
    as_of = world.FIRST_DAY + timedelta(days=100)
    result = clv.run(world.warehouse(orders, as_of), ScoringSettings(as_of=as_of))
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason.startswith("Needs 180 days of orders; has ")
    assert result.scores.schema.equals(CLV_SCHEMA)
    assert (len(result.scores), result.artefact, result.backtests) == (0, None, ())


def test_people_who_never_come_back_are_insufficient_data(world):
    rows = [(key, world.FIRST_DAY + timedelta(days=key % 700), True, 20.0) for key in range(1, 900)]
    result = clv.run(world.warehouse(world.orders_table(rows)), ScoringSettings(as_of=world.AS_OF))
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert "repeat buyers" in result.status.reason


def test_a_shop_without_orders_is_insufficient_data(world, settings):
    result = clv.run(world.warehouse(world.orders_table([])), settings)
    assert result.status.status is Status.INSUFFICIENT_DATA


def test_losing_to_the_baseline_is_said_and_scores_nobody(monkeypatch, shop, settings):
    honest = clv.ClvModel.expected_margin
    monkeypatch.setattr(clv.ClvModel, "expected_margin", lambda *args: honest(*args) * 5)
    result = clv.run(shop, settings)
    assert result.status.status is Status.WORSE_THAN_BASELINE
    assert "last year's margin again has" in result.status.reason
    assert len(result.scores) == 0
    assert result.artefact is not None


def test_a_total_of_nothing_has_no_relative_error():
    metrics = clv.margin_metrics(np.array([1.0, 2.0]), np.zeros(2))
    assert metrics == {"mean_absolute_error": 1.5, "spearman": 0.0}


def test_a_higher_share_of_returns_lowers_the_value(shop, settings):
    model = clv.fit(shop, settings.as_of)
    half = dataclasses.replace(model, net_share=model.net_share / 2)
    whole, less = (clv.score(shop, settings, one_model, "v")["clv_predicted"].to_numpy() for one_model in (model, half))
    assert less == pytest.approx(whole / 2)


def test_the_combined_forecast_is_the_geometric_mean_of_the_model_and_last_year():
    people = clv.People(
        keys=np.array([1, 2, 3]),
        x=np.array([3.0, 1.0, 0.0]),
        t_x=np.array([200.0, 90.0, 0.0]),
        age=np.array([300.0, 400.0, 500.0]),
        mean_value=np.array([20.0, 35.0, 10.0]),
        margin_historic=np.array([80.0, 70.0, 10.0]),
        margin_last_year=np.array([80.0, 35.0, 0.0]),
    )
    plain, combined = (replace(MODEL, champion=name) for name in (clv.CANDIDATE, clv.COMBINED))
    expected, again = plain.expected_margin(people, 365), np.array([80.0, 35.0, 0.0])
    assert plain.correction(people, 365) == pytest.approx(1.0)
    assert expected * combined.correction(people, 365) == pytest.approx(np.sqrt(expected * again))
