"""Lifetime value: what it says of a simulated shop, beside what then happened, and when it must say nothing."""

import pickle
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.lifetime import bgnbd, clv, clv_candidates, clv_past, gamma_gamma
from crm_pipeline.scoring.lifetime.clv import Clv
from crm_pipeline.scoring.lifetime.clv_interval import UNCALIBRATED
from crm_pipeline.scoring.lifetime.clv_measures import DEVIANCE, SQUARED_ERROR, margin_metrics, tweedie_deviance
from crm_pipeline.scoring.lifetime.clv_value import DAYS_PER_MONTH, ValueModel
from crm_pipeline.scoring.lifetime.purchases import People
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.run import run

MODEL = ValueModel(bgnbd.BgNbd(0.6, 34.0, 0.7, 5.6, 0.0), gamma_gamma.GammaGamma(4.0, 4.0, 6.0, 0.0), 1.0)
CALIBRATION_END, HOLD_OUT_END = date(1997, 9, 30), date(1998, 6, 30)


def person(x, t_x, age, mean_value, last_year=0.0):
    nothing = np.zeros(1)
    known = [np.array([float(value)]) for value in (x, t_x, age, mean_value)]
    return People(np.array([1]), *known, nothing, np.array([last_year]), *[nothing] * 8)


@pytest.fixture(scope="module")
def past(shop, settings):
    return clv_past.look_back(shop, settings)


@pytest.fixture(scope="module")
def scores(clv_result):
    return clv_result.scores.to_pandas().set_index("customer_key")


def test_every_buyer_gets_a_value_with_its_interval(clv_result, shop, settings):
    assert clv_result.status.status is Status.OK
    assert clv_result.scores.schema.equals(clv.TABLE.schema)
    assert clv_result.scores["customer_key"].to_pylist() == [
        row[0]
        for row in shop.sql(
            "select customer_key from features.customer_features where as_of_date = $d and orders_lifetime > 0 "
            "order by customer_key",
            params={"d": settings.as_of},
        ).fetchall()
    ]
    frame = clv_result.scores.to_pandas()
    assert not frame.drop(columns="next_order_on").isna().any().any()
    assert frame["p_alive"].between(0, 1).all()
    assert (frame["clv_lower"] <= frame["clv_predicted"]).all()
    assert (frame["clv_predicted"] <= frame["clv_upper"]).all()
    assert (frame["clv_predicted"] > 0).all()


def figures(result, name, metric):
    return np.array([row.value for row in result.report.backtests if (row.candidate, row.metric) == (name, metric)])


def test_the_model_beats_each_naive_forecast_at_every_origin_in_squared_error_and_deviance(clv_result):
    rows = clv_result.report.backtests
    assert len({row.origin for row in rows}) == 3
    assert {row.candidate for row in rows if row.is_baseline} == {*clv_candidates.BASELINES}
    for metric in (SQUARED_ERROR, DEVIANCE):
        own = figures(clv_result, clv_result.status.champion, metric)
        for name in clv_candidates.BASELINES:
            assert (own < 0.97 * figures(clv_result, name, metric)).all()


def test_nothing_for_everybody_wins_by_absolute_error_and_loses_by_squared_error(cdnow_later, tmp_path):
    result = run(Clv(), cdnow_later, ScoringSettings(as_of=HOLD_OUT_END), tmp_path)
    assert result.status.status is Status.OK
    own = result.status.champion
    naive = figures(result, "nothing", "mean_absolute_error")
    counting = {row.candidate for row in result.report.backtests} - {*clv_candidates.BASELINES}
    assert clv_candidates.REGULAR not in counting
    for name in counting:
        assert figures(result, name, "mean_absolute_error").mean() > naive[-2:].mean()
    counted = len(figures(result, own, SQUARED_ERROR))
    assert (figures(result, own, SQUARED_ERROR) < 0.9 * figures(result, "nothing", SQUARED_ERROR)[-counted:]).all()


