"""K-Means personas: their number, their ids over time, niches, and the quality figures."""

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import f_oneway
from sklearn.metrics import adjusted_rand_score

from crm_pipeline.scoring.segmentation import niches, persona_model, persona_quality, persona_tables
from crm_pipeline.scoring.segmentation.persona_features import Columns, Feature, FeatureSpace, People
from crm_pipeline.scoring.segmentation.persona_model import Choice, Segmentation

AXES = tuple(Feature(name, name, (), "", "linear", True, "adjective", name, "") for name in ("x", "y"))
CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0], [5.0, 20.0]])


def crowd(centres: np.ndarray, seed: int = 0, each: int = 150) -> tuple[People, np.ndarray]:
    """People scattered around centres, in no order, and whose centre each has."""
    random = np.random.default_rng(seed)
    of = random.permutation(np.repeat(np.arange(len(centres)), each))
    return People(
        np.arange(len(of)), centres[of] + random.normal(size=(len(of), 2)), np.empty((len(of), 0), dtype=np.int64)
    ), of


def plain_space() -> FeatureSpace:
    return FeatureSpace(Columns(AXES, ()), np.zeros(2), np.zeros(2), np.ones(2), None, 0.0)


def fitted(centres: np.ndarray, seed: int = 0) -> tuple[Segmentation, People]:
    people, _ = crowd(centres, seed)
    return persona_model.fit(people, plain_space(), len(centres), seed=3), people


def centre_of(segmentation: Segmentation) -> dict[int, tuple[int, int]]:
    return {
        one: tuple(np.round(place).astype(int))
        for one, place in zip(segmentation.ids, segmentation.centroids, strict=True)
    }


def test_as_many_personas_are_chosen_as_were_planted_and_hold_their_people():
    people, of = crowd(CENTRES)
    choices = persona_model.choose(plain_space().place(people), seed=3)
    assert persona_model.best(choices) == len(CENTRES)
    assert adjusted_rand_score(of, persona_model.fit(people, plain_space(), 5, seed=3).assign(people)[0]) == 1


def test_of_equally_good_numbers_the_smallest_is_chosen():
    choices = (Choice(4, 0.30, 0.5), Choice(5, 0.250, 0.98), Choice(6, 0.25, 0.99), Choice(7, 0.1, 1.0))
    assert persona_model.best(choices) == 5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_personas_that_come_back_keep_their_ids_whatever_their_order(seed):
    earlier, _ = fitted(CENTRES)
    again, _ = fitted(CENTRES[::-1], seed)
    assert centre_of(persona_model.with_ids_of(again, earlier)) == centre_of(earlier)


def test_a_persona_that_is_new_gets_an_id_that_was_never_used():
    earlier, _ = fitted(CENTRES)
    earlier = replace(earlier, names={7: "Long gone"})
    moved = np.array([*CENTRES[:4], [60.0, -40.0]])
    found = centre_of(persona_model.with_ids_of(fitted(moved, 1)[0], earlier))
    assert found[8] == (60, -40)
    assert len(found) == 5


def test_a_refit_like_the_stored_personas_is_no_better_and_one_that_splits_a_lump_is():
    good, people = fitted(CENTRES)
    lumped = persona_model.fit(people, plain_space(), 2, seed=3)
    assert not persona_model.is_better(good, good, people, people)
    assert persona_model.is_better(good, lumped, people, people)


def test_a_tie_goes_to_the_lower_id():
    two = Segmentation(
        plain_space(), np.array([[1.0, 0.0], [-1.0, 0.0]]), (4, 9), {}, np.zeros((2, 2)), np.ones(2), ("x", "y")
    )
    assert two.assign(People(np.array([1]), np.zeros((1, 2)), np.empty((1, 0), dtype=np.int64)))[0].tolist() == [4]


