"""Which products go with what a person has bought: three ways to learn it, and how a few are picked from it.

All candidates give the same thing, a sparse matrix `[bought, recommended]` of how strongly one product speaks for
another, so that people are scored, explained and stored in one way. A product speaks for itself too: who bought it long
ago may buy it again. Each product keeps a few witnesses, the strongest; more of them find no more. Nothing as wide as
the catalogue is ever filled in: of 41,000 products by 41,000, hardly any two have met.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats

Places = npt.NDArray[np.int64]
NEIGHBOURS = 100
"""Witnesses of a product that are kept."""
MOST_BOUGHT = 5_000
"""Products with most buyers, of which factors are made, and which may speak for others in the autoencoder."""
HALF_LIFE_DAYS = 180
TOP = 5
_SATURATION, _LENGTH = 1.2, 0.75
_FEWEST_FACTORS, _MOST_FACTORS, _PRODUCTS_PER_FACTOR = 8, 64, 16
_REGRESSORS, _RIDGE, _NOISE = 30, 2.0, 0.5
_AT_ONCE = 512
_DIGITS = 6
"""Scores are compared to so many digits: the last bits of a sum never decide who is recommended what."""


def item_item(days: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:  # noqa: ARG001
    """Return the cosine of products over their buyers, whose purchases are weighted by Okapi BM25.

    A person is the document and a product the term: the tenth purchase adds little, a person who buys everything says
    little about each, and a product that everybody buys says least (Robertson and Zaragoza, 2009, section 3).

    Args:
        days: per person and product, the number of days on which it was bought.
        seed: not used; all candidates are called alike.
    """
    buyers, products = days.getnnz(axis=0), days.getnnz(axis=1)
    length = 1 - _LENGTH + _LENGTH * products / max(products.mean(), 1)
    rarity = np.log1p(days.shape[0] / np.maximum(buyers, 1))
    saturated = days.data * (_SATURATION + 1) / (_SATURATION * np.repeat(length, products) + days.data)
    weighted = sparse.csr_matrix((saturated * rarity[days.indices], days.indices, days.indptr), days.shape)
    unit = weighted @ sparse.diags_array(1 / _norms(weighted))
    return _witnesses(unit, unit, NEIGHBOURS).T.tocsr()


def matrix_factorisation(days: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
    """Return the product-to-product matrix of a truncated singular value decomposition of log purchase days.

    A person's scores are the projection of their purchases onto the factors of all people (PureSVD: Cremonesi, Koren
    and Turrin, 2010), which needs no factors of persons, so that new people are scored like old ones. Of products
    with few buyers factors say nothing; where there are more than `MOST_BOUGHT`, the others are left out.
    """
    core = _most_bought(days)
    factors = int(np.clip(len(core) // _PRODUCTS_PER_FACTOR, _FEWEST_FACTORS, _MOST_FACTORS))
    with one_thread():
        decomposition = TruncatedSVD(min(factors, len(core) - 1), n_iter=4, random_state=seed)
        parts = decomposition.fit(days[:, core].log1p()).components_.T
        rows = [strongest(sparse.csr_matrix(parts[part] @ parts.T), NEIGHBOURS) for part in _parts(len(core))]
    return _spread(sparse.vstack(rows).T.tocoo(), core, core, days.shape[1])


def linear_autoencoder(days: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:  # noqa: ARG001
    """Return how each product's log purchase days follow from those of its `_REGRESSORS` nearest and of itself.

    Ridge regression of every product on the others, with noise that keeps it from repeating itself (EASE: Steck, 2019
    and 2020), which takes apart who speaks for a product from who only goes with those who do. Each product looks at
    its nearest by cosine alone (SLIM with selected features: Ning and Karypis, 2011), so that the equations stay small
    however long the catalogue is.

    Args:
        days: per person and product, the number of days on which it was bought.
        seed: not used; all candidates are called alike.
    """
    bought = sparse.csr_matrix(days.log1p())
    norms = _norms(bought)
    unit = bought @ sparse.diags_array(1 / norms)
    core = _most_bought(days)
    near = _witnesses(unit, unit[:, core], _REGRESSORS, itself=core)
    together = (bought[:, core].T @ bought[:, core]).toarray().astype(np.float32)
    ridge = _RIDGE * np.mean(norms**2) + _NOISE * norms**2
    with one_thread():
        parts = [_regressed(near, together, norms, ridge, core, part) for part in _parts(len(norms))]
    rows, columns, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return sparse.csr_matrix((weights.astype(np.float32), (rows, columns)), (len(norms), len(norms)))


CANDIDATES: dict[str, Callable[[sparse.csr_matrix, int], sparse.csr_matrix]] = {
    "item_item": item_item,
    "matrix_factorisation": matrix_factorisation,
    "linear_autoencoder": linear_autoencoder,
}
"""Simplest first: where two are equally good, the earlier is champion."""


def strongest(matrix: sparse.csr_matrix, keep: int) -> sparse.csr_matrix:
    """Return the highest positive entries of each row, of equal ones those that come first."""
    columns, values, counts = [], [], []
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        place, value = _highest(matrix.indices[start:end], matrix.data[start:end], keep)
        columns.append(place)
        values.append(value)
        counts.append(len(place))
    starts = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix(
        (np.concatenate(values).astype(np.float32), np.concatenate(columns), starts), (len(counts), matrix.shape[1])
    )


def profiles(days: sparse.csr_matrix, age: Floats) -> sparse.csr_matrix:
    """Return what each person's purchases weigh: the logarithm of their days, halved every `HALF_LIFE_DAYS`.

    Args:
        days: per person and product, the number of days on which it was bought.
        age: days since the last of them, in the order of `days.data`.
    """
    weights = np.log1p(days.data) * 0.5 ** (age / HALF_LIFE_DAYS)
    return sparse.csr_matrix((weights.astype(np.float32), days.indices, days.indptr), days.shape)


def most_popular(popularity: Floats, sold: npt.NDArray[np.bool_] | None = None) -> Places:
    """Return the products that are sold, those of most buyers first, of equal ones the first in the catalogue."""
    order = np.argsort(-popularity, kind="stable")
    return order if sold is None else order[sold[order]]


def pick(scores: sparse.csr_matrix, excluded: sparse.csr_matrix, popular: Places) -> tuple[Places, Floats]:
    """Return the `TOP` best products of each person and their scores, which are NaN where only popularity speaks.

    Where too few have a positive score, the most popular others follow; -1 stands where none is left.

    Args:
        scores: one row per person, one column per product.
        excluded: ones for the products that a person is not to be recommended.
        popular: places of products, the most popular first.
    """
    chosen = np.full((scores.shape[0], min(TOP, scores.shape[1])), -1, dtype=np.int64)
    values = np.full(chosen.shape, np.nan)
    for person in range(len(chosen)):
        row = slice(scores.indptr[person], scores.indptr[person + 1])
        taken = set(excluded.indices[excluded.indptr[person] : excluded.indptr[person + 1]].tolist())
        places, found = _highest(scores.indices[row], scores.data[row], chosen.shape[1] + len(taken))
        best = [place for place, here in enumerate(places.tolist()) if here not in taken][: chosen.shape[1]]
        chosen[person, : len(best)] = places[best]
        values[person, : len(best)] = np.round(found[best].astype(np.float64), _DIGITS)
        if len(best) < chosen.shape[1]:
            taken |= set(places[best].tolist())
            left = [place for place in popular[: len(taken) + TOP].tolist() if place not in taken]
            rest = left[: chosen.shape[1] - len(best)]
            chosen[person, len(best) : len(best) + len(rest)] = rest
    return chosen, values


def because_of(profile: sparse.csr_matrix, witnesses: sparse.csr_matrix, chosen: Places) -> Places:
    """Return for each recommended product the one among a person's purchases that speaks most for it, or -1.

    Args:
        profile: weights of people's purchases.
        witnesses: `[recommended, bought]`.
        chosen: places of the recommended products, one row per person; -1 where there is none.
    """
    reasons = np.full(chosen.shape, -1, dtype=np.int64)
    for rank in range(chosen.shape[1]):
        shares = profile.multiply(witnesses[np.maximum(chosen[:, rank], 0)]).tocoo()
        order = np.lexsort((shares.col, -shares.data, shares.row))
        people, first = np.unique(shares.row[order], return_index=True)
        reasons[people, rank] = shares.col[order][first]
    return np.where(chosen < 0, -1, reasons)


def _highest(places: Places, values: Floats, keep: int) -> tuple[Places, Floats]:
    """Return the places and values of the highest positive entries, the highest first."""
    ranked = np.round(values, _DIGITS)
    lowest = 10.0**-_DIGITS
    if len(ranked) > keep:
        lowest = max(np.partition(ranked, len(ranked) - keep)[len(ranked) - keep], lowest)
    found = np.flatnonzero(ranked >= lowest)
    found = found[np.lexsort((places[found], -ranked[found]))[:keep]]
    return places[found], values[found]


def _norms(matrix: sparse.csr_matrix) -> Floats:
    squares = np.bincount(matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=matrix.shape[1])
    return np.sqrt(np.maximum(squares, 1e-12))


def _most_bought(days: sparse.csr_matrix) -> Places:
    return np.sort(np.argsort(-days.getnnz(axis=0), kind="stable")[:MOST_BOUGHT])


def _parts(count: int) -> list[slice]:
    return [slice(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE)]


def _witnesses(
    products: sparse.csr_matrix, others: sparse.csr_matrix, keep: int, itself: Places | None = None
) -> sparse.csr_matrix:
    """Return for each column of the one matrix the columns of the other that come nearest, but not `itself`."""
    targets, sources = products.T.tocsr(), sparse.csr_matrix(others)
    rows = []
    for part in _parts(targets.shape[0]):
        near = targets[part] @ sources
        if itself is not None:
            place = np.searchsorted(itself, np.arange(part.start, part.stop))
            own = itself[np.minimum(place, len(itself) - 1)] == np.arange(part.start, part.stop)
            same = (np.ones(int(own.sum())), (np.flatnonzero(own), place[own]))
            near = near - near.multiply(sparse.csr_matrix(same, near.shape))
        rows.append(strongest(sparse.csr_matrix(near), keep))
    return sparse.csr_matrix(sparse.vstack(rows))


def _regressed(
    near: sparse.csr_matrix, together: npt.NDArray[np.float32], norms: Floats, ridge: Floats, core: Places, part: slice
) -> tuple[Places, Places, Floats]:
    """Return witnesses, products and weights of some products: the solutions of their normal equations.

    Products with fewer witnesses have equations that say 0 of the missing ones.
    """
    own = np.arange(part.start, part.stop)
    counts = np.diff(near.indptr)[part]
    there = np.arange(_REGRESSORS) < counts[:, None]
    place, with_own = np.zeros(there.shape, dtype=np.int64), np.zeros(there.shape)
    entries = slice(near.indptr[part.start], near.indptr[part.stop])
    place[there] = near.indices[entries]
    with_own[there] = near.data[entries]
    with_own *= norms[core[place]] * norms[own][:, None]
    sums = np.zeros((len(own), _REGRESSORS + 1, _REGRESSORS + 1))
    sums[:, :-1, :-1] = together[place[:, :, None], place[:, None, :]] * (there[:, :, None] & there[:, None, :])
    sums[:, :-1, -1] = sums[:, -1, :-1] = with_own
    sums[:, -1, -1] = norms[own] ** 2
    answers = sums[:, :, -1:].copy()
    diagonal = np.arange(_REGRESSORS)
    sums[:, diagonal, diagonal] += np.where(there, ridge[core[place]], 1)
    sums[:, -1, -1] += ridge[own]
    weights = np.linalg.solve(sums, answers)[:, :, 0]
    there = np.column_stack([there, np.ones(len(own), dtype=bool)])
    bought = np.column_stack([core[place], own])
    return bought[there], np.repeat(own, there.sum(axis=1)), weights[there]


def _spread(matrix: sparse.coo_matrix, rows: Places, columns: Places, width: int) -> sparse.csr_matrix:
    """Return a matrix of some products as one of all of them."""
    return sparse.csr_matrix((matrix.data, (rows[matrix.row], columns[matrix.col])), (width, width))