def test_a_challenger_that_had_nothing_to_learn_from_does_not_count_there(clv_result, past):
    learnt = {row.origin for row in clv_result.report.backtests if row.candidate == clv_candidates.BOOSTING}
    assert learnt == {origin for origin in past.origins if past.ended_by(origin)}
    assert len(learnt) == 2


def test_an_interval_that_was_not_calibrated_is_not_reported_as_coverage(clv_result, past):
    told = clv_result.report.card["interval_coverage"]
    early = {origin.isoformat() for origin in past.origins if not past.ended_by(origin)}
    assert {day for day, covered in told.items() if covered == "not calibrated"} == early
    assert len(early) == 1
    shown = {row.origin.isoformat() for row in clv_result.report.backtests if row.metric == "interval_coverage"}
    assert shown == {*told} - early
    assert clv_result.status.reason is None


def test_a_version_whose_interval_was_not_calibrated_says_so(past, shop, settings):
    fitted = replace(Clv().fit(past, clv_candidates.MBGNBD, settings), intervals=UNCALIBRATED)
    (said,) = Clv().card(past, fitted, settings)["notes"]
    assert said == "The 80 % intervals are not calibrated: no earlier hold-out was over."
    assert set(Clv().score(shop, fitted, "v", settings)["is_clv_interval_calibrated"].to_pylist()) == {False}


def test_the_deviance_is_that_of_another_implementation_where_nobody_gave_back_more():
    random = np.random.default_rng(3)
    actual, predicted = random.gamma(0.3, 40, 500) * (random.random(500) < 0.4), random.gamma(2, 10, 500)
    assert tweedie_deviance(actual, predicted) == pytest.approx(mean_tweedie_deviance(actual, predicted, power=1.5))
    assert tweedie_deviance(np.r_[actual, -50.0], np.r_[predicted, 1e9]) == tweedie_deviance(actual, predicted)
    assert margin_metrics(np.r_[actual, -50.0], np.r_[predicted, 3.0])["share_below_zero"] == 1 / 501


def test_the_rate_so_far_of_newcomers_is_as_much_again():
    young, old = (replace(person(3, 1, age, 20.0), margin_historic=np.array([80.0])) for age in (2, 730))
    assert clv_candidates.naive(young, 365)["rate_so_far"] == 80
    assert clv_candidates.naive(old, 365)["rate_so_far"] == 40


@pytest.mark.parametrize(("cutoff", "months"), [(CALIBRATION_END, 9), (date(1997, 12, 31), 6)])
def test_the_champion_foresees_cdnow_no_worse_than_the_published_model(cdnow_later, cutoff, months):
    # Weeks 39 and 52. Fader, Hardie and Lee (2005): 1,882 order days came in weeks 40-78; correlation .626 and .630.
    asked = ScoringSettings(as_of=cutoff, clv_horizon_months=months)
    past = clv_past.look_back(cdnow_later, asked)
    people = past.snapshots[cutoff].people
    days = cdnow_later.sql(
        "select customer_key, count(distinct ordered_on) as days from customer.fct_orders "
        "where ordered_on > $after and ordered_on <= $until group by customer_key",
        params={"after": cutoff, "until": HOLD_OUT_END},
    ).df()
    actual = days.set_index("customer_key")["days"].reindex(people.keys).fillna(0).to_numpy()
    assert actual.sum() == 1882 or cutoff > CALIBRATION_END
    horizon = float((HOLD_OUT_END - cutoff).days)
    champion = contest_result(Clv(), list(Clv().rounds(past, asked))).champion
    fitted = clv_candidates.fit(past, champion, cutoff, asked.seed)
    orders = fitted.forecast(people, horizon).expected / fitted.value.order_value(people)
    published = past.snapshots[cutoff].pareto.expected_orders(people, horizon)
    assert abs(orders.sum() / actual.sum() - 1) <= abs(published.sum() / actual.sum() - 1) + 1e-9
    assert np.corrcoef(orders, actual)[0, 1] >= 0.626


