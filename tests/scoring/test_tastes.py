"""Types of taste: planted ones are found, evidence counts, and nothing depends on the order of types."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import dirichlet_multinomial

from crm_pipeline.scoring.segmentation import tastes

PLANTED = np.array([[3.0, 3.0, 0.3, 0.3], [0.3, 0.3, 3.0, 3.0], [0.4, 0.4, 0.4, 0.4]])
NAMES = ("a", "b", "c", "d")


def drawn(people: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Purchases by category of people of the planted types, and their types."""
    random = np.random.default_rng(seed)
    types = random.integers(0, len(PLANTED), people)
    shares = np.array([random.dirichlet(PLANTED[one]) for one in types])
    counts = np.array(
        [
            random.multinomial(number, share)
            for number, share in zip(5 + random.poisson(25, people), shares, strict=True)
        ]
    )
    return counts, types


@pytest.fixture(scope="module")
def fitted() -> tastes.TasteTypes:
    return tastes.fit(drawn(3000, 1)[0], NAMES, seed=5)


def test_as_many_types_are_found_as_were_planted_with_their_concentrations(fitted):
    assert len(fitted.shares) == len(PLANTED)
    nearest = [np.abs(np.log(fitted.concentration / planted)).max(axis=1).min() for planted in PLANTED]
    assert max(nearest) < np.log(1.4)


def test_memberships_follow_bayes_rule_with_scipys_distribution(fitted):
    counts, _ = drawn(40, 2)
    density = [
        [
            share * dirichlet_multinomial.pmf(row, alpha, row.sum())
            for share, alpha in zip(fitted.shares, fitted.concentration, strict=True)
        ]
        for row in counts
    ]
    expected = np.array(density) / np.sum(density, axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.membership(counts), expected, atol=1e-10)


def test_one_purchase_says_less_than_fifty(fitted):
    few, many = fitted.membership(np.array([[1, 0, 0, 0], [25, 25, 0, 0]]))
    assert many.max() > 0.95
    assert few.max() < many.max()


def test_who_bought_nothing_has_everybodys_shares(fitted):
    np.testing.assert_allclose(fitted.membership(np.zeros((1, 4), dtype=np.int64))[0], fitted.shares)


def test_people_of_one_kind_are_one_type():
    random = np.random.default_rng(3)
    counts = np.array([random.multinomial(20, random.dirichlet(PLANTED[0])) for _ in range(1500)])
    assert len(tastes.fit(counts, NAMES, seed=5).shares) == 1


@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 8), st.just(4)), elements=st.integers(0, 5000)))
def test_memberships_are_probabilities_for_any_counts(counts):
    memberships = tastes.TasteTypes(NAMES, np.full(3, 1 / 3), PLANTED).membership(counts)
    assert np.isfinite(memberships).all()
    np.testing.assert_allclose(memberships.sum(axis=1), 1)