def test_the_mean_of_a_trait_that_is_known_of_nobody_in_a_persona_is_empty():
    segmentation, people = fitted(CENTRES[:2])
    segmentation = replace(segmentation, names=dict.fromkeys(segmentation.ids, "Shoppers"))
    right = people.features[:, 0] > 5
    people.features[right, 1] = np.nan
    rows = persona_tables.traits(segmentation, people, date(2023, 6, 30)).to_pylist()
    means = {(centre_of(segmentation)[row["persona_number"]], row["trait"]): row["mean"] for row in rows}
    assert means[(0, 0), "y"] == pytest.approx(people.features[~right, 1].mean())
    assert (means[(10, 0), "y"], means[(10, 0), "x"]) == (None, pytest.approx(people.features[right, 0].mean()))


def test_a_small_dense_group_beside_a_crowd_is_a_niche_and_the_crowd_is_none():
    random = np.random.default_rng(0)
    points = random.permutation(np.vstack([random.normal(size=(2000, 2)), [7, 7] + 0.1 * random.normal(size=(60, 2)),
                                           [-7, 7] + 0.1 * random.normal(size=(40, 2))]))  # fmt: skip
    found = niches.fit(points)
    places = np.array([[7.0, 7.0], [-7.0, 7.0], [0.0, 0.0], [7.0, 0.0]])
    assert found.assign(places).tolist() == [1, 2, 0, 0]


def test_explained_variance_is_that_of_an_analysis_of_variance_and_does_not_reward_many_groups():
    random = np.random.default_rng(4)
    groups = random.integers(0, 6, 500)
    values = random.normal(size=500) + groups
    f = f_oneway(*(values[groups == one] for one in range(6))).statistic
    expected = (5 * f - 5) / (5 * f + 500 - 6)  # epsilon squared from F
    assert persona_quality.explained_variance(values, groups) == pytest.approx(expected)
    noise = [
        persona_quality.explained_variance(random.normal(size=500), random.integers(0, 40, 500)) for _ in range(50)
    ]
    assert abs(np.mean(noise)) < 0.01


def test_planted_personas_are_told_to_be_good():
    segmentation, people = fitted(CENTRES)
    points = people.features
    found = persona_quality.measure(points, segmentation.assign(people)[0] - 1, segmentation.centroids, seed=1)
    assert found.silhouette.min() > 0.7
    assert found.jaccard.min() > 0.99
    assert found.stability > 0.99
    assert found.explained > 0.95
    assert found.separation.min() > 5


GOOD = {"persona_number": 1, "persona": "Frequent shoppers", "share": 0.4, "jaccard": 0.9, "silhouette": 0.3}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"share": 0.005}, "0.5%"),
        ({"share": 0.8}, "80.0%"),
        ({"jaccard": 0.5}, "0.50"),
        ({"silhouette": -0.1}, "differ"),
    ],
)
def test_a_persona_that_is_too_small_large_unstable_or_alike_is_complained_of(wrong, words):
    profiles = pa.Table.from_pylist([GOOD, GOOD | wrong])
    assert persona_quality.complaints(pa.Table.from_pylist([GOOD])) == []
    found = persona_quality.complaints(profiles)
    assert len(found) == 1
    assert words in found[0]


def test_migration_counts_who_stayed_who_moved_who_came_and_who_went():
    def scores(day, rows):
        return pa.table({"customer_key": list(rows), "as_of_date": [day] * len(rows), "persona": list(rows.values())})

    moved = persona_quality.migration(
        "persona",
        "persona",
        scores("2026-05-31", {1: "A", 2: "A", 3: "B", 4: "B"}),
        scores("2026-06-30", {1: "A", 2: "B", 3: "B", 5: "A"}),
    )
    flows = {(row["from_group"], row["to_group"]): row["people"] for row in moved.to_pylist()}
    assert flows == {
        ("A", "A"): 1,
        ("A", "B"): 1,
        ("B", "B"): 1,
        ("B", "no_recent_order"): 1,
        ("no_recent_order", "A"): 1,
    }


def test_no_more_personas_are_tried_than_there_are_kinds_of_people():
    points = np.repeat(np.arange(5.0), 100)[:, None]
    assert [choice.personas for choice in persona_model.choose(points, seed=3)] == [4, 5]
    assert persona_model.distinct(points) == 5