def test_discounting_takes_each_month_at_its_own_factor():
    one = person(5, 200, 210, 10.0)
    so_far = [MODEL.expected_orders(one, month * DAYS_PER_MONTH)[0] for month in range(13)]
    months = np.diff(so_far)
    assert MODEL.discount(one, 12, 0.01)[0] == pytest.approx((months / 1.01 ** np.arange(1, 13)).sum() / months.sum())
    assert MODEL.discount(one, 12, 0.0)[0] == pytest.approx(1.0)


def test_half_of_the_living_have_ordered_by_the_next_order_date():
    random, one = np.random.default_rng(5), person(3, 80, 100, 10.0)
    rates = random.gamma(MODEL.orders.r + 3, 1 / (MODEL.orders.alpha + 100), 200_000)
    waits = random.exponential(1 / rates)
    assert MODEL.next_order_days(one)[0] == pytest.approx(np.median(waits), rel=0.02)


def test_a_next_order_is_expected_only_of_people_who_are_likely_there_and_within_the_horizon(scores, settings):
    expected = scores["next_order_on"].dropna()
    assert 0.2 < len(expected) / len(scores) < 0.9
    assert (scores.loc[expected.index, "p_alive"] >= clv.LEAST_ALIVE).all()
    assert expected.min() > settings.as_of
    assert expected.max() <= settings.as_of + timedelta(days=366)


def test_the_historic_margin_stands_apart_and_nets_returns(scores, shop):
    expected = shop.sql(
        "select customer_key, sum(margin)::double as margin from customer.fct_orders group by customer_key"
    ).df()
    assert np.allclose(scores["clv_historic"], expected.set_index("customer_key")["margin"].loc[scores.index])


def test_customer_equity_is_the_sum_of_all_predictions(clv_result, scores):
    assert clv_result.report.card["customer_equity"] == pytest.approx(scores["clv_predicted"].sum(), abs=0.01)


def test_the_card_says_how_often_the_intervals_held_by_fifth(clv_result):
    told = clv_result.report.card["interval_coverage"]
    covered = {origin: figures for origin, figures in told.items() if figures != "not calibrated"}
    champion = clv_result.status.champion
    told = {
        row.origin.isoformat(): row.value
        for row in clv_result.report.backtests
        if (row.candidate, row.metric) == (champion, "interval_coverage")
    }
    assert {origin: figures["all"] for origin, figures in covered.items()} == pytest.approx(told, abs=1e-4)
    for figures in covered.values():
        assert len(figures["by_fifth"]) == 5
        assert figures["all"] == pytest.approx(np.mean(figures["by_fifth"]), abs=0.01)


def test_plots_name_what_they_show(clv_result):
    assert len(clv_result.report.plots) == 4
    assert all(svg.lstrip().startswith("<?xml") for svg in clv_result.report.plots.values())


def test_events_after_the_as_of_date_change_no_value(world, orders, tmp_path):
    as_of = world.AS_OF - timedelta(days=120)
    asked = ScoringSettings(as_of=as_of)
    today = run(Clv(), world.warehouse(orders, as_of), asked, tmp_path / "a")
    days = [day if day <= as_of else day + timedelta(days=500) for day in orders["ordered_on"].to_pylist()]
    moved = orders.set_column(orders.schema.get_field_index("ordered_on"), "ordered_on", [days])
    later = run(Clv(), world.warehouse(moved, as_of), asked, tmp_path / "b")
    assert today.status.status is Status.OK
    assert later.scores.equals(today.scores)
    assert later.report.backtests == today.report.backtests
    assert later.status == today.status


def test_the_same_inputs_give_the_same_values_for_any_number_of_threads(world, orders, clv_result, settings, tmp_path):
    again = run(Clv(), world.warehouse(orders, threads=1), settings, tmp_path)
    assert again.scores.equals(clv_result.scores)
    assert again.status == clv_result.status


