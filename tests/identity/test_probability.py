"""Training a model, keeping it, and what it says of a pair."""

import math

import pytest

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.changes import look_at_all
from crm_pipeline.identity.normalise import load_identifiers
from crm_pipeline.identity.probability import Model, to_probability, to_weight, train
from crm_pipeline.identity.profiles import load_profiles
from tests.identity.conftest import groups_of, invented, person_of, resolved, staged

_ROWS, _CUSTOMERS = invented(330, seed=1)


def _trained(columns, kinds=(), seed=1, threads=1):
    customers = [{name: who[name] for name in ("record_id", *columns)} for who in _CUSTOMERS]
    rows = [row for row in _ROWS if row[1] in ("source_id", *kinds)]
    with staged(rows, customers, threads) as con:
        look_at_all(con, MatchSettings())
        load_identifiers(con, MatchSettings(), "GB")
        load_profiles(con)
        trained = train(con, seed)
        left = con.execute("select table_name from duckdb_tables() where table_name like '%splink%'").fetchall()
    assert left == []
    return trained


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        (["first_name", "last_name"], []),
        (["first_name", "last_name", "gender"], []),
        (["first_name"], ["email"]),
        (["last_name", "birth_date"], []),
        (["first_name", "last_name", "city"], []),
    ],
)
def test_where_there_is_nothing_to_learn_from_there_is_no_model(columns, kinds):
    assert _trained(columns, kinds) is None


_NAMES_AND_BIRTHS = ["first_name", "last_name", "birth_date"]


@pytest.fixture(scope="module")
def by_births():
    return _trained(_NAMES_AND_BIRTHS)


def test_few_columns_make_a_model_too(by_births):
    assert [c["output_column_name"] for c in by_births.settings["comparisons"]] == _NAMES_AND_BIRTHS
    for comparison in by_births.settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            assert level.get("is_null_level") or 0 < level["m_probability"] <= 1


def test_training_again_gives_the_same_model(by_births):
    assert _trained(_NAMES_AND_BIRTHS) == by_births


def test_a_model_is_the_same_after_it_was_written_down(model):
    assert Model.from_json(model.to_json()) == model
    assert Model.from_json(model.to_json()).to_json() == model.to_json()


def test_a_model_holds_no_value_that_stands_once(model):
    once = {"profiles": model.profiles}
    for column, shares in model.frequencies.items():
        assert all(share >= 1.5 / once["profiles"] for share in shares.values()), column
        assert sum(shares.values()) <= 1


@pytest.mark.parametrize("weight", [-20.0, -1.0, 0.0, 3.5, 20.0])
def test_weights_and_probabilities_are_two_ways_to_say_one_thing(weight):
    assert to_weight(to_probability(weight)) == pytest.approx(weight)
    assert to_probability(0) == 0.5
    assert to_probability(math.log2(19)) == pytest.approx(0.95)


def test_people_are_found_by_what_they_are_like(model):
    """Invented people of another seed: nobody is joined with a stranger, and most of the pairs are found."""
    rows, customers = invented(60, seed=77)
    by_profile = [row for row in rows if row[1] == "source_id"]
    result = resolved(by_profile, customers=customers, model=model)
    assert all(len({record.split("|")[2] for record in group}) == 1 for group in groups_of(result))
    pairs = len(customers) - len({customer["record_id"].split("|")[2] for customer in customers})
    assert len(customers) - len(set(person_of(result).values())) >= 0.9 * pairs
    assert {row["kind"] for row in result.edges.to_pylist()} == {"probability"}
    assert all(0.95 <= row["probability"] <= 1 for row in result.edges.to_pylist())
