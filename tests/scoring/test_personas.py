"""A run of the segmentation on the demo company: planted personas, labels over time, leakage, determinism, tables."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import cross_val_predict

from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.segmentation import persona_features, persona_model, persona_tables, personas, rfm
from crm_pipeline.scoring.segmentation.personas import PersonaResult, Previous
from tests.scoring.demo_shop import AS_OF, MONTH_BEFORE, DemoShop, demo_shop

PEOPLE, SEED = 1200, 7
NOW, BEFORE = ScoringSettings(as_of=AS_OF), ScoringSettings(as_of=MONTH_BEFORE)


@pytest.fixture(scope="module")
def shop() -> DemoShop:
    return demo_shop(PEOPLE, SEED)


@pytest.fixture(scope="module")
def earlier(shop: DemoShop) -> PersonaResult:
    return personas.run(shop.connection, BEFORE)


def left_by(shop: DemoShop, result: PersonaResult) -> Previous:
    artefact = result.artefact
    return Previous(
        artefact.fitted, artefact.version, result.tables["personas"], rfm.score(shop.connection, MONTH_BEFORE)
    )


@pytest.fixture(scope="module")
def result(shop: DemoShop, earlier: PersonaResult) -> PersonaResult:
    return personas.run(shop.connection, NOW, left_by(shop, earlier))


def unmoved(shop: DemoShop, one: PersonaResult, other: PersonaResult) -> tuple[np.ndarray, np.ndarray]:
    """Personas then and now of the people who ordered nothing and returned nothing in the month between."""
    moved = shop.connection.sql(
        "select distinct customer_key from customer.fct_orders where ordered_on > $since",
        params={"since": MONTH_BEFORE},
    ).fetchnumpy()["customer_key"]
    tables = [
        found.tables["personas"].to_pandas().set_index("customer_key")["persona_number"] for found in (one, other)
    ]
    keys = tables[0].index.difference(moved)
    return tables[0][keys].to_numpy(), tables[1][keys].to_numpy()


def test_the_stored_personas_go_on_and_people_who_do_not_move_keep_theirs(shop, earlier, result):
    then, now = unmoved(shop, earlier, result)
    assert result.artefact is None
    assert result.status.model_version == earlier.status.model_version
    assert result.status.trained_on == MONTH_BEFORE
    assert np.mean(then == now) >= 0.95


def test_personas_that_replace_the_stored_ones_go_on_under_their_ids_and_names(shop, earlier, monkeypatch):
    monkeypatch.setattr(persona_model, "is_better", lambda *_: True)
    refitted = personas.run(shop.connection, NOW, left_by(shop, earlier))
    assert refitted.artefact is not None
    then, now = (dict(found.artefact.fitted.segmentation.names) for found in (earlier, refitted))
    assert then.items() <= now.items()
    assert set(then) & set(refitted.artefact.fitted.segmentation.ids)


def test_where_new_personas_cannot_be_made_the_stored_ones_go_on(shop, earlier, result):
    left = left_by(shop, earlier)
    gone_on = personas.go_on(shop.connection, NOW, left, "It failed.")
    assert gone_on.status.status is Status.FAILED
    assert gone_on.status.reason == f"It failed. Version {left.version} of {MONTH_BEFORE} goes on."
    assert gone_on.tables["personas"].equals(result.tables["personas"])
    assert len(gone_on.tables["persona_choices"]) == 0


def test_without_stored_personas_nobody_is_in_one(shop):
    failed = personas.go_on(shop.connection, NOW, Previous(), "It failed.")
    assert (failed.status.status, failed.status.model_version) == (Status.FAILED, None)
    assert failed.status.reason == "It failed. Nobody is in a persona."
    assert {name: len(table) for name, table in failed.tables.items()} == {
        table.name: 0 for table in persona_tables.TABLES
    }


def test_planted_personas_are_found_nearly_as_well_as_by_a_classifier_that_was_told_them(shop, result):
    table = result.tables["personas"]
    truth = shop.personas[table["customer_key"].to_numpy()].astype(str)
    columns = persona_features.available(shop.connection, AS_OF)
    people = persona_features.sample(shop.connection, AS_OF, columns, PEOPLE)
    places = persona_features.fit_space(people, columns, seed=1).place(people)
    seen = np.nan_to_num(np.hstack([persona_features.scaled(people, columns), places]))
    told = cross_val_predict(LinearDiscriminantAnalysis(), seen, truth, cv=5)
    found = table["persona_number"].to_numpy()
    assert normalized_mutual_info_score(truth, found) >= 0.9 * normalized_mutual_info_score(truth, told)
    assert adjusted_rand_score(truth, found) >= 0.8 * adjusted_rand_score(truth, told)


def test_neither_later_rows_nor_the_number_of_threads_change_anything_of_a_past_date(earlier):
    blind = demo_shop(PEOPLE, SEED, until=MONTH_BEFORE).connection
    blind.execute("set threads = 1")
    again = personas.run(blind, replace(BEFORE, threads=1))
    for name, table in earlier.tables.items():
        assert again.tables[name].equals(table), name
    assert again.backtests == earlier.backtests
    assert again.plots == earlier.plots


def test_every_buyer_is_in_one_persona_in_the_order_of_keys(shop, result):
    keys = result.tables["personas"]["customer_key"].to_pylist()
    buyers = shop.connection.sql("select distinct customer_key from customer.fct_orders where is_counted").fetchall()
    assert keys == sorted(row[0] for row in buyers)


def test_each_table_has_its_schema_and_the_profiles_add_up(result):
    assert {name: table.schema for name, table in result.tables.items()} == {
        table.name: table.schema for table in persona_tables.TABLES
    }
    profiles = result.tables["persona_profiles"]
    assert sum(profiles["people"].to_pylist()) == len(result.tables["personas"])
    for column in ("share", "revenue_share", "margin_share"):
        assert sum(profiles[column].to_pylist()) == pytest.approx(1)
    assert len(set(profiles["persona"].to_pylist())) == len(profiles)
    assert len(result.tables["persona_tree"]) == len(profiles) - 1
    assert sum(result.tables["persona_choices"]["is_chosen"].to_pylist()) == 1


def test_cuts_compare_each_persona_with_everybody(shop, result):
    cuts = result.tables["persona_cuts"].to_pandas()
    personas = result.tables["personas"].to_pandas()
    gender = shop.connection.sql("select customer_key, gender from customer.dim_customers_history").df()
    known = personas.merge(gender, on="customer_key")
    in_persona = known[known["persona_number"] == 1]["gender"].value_counts(normalize=True)
    row = cuts.query("persona_number == 1 and dimension == 'gender' and value == 'female'").iloc[0]
    assert row["share"] == pytest.approx(in_persona["female"])
    assert row["lift"] == pytest.approx(in_persona["female"] / known["gender"].eq("female").mean())
    assert np.allclose(cuts.groupby(["persona_number", "dimension"])["share"].sum(), 1)
    assert {"demographics", "behaviour"} == set(cuts["dimension_group"])  # the shop has no surveys, mentions, referrals


def test_migration_is_told_for_both_kinds_of_groups_and_loses_nobody(result):
    moved = result.tables["group_migration"].to_pandas().query("to_group != 'no_recent_order'")
    assert moved[moved["kind"] == "persona"]["people"].sum() == len(result.tables["personas"])
    assert set(moved["kind"]) == {"persona", "segment"}


def test_personas_beside_rfm_are_measured_on_later_margin_at_three_origins(result):
    origins = {row.origin for row in result.backtests}
    assert len(origins) == 3
    assert max(origins).year < AS_OF.year
    assert {row.candidate: row.is_baseline for row in result.backtests} == {
        "kmeans": False, "kmeans_and_rfm": False, "rfm": True,
    }  # fmt: skip
    assert all(-0.1 < row.value < 1 for row in result.backtests)


def test_too_few_people_are_not_personaed():
    found = personas.run(demo_shop(150, SEED).connection, NOW)
    assert found.status.status is Status.INSUFFICIENT_DATA
    assert found.status.reason.startswith("Needs 250 people with an order; has ")
    assert all(len(table) == 0 for table in found.tables.values())


def test_a_feature_that_nobody_has_is_left_out_and_a_shop_without_categories_is_personaed_by_behaviour(shop):
    columns = persona_features.available(shop.connection, AS_OF)
    assert "last_nps" not in {feature.name for feature in columns.features}
    bare = replace(columns, categories=())
    people = persona_features.sample(shop.connection, AS_OF, bare, PEOPLE)
    space = persona_features.fit_space(people, bare, seed=1)
    assert space.taste_types is None
    assert space.place(people).shape == (len(people), len(space.shaping))


def test_how_and_what_people_buy_weigh_the_same(shop):
    columns = persona_features.available(shop.connection, AS_OF)
    people = persona_features.sample(shop.connection, AS_OF, columns, PEOPLE)
    space = persona_features.fit_space(people, columns, seed=1)
    variances = space.place(people).var(axis=0)
    shaping = len(space.shaping)
    assert variances[:shaping].sum() == pytest.approx(variances[shaping:].sum())


def test_lines_are_counted_by_category_up_to_the_date(shop):
    columns = persona_features.available(shop.connection, MONTH_BEFORE)
    people = persona_features.sample(shop.connection, MONTH_BEFORE, columns, PEOPLE)
    lines = shop.connection.sql(
        "select customer_key, category_path from customer.fct_order_lines "
        "join customer.dim_products using (product_key) where kind = 'sale' and ordered_on <= $day",
        params={"day": MONTH_BEFORE},
    ).df()
    for place, category in enumerate(columns.categories):
        counted = lines[lines["category_path"] == category]["customer_key"].value_counts()
        expected = counted.reindex(people.keys).fillna(0).to_numpy()
        np.testing.assert_array_equal(people.lines[:, place], expected)


def test_each_number_of_personas_that_was_tried_has_a_row():
    tried = [persona_model.Choice(2, 0.3, 0.9), persona_model.Choice(3, 0.2, 0.8)]
    rows = persona_tables.choices(tried, AS_OF)
    assert rows["personas"].to_pylist() == [2, 3]
    assert rows["silhouette"].to_pylist() == [0.3, 0.2]
    assert sum(rows["is_chosen"].to_pylist()) == 1