def test_a_stored_model_gives_the_same_values_and_batches_do_not_matter(monkeypatch, past, shop, settings):
    fitted = Clv().fit(past, clv_candidates.BOOSTING, settings)
    once = Clv().score(shop, fitted, "v", settings)
    monkeypatch.setattr(clv, "BATCH_ROWS", 100)
    assert Clv().score(shop, pickle.loads(pickle.dumps(fitted)), "v", settings).equals(once)


def test_a_short_history_is_insufficient_and_scores_nobody(world, orders, tmp_path):
    as_of = world.FIRST_DAY + timedelta(days=100)
    result = run(Clv(), world.warehouse(orders, as_of), ScoringSettings(as_of=as_of), tmp_path)
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason.startswith("Needs 180 days of orders; has ")
    assert (len(result.scores), result.report.backtests) == (0, ())


def test_people_who_never_come_back_are_insufficient_data(world, tmp_path):
    rows = [(key, world.FIRST_DAY + timedelta(days=key % 700), True, 20.0) for key in range(1, 900)]
    result = run(Clv(), world.warehouse(world.orders_table(rows)), ScoringSettings(as_of=world.AS_OF), tmp_path)
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert "repeat buyers" in result.status.reason


def test_a_shop_without_orders_is_insufficient_data(world, settings, tmp_path):
    result = run(Clv(), world.warehouse(world.orders_table([])), settings, tmp_path)
    assert result.status.status is Status.INSUFFICIENT_DATA


def test_origins_leave_the_hold_out_after_them_and_a_year_before_them_where_there_is_one():
    first, as_of = date(2020, 1, 1), date(2023, 1, 1)
    assert clv_past.origins(first, as_of, 365) == [as_of - timedelta(days=365 + 91 * step) for step in range(3)]
    squeezed = clv_past.origins(first, date(2022, 1, 1), 243)
    assert len(squeezed) == 3
    assert squeezed[0] == date(2022, 1, 1) - timedelta(days=243)
    assert squeezed[-1] >= first + timedelta(days=365)
    short = clv_past.origins(first, date(2020, 12, 31), 121)
    assert len(short) == 3
    assert short[-1] >= first + timedelta(days=121)


def test_challengers_learn_only_from_hold_outs_that_are_over(past):
    for origin in past.origins:
        ended = [day for day, one in past.snapshots.items() if any(one is other for other in past.ended_by(origin))]
        assert all(day + timedelta(days=past.days) <= origin for day in ended)


def test_a_sample_of_the_people_is_fitted_where_there_are_more_than_asked_for(shop, settings):
    some = clv_past.look_back(shop, replace(settings, training_rows=450))
    assert 350 < len(some.snapshots[settings.as_of].people) < 550


def test_a_total_of_nothing_has_no_relative_error():
    metrics = margin_metrics(np.zeros(2), np.array([1.0, 2.0]))
    assert metrics["mean_absolute_error"] == 1.5
    assert "total_error" not in metrics


def test_the_normalised_gini_is_one_for_the_right_order_and_minus_one_for_the_reverse():
    actual = np.array([0.0, 5.0, 1.0, 30.0, 0.5])
    assert margin_metrics(actual, actual**2)["normalised_gini"] == pytest.approx(1.0)
    assert margin_metrics(actual, -actual)["normalised_gini"] == pytest.approx(-1.0)


def test_a_higher_share_of_returns_lowers_the_value():
    one = person(4, 90, 100, 12.0)
    half = replace(MODEL, net_share=0.5)
    assert half.expected_margin(one, 365) == pytest.approx(MODEL.expected_margin(one, 365) / 2)


def test_combined_forecasts_are_the_mean_of_the_model_and_a_naive_one(past, settings):
    fitted = Clv().fit(past, clv_candidates.WITH_LAST_YEAR, settings)
    one = person(3, 200, 300, 20.0, last_year=80.0)
    expected = fitted.value.expected_margin(one, 365)
    assert fitted.forecast(one, 365).expected == pytest.approx((expected + 80.0) / 2)
    gone = person(3, 200, 900, 20.0)
    assert fitted.forecast(gone, 365).expected == pytest.approx(fitted.value.expected_margin(gone, 365) / 2)
