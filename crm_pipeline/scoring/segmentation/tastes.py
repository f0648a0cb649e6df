"""What people like to buy: types of taste, learned from how often each person bought from each category.

A person's purchases by category are multinomial around shares of their own, which scatter around those of their type: a
mixture of Dirichlet-multinomial distributions (Holmes, Harris and Quince, 2012, doi:10.1371/journal.pone.0030126),
fitted by expectation maximisation with Minka's fixed point (2000, "Estimating a Dirichlet distribution"). Unlike plain
shares, it knows that one purchase says less than fifty, and tells those who like everything from those who like one
thing each.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln, logsumexp, softmax
from sklearn.cluster import KMeans

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats

Ints = npt.NDArray[np.int64]
FIT_PEOPLE = 10_000
MOST_TYPES = 8
ITERATIONS = 200
_FIRST_ITERATIONS = 20
_TOLERANCE = 1e-6
_LOWEST, _HIGHEST = 0.01, 100.0


@dataclass(frozen=True)
class TasteTypes:
    """A fitted mixture: the share of each type, and its concentration by category (types x categories)."""

    categories: tuple[str, ...]
    shares: Floats
    concentration: Floats

    def membership(self, counts: Ints) -> Floats:
        """Return the probability of each type (people x types) given purchases by category (people x categories)."""
        memberships: Floats = softmax(_log_joint(counts, self.shares, self.concentration), axis=1)
        return memberships


def fit(counts: Ints, categories: tuple[str, ...], seed: int) -> TasteTypes:
    """Return the mixture whose number of types has the lowest Bayesian information criterion.

    Args:
        counts: purchases by person and category; at most `FIT_PEOPLE` people are used, spread evenly over the rows.
        categories: names of the columns.
        seed: of the K-Means clusters that the search starts from.
    """
    sample = counts[np.linspace(0, len(counts) - 1, min(len(counts), FIT_PEOPLE)).astype(np.int64)]
    best = _maximise(sample, np.ones((len(sample), 1)), np.ones((1, sample.shape[1])), ITERATIONS)
    for types in range(1, MOST_TYPES):
        splits = [_maximise(sample, *_split(sample, best, one, seed), _FIRST_ITERATIONS) for one in range(types)]
        promising = max(splits, key=lambda found: round(found.likelihood, 3))
        larger = _maximise(sample, promising.memberships, promising.concentration, ITERATIONS)
        if larger.criterion >= best.criterion:
            break
        best = larger
    return TasteTypes(categories, best.memberships.mean(axis=0), best.concentration)


@dataclass(frozen=True)
class _Mixture:
    """A state of the search: memberships (people x types), concentrations (types x categories), log-likelihood."""

    memberships: Floats
    concentration: Floats
    likelihood: float

    @property
    def criterion(self) -> float:
        """The Bayesian information criterion; lower is better."""
        people, types = self.memberships.shape
        return float((types * (self.concentration.shape[1] + 1) - 1) * np.log(people) - 2 * self.likelihood)


def _split(counts: Ints, found: _Mixture, one: int, seed: int) -> tuple[Floats, Floats]:
    """Return memberships and concentrations with one type split by two clusters of its people's shares.

    Searches that start from a mixture of fewer types end in good optima far more often than those from chance.
    """
    shares = np.sqrt(counts / np.maximum(counts.sum(axis=1), 1)[:, None])
    with one_thread():
        halves = KMeans(2, n_init=1, random_state=seed).fit(shares, sample_weight=found.memberships[:, one] + 1e-9)
    weight = np.where(halves.labels_ == 0, 0.9, 0.1)
    parted = np.stack([found.memberships[:, one] * weight, found.memberships[:, one] * (1 - weight)], axis=1)
    memberships = np.hstack([np.delete(found.memberships, one, axis=1), parted])
    return memberships, np.vstack([np.delete(found.concentration, one, axis=0), found.concentration[[one, one]]])


def _maximise(counts: Ints, memberships: Floats, concentration: Floats, iterations: int) -> _Mixture:
    """Return the mixture after so many rounds of expectation maximisation, or fewer where it has come to rest."""
    before = -np.inf
    for _ in range(iterations):
        concentration = _fixed_point(counts, memberships, concentration)
        joint = _log_joint(counts, memberships.mean(axis=0), concentration)
        likelihood = float(logsumexp(joint, axis=1).sum())
        memberships = softmax(joint, axis=1)
        if likelihood - before < _TOLERANCE * abs(likelihood):
            break
        before = likelihood
    return _Mixture(memberships, concentration, likelihood)


def _fixed_point(counts: Ints, memberships: Floats, concentration: Floats, steps: int = 3) -> Floats:
    """Return the concentrations that better fit the people weighted by membership."""
    columns = [_histogram(column, memberships) for column in (*counts.T, counts.sum(axis=1))]
    for _ in range(steps):
        total = concentration.sum(axis=1)
        below = _expected_digamma(columns[-1], total)
        above = np.stack([_expected_digamma(one, a) for one, a in zip(columns[:-1], concentration.T, strict=True)], 1)
        concentration = np.clip(concentration * above / np.maximum(below, 1e-12)[:, None], _LOWEST, _HIGHEST)
    return concentration


def _histogram(column: Ints, memberships: Floats) -> Floats:
    """Return how much of each type (row) has each count 0, 1, 2, ... (column): counts repeat, people are many."""
    return np.stack([np.bincount(column, weights=weight) for weight in memberships.T])


def _expected_digamma(histogram: Floats, parameter: Floats) -> Floats:
    values = np.arange(histogram.shape[1])
    summed: Floats = (histogram * (digamma(values + parameter[:, None]) - digamma(parameter)[:, None])).sum(axis=1)
    return summed


def _log_joint(counts: Ints, shares: Floats, concentration: Floats) -> Floats:
    """Return the log of share times likelihood, for each person and type, without the terms equal for all types."""
    joint = np.tile(np.log(np.maximum(shares, 1e-300)), (len(counts), 1))
    for column, parameter in zip(counts.T, concentration.T, strict=True):
        joint += _log_rising(column, parameter)
    return joint - _log_rising(counts.sum(axis=1), concentration.sum(axis=1))


def _log_rising(column: Ints, parameter: Floats) -> Floats:
    """Return log(gamma(count + parameter) / gamma(parameter)) for each person and type, from a table of the counts."""
    values = np.arange(column.max(initial=0) + 1)
    table: Floats = gammaln(values[:, None] + parameter) - gammaln(parameter)
    return table[column]
