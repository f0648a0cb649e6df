"""Recommendation: tastes are found; what was lately bought or is no longer sold stays out; the future is not seen."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score

from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.model import NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.products import product_purchases, recommenders
from crm_pipeline.scoring.products.recommendation import MOST_POPULAR, TABLE, Recommendation

AS_OF = date(2023, 6, 30)
SETTINGS = ScoringSettings(as_of=AS_OF)
PEOPLE, PRODUCTS, TASTES = 400, 60, 6
MODEL = Recommendation()


def sales(seed=1):
    """Return (person, product, day) of people who buy within their taste of ten products, four times in five."""
    random = np.random.default_rng(seed)
    rows = []
    for person in range(1, PEOPLE + 1):
        taste = person % TASTES
        for _ in range(random.poisson(14)):
            liked = taste * 10 + int(10 * random.random() ** 1.5)
            product = liked if random.random() < 0.8 else int(PRODUCTS * random.random())
            rows.append((person, product + 1, AS_OF - timedelta(days=int(random.integers(0, 500)))))
    return rows


def warehouse(rows, people=range(1, PEOPLE + 1), threads=2):
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("create schema customer; create schema features")
    person, product, day = zip(*rows, strict=True) if rows else ((), (), ())
    lines = pa.table(
        {
            "customer_key": pa.array(person, pa.int64()),
            "product_key": pa.array(product, pa.int64()),
            "ordered_on": pa.array(day, pa.date32()),
        }
    )
    known = pa.table({"customer_key": pa.array(people, pa.int64())})
    connection.register("arrived", lines)
    connection.register("known", known)
    connection.execute(
        "create table customer.fct_order_lines as select *, 'sale' as kind, 'completed' as status from arrived;"
        "create table customer.dim_products as select i + 1 as product_key, 'P' || i as product_id, "
        f"'Product ' || i as product_name from range({PRODUCTS}) as t(i)"
    )
    connection.execute(
        "create table features.customer_features as select customer_key, $as_of::date as as_of_date from known",
        {"as_of": AS_OF},
    )
    return connection


def recommended(connection, settings=SETTINGS, candidate="item_item"):
    fitted = MODEL.fit(MODEL.prepare(connection, settings), candidate, settings)
    return MODEL.score(connection, fitted, "v1", settings)


@pytest.fixture(scope="module")
def rows():
    return sales()


@pytest.fixture(scope="module")
def shop(rows):
    return warehouse(rows, range(1, PEOPLE + 4))


@pytest.fixture(scope="module")
def rounds(shop):
    return list(MODEL.rounds(MODEL.prepare(shop, SETTINGS), SETTINGS))


@pytest.fixture(scope="module")
def table(shop):
    return recommended(shop)


def test_all_candidates_beat_the_most_popular_at_every_origin_where_people_have_tastes(rounds):
    verdict = contest_result(MODEL, rounds)
    assert len(rounds) == 3
    assert verdict.refusal is None
    for metric in ("ndcg_at_5", "hit_rate_at_5", "recall_at_5", "coverage"):
        values = {name: figures[metric] for name, figures in verdict.means.items()}
        assert min(values[name] for name in recommenders.CANDIDATES) > 1.5 * values[MOST_POPULAR]


@pytest.mark.parametrize("candidate", recommenders.CANDIDATES)
def test_products_of_a_persons_own_taste_are_recommended(shop, candidate):
    frame = recommended(shop, candidate=candidate).to_pandas()
    frame = frame[frame["method"] == candidate]
    own = (frame["product_key"] - 1) // 10 == frame["customer_key"] % TASTES
    assert own.mean() > 0.75


def test_everybody_gets_five_different_products_in_order(table):
    frame = table.to_pandas()
    assert table.schema.equals(TABLE.schema)
    assert frame["customer_key"].unique().tolist() == list(range(1, PEOPLE + 4))
    assert frame.groupby("customer_key")["rank"].apply(list).map([1, 2, 3, 4, 5].__eq__).all()
    assert not frame.duplicated(["customer_key", "product_key"]).any()
    personal = frame[frame["method"] != MOST_POPULAR]
    assert (personal.groupby("customer_key")["score"].diff().dropna() <= 0).all()


def test_nothing_is_recommended_that_the_person_lately_bought(table, rows):
    lately = {(person, product) for person, product, day in rows if day > AS_OF - timedelta(days=90)}
    pairs = set(zip(table["customer_key"].to_pylist(), table["product_key"].to_pylist(), strict=True))
    assert lately
    assert not pairs & lately


def test_a_product_that_is_no_longer_sold_is_not_recommended(rows):
    ended = [row for row in rows if row[1] != 3 or row[2] <= AS_OF - timedelta(days=180)]
    assert any(row[1] == 3 for row in ended)
    assert 3 not in recommended(warehouse(ended))["product_key"].to_pylist()


def test_a_version_made_earlier_does_not_bring_back_what_is_no_longer_sold(shop, rows):
    fitted = MODEL.fit(MODEL.prepare(shop, SETTINGS), "item_item", SETTINGS)
    ended = [row for row in rows if row[1] != 3 or row[2] <= AS_OF - timedelta(days=180)]
    assert 3 in fitted.products
    assert 3 not in MODEL.score(warehouse(ended), fitted, "v1", SETTINGS)["product_key"].to_pylist()


def test_who_never_bought_anything_gets_what_most_people_lately_bought(table, rows):
    lately = {(person, product) for person, product, day in rows if day > AS_OF - timedelta(days=90)}
    buyers = np.bincount([product for _, product in lately], minlength=PRODUCTS + 1)
    popular = sorted(range(1, PRODUCTS + 1), key=lambda product: (-buyers[product], product))[:5]
    new = table.to_pandas().query("customer_key == @PEOPLE + 2")
    assert new["product_key"].tolist() == popular
    assert set(new["method"]) == {MOST_POPULAR}
    assert set(new["reason"]) == {"Popular now"}
    assert new["score"].isna().all()


def test_the_reason_names_a_product_that_the_person_bought(table, rows):
    bought = {(person, product) for person, product, _ in rows}
    personal = table.to_pandas().dropna(subset="score")
    because = personal["because_of_product_key"].astype(int)
    assert set(zip(personal["customer_key"], because, strict=True)) <= bought
    again = because == personal["product_key"]
    assert set(personal.loc[again, "reason"]) == {"Bought before"}
    other = personal[~again]
    assert (other["reason"] == "Goes with Product " + (because[~again] - 1).astype(str)).all()


def test_what_came_after_the_as_of_date_changes_nothing(rows):
    as_of = AS_OF - timedelta(days=60)
    asked = ScoringSettings(as_of=as_of)
    now, then = warehouse(rows), warehouse([row for row in rows if row[2] <= as_of])
    for connection in (now, then):
        connection.execute("update features.customer_features set as_of_date = $as_of", {"as_of": as_of})
    assert recommended(now, asked).equals(recommended(then, asked))


@pytest.mark.parametrize("candidate", recommenders.CANDIDATES)
def test_threads_and_batches_change_nothing(monkeypatch, rows, candidate):
    once = recommended(warehouse(rows, threads=1), candidate=candidate)
    monkeypatch.setattr(product_purchases, "_BATCH_ROWS", 100)
    monkeypatch.setattr(product_purchases, "PEOPLE_AT_ONCE", 7)
    again = recommended(warehouse(rows[::-1], threads=4), candidate=candidate)
    assert again.drop(["score"]).equals(once.drop(["score"]))
    assert np.allclose(again["score"].to_numpy(), once["score"].to_numpy(), rtol=0, atol=1e-9, equal_nan=True)


def test_hold_out_is_what_was_bought_after_the_origin_and_not_in_the_ninety_days_before(shop, rows):
    trial = MODEL.prepare(shop, SETTINGS).trials[-1]
    origin = trial.origin
    after = {row[:2] for row in rows if origin < row[2] <= origin + timedelta(days=60)}
    lately = {row[:2] for row in rows if origin - timedelta(days=90) < row[2] <= origin}
    known = set(trial.known.people.tolist())
    expected = {pair for pair in after - lately if pair[0] in known and pair[1] in trial.known.catalogue.products}
    people, places = trial.bought.nonzero()
    products = trial.known.catalogue.products[places]
    found = set(zip(trial.known.people[trial.tested][people].tolist(), products.tolist(), strict=True))
    assert found == expected


def test_the_measures_are_those_of_scikit_learn_and_of_counting():
    random = np.random.default_rng(3)
    relevance = (random.random((40, 30)) < 0.15).astype(int)
    relevance[:, 0] = 1
    order = np.argsort(random.random((40, 30)), axis=1)
    actual = np.full((40, 30), -1.0)
    for person, row in enumerate(relevance):
        actual[person, : row.sum()] = np.flatnonzero(row)
    found = MODEL.measure(actual, order[:, :5].astype(float))
    points = np.empty((40, 30))
    np.put_along_axis(points, order, np.arange(30.0, 0, -1)[None, :].repeat(40, axis=0), axis=1)
    hits = np.take_along_axis(relevance, order[:, :5], axis=1)
    assert found["ndcg_at_5"] == pytest.approx(ndcg_score(relevance, points, k=5))
    assert found["hit_rate_at_5"] == pytest.approx(hits.any(axis=1).mean())
    assert found["recall_at_5"] == pytest.approx((hits.sum(axis=1) / relevance.sum(axis=1)).mean())


def test_products_bought_by_the_same_people_are_alike_and_by_others_not():
    days = sparse.csr_matrix(np.array([[1, 2, 0], [3, 1, 0], [0, 0, 4], [0, 0, 1]], dtype=float))
    for method in recommenders.CANDIDATES.values():
        similarity = method(days, 1).toarray()
        assert similarity[0, 1] > 0.15
        assert similarity[0, 2] == pytest.approx(0, abs=1e-6)
    assert np.diag(recommenders.item_item(days, 1).toarray()) == pytest.approx(1)


def test_equal_scores_go_to_the_first_product_of_the_catalogue():
    none = sparse.csr_matrix((1, 8))
    chosen, scores = recommenders.pick(sparse.csr_matrix(np.full((1, 8), 0.5)), none, np.arange(8))
    assert chosen.tolist() == [[0, 1, 2, 3, 4]]
    assert scores.tolist() == [[0.5] * 5]
    popular = recommenders.most_popular(np.array([0, 3, 1, 3, 0, 9, 0, 0.0]))
    chosen, scores = recommenders.pick(none, none, popular)
    assert chosen.tolist() == [[5, 1, 3, 2, 0]]
    assert np.isnan(scores).all()


def test_popular_products_follow_where_few_scores_are_positive_and_none_comes_twice():
    scores = sparse.csr_matrix(np.array([[0, 0.2, -0.3, 0, 0, 0, 0.4, 0]]))
    lately = sparse.csr_matrix(np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]]))
    chosen, values = recommenders.pick(scores, lately, np.array([6, 0, 1, 5, 4, 2, 3, 7]))
    assert chosen.tolist() == [[6, 1, 5, 4, 2]]
    assert values[0, :2].tolist() == [0.4, 0.2]
    assert np.isnan(values[0, 2:]).all()


def test_where_fewer_than_five_products_are_left_the_rest_stays_empty():
    excluded = sparse.csr_matrix(np.array([[1.0, 1, 1, 0, 0, 0]]))
    chosen, scores = recommenders.pick(sparse.csr_matrix(np.ones((1, 6))), excluded, np.arange(6))
    assert chosen.tolist() == [[3, 4, 5, -1, -1]]
    assert np.isnan(scores[0, 3:]).all()


def test_only_the_strongest_witnesses_of_a_product_are_kept_and_of_equals_the_first():
    matrix = sparse.csr_matrix(np.array([[0.9, 0.5, 0.5, 0.4], [0.1, -0.2, 0.3, 0.2]]))
    kept = recommenders.strongest(matrix, keep=2).toarray()
    assert np.allclose(kept, [[0.9, 0.5, 0, 0], [0, 0, 0.3, 0.2]])
    assert np.allclose(recommenders.strongest(matrix, keep=4).toarray(), np.maximum(matrix.toarray(), 0))


def test_the_autoencoder_solves_ridge_regression_on_the_nearest_and_the_product_itself():
    days = sparse.csr_matrix(np.random.default_rng(4).poisson(0.4, (80, 12)).astype(float))
    bought = np.log1p(days.toarray())
    squares = bought.T @ bought
    ridge = 2 * np.diag(squares).mean() + 0.5 * np.diag(squares)
    expected = np.linalg.solve(squares + np.diag(ridge), squares)
    assert np.allclose(recommenders.linear_autoencoder(days, 1).toarray(), expected, atol=1e-6)


@pytest.mark.parametrize("candidate", recommenders.CANDIDATES)
def test_what_few_bought_is_recommended_from_a_catalogue_of_any_length(monkeypatch, shop, candidate):
    monkeypatch.setattr(recommenders, "MOST_BOUGHT", 30)
    monkeypatch.setattr(recommenders, "_AT_ONCE", 7)
    known = product_purchases.known(shop, AS_OF, 10**6)
    similarity = recommenders.CANDIDATES[candidate](known.days, 1).toarray()
    spoken_for = (similarity > 0).any(axis=0)
    assert spoken_for.sum() == (30 if candidate == "matrix_factorisation" else PRODUCTS)


def test_a_person_has_the_same_profile_in_a_part_as_in_the_whole(shop):
    known = product_purchases.known(shop, AS_OF, 10**6)
    rows = np.array([5, 17, 40])
    whole = recommenders.profiles(known.days, known.age)[rows]
    part = known.of(rows)
    assert (whole != recommenders.profiles(part.days, part.age)).nnz == 0


def test_a_fixed_share_of_the_people_is_learned_from_where_there_are_too_many(shop):
    some = product_purchases.known(shop, AS_OF, 100)
    everyone = product_purchases.known(shop, AS_OF, 10**6)
    assert 40 < len(some.people) < 200
    assert set(some.people) < set(everyone.people)
    assert np.array_equal(some.catalogue.products, everyone.catalogue.products)


def test_a_shop_without_sales_is_insufficient_data():
    with pytest.raises(NotEnoughDataError, match=r"Needs 20 products .* has 0\."):
        MODEL.prepare(warehouse([]), SETTINGS)


def test_a_shop_where_few_people_come_back_is_insufficient_data(rows):
    few = [row for row in rows if row[0] <= 60]
    with pytest.raises(NotEnoughDataError, match=r"Needs 100 people .* has \d+\."):
        MODEL.prepare(warehouse(few), SETTINGS)


def test_inputs_are_the_width_and_the_age_of_each_persons_purchases(shop, rows):
    inputs = MODEL.inputs(shop, SETTINGS)
    bought = {person: [row for row in rows if row[0] == person] for person, _, _ in rows}
    assert inputs.names == ("products", "purchases", "recency_days")
    assert sorted(inputs.matrix[:, 0]) == sorted(len({row[1] for row in own}) for own in bought.values())
    assert sorted(inputs.matrix[:, 1]) == sorted(len({row[1:] for row in own}) for own in bought.values())
    assert sorted(inputs.matrix[:, 2]) == sorted((AS_OF - max(row[2] for row in own)).days for own in bought.values())


def test_plots_and_card_tell_what_was_learned(shop, rounds):
    prepared = MODEL.prepare(shop, SETTINGS)
    card = MODEL.card(prepared, MODEL.fit(prepared, "item_item", SETTINGS), SETTINGS)
    assert (card["products"], card["method"]) == (PRODUCTS, "item_item")
    assert list(MODEL.plots(rounds, "item_item")) == ["recommendations: item_item beside most_popular"]
