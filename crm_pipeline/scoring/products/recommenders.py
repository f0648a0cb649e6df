"""Which products go with what a person has bought: two ways to learn it, and how a few are picked from it.

Both candidates give the same thing, a sparse matrix `[bought, recommended]` of how strongly one product speaks for
another, so that people are scored, explained and stored in one way. A product speaks for itself too: who bought it long
ago may buy it again. Only the `NEIGHBOURS` strongest witnesses of each product are kept; more of them find no more.
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
HALF_LIFE_DAYS = 180
TOP = 5
_SATURATION, _LENGTH = 1.2, 0.75
_FEWEST_FACTORS, _MOST_FACTORS, _PRODUCTS_PER_FACTOR = 8, 64, 16
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
    together = (weighted.T @ weighted).toarray()
    norms = np.sqrt(np.maximum(np.diag(together), 1e-12))
    return strongest(together / np.outer(norms, norms))


def matrix_factorisation(days: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
    """Return the product-to-product matrix of a truncated singular value decomposition of log purchase days.

    A person's scores are the projection of their purchases onto the factors of all people (PureSVD: Cremonesi, Koren
    and Turrin, 2010), which needs no factors of persons, so that new people are scored like old ones.
    """
    factors = int(np.clip(days.shape[1] // _PRODUCTS_PER_FACTOR, _FEWEST_FACTORS, _MOST_FACTORS))
    with one_thread():
        decomposition = TruncatedSVD(min(factors, days.shape[1] - 1), n_iter=4, random_state=seed).fit(days.log1p())
        return strongest(decomposition.components_.T @ decomposition.components_)


CANDIDATES: dict[str, Callable[[sparse.csr_matrix, int], sparse.csr_matrix]] = {
    "item_item": item_item,
    "matrix_factorisation": matrix_factorisation,
}
"""Simplest first: where two are equally good, the earlier is champion."""


def strongest(matrix: Floats, keep: int = NEIGHBOURS) -> sparse.csr_matrix:
    """Return the highest positive entries of each column, and those that equal the last of them."""
    ranked = np.round(matrix, _DIGITS)
    lowest = np.full(matrix.shape[1], 10.0**-_DIGITS)
    if len(matrix) > keep:
        lowest = np.maximum(np.partition(ranked, len(matrix) - keep, axis=0)[-keep], lowest)
    rows, columns = np.nonzero(ranked >= lowest)
    return sparse.csr_matrix((matrix[rows, columns].astype(np.float32), (rows, columns)), matrix.shape)


def profiles(days: sparse.csr_matrix, age: Floats) -> sparse.csr_matrix:
    """Return what each person's purchases weigh: the logarithm of their days, halved every `HALF_LIFE_DAYS`.

    Args:
        days: per person and product, the number of days on which it was bought.
        age: days since the last of them, in the order of `days.data`.
    """
    weights = np.log1p(days.data) * 0.5 ** (age / HALF_LIFE_DAYS)
    return sparse.csr_matrix((weights.astype(np.float32), days.indices, days.indptr), days.shape)


def pick(scores: npt.NDArray[np.float32], excluded: sparse.csr_matrix, popularity: Floats) -> tuple[Places, Floats]:
    """Return the `TOP` best products of each person and their scores, which are NaN where only popularity speaks.

    Products of no positive score follow the others, the most popular first; of equal ones the first in the catalogue is
    taken.

    Args:
        scores: one row per person, one column per product.
        excluded: the products that a person is not to be recommended.
        popularity: buyers of each product.
    """
    ranked = np.round(scores, _DIGITS)
    rank = np.empty(len(popularity), dtype=np.float32)
    rank[np.argsort(-popularity, kind="stable")] = np.arange(1, len(popularity) + 1)
    ranked = np.where(ranked > 0, ranked, -rank)
    ranked[excluded.nonzero()] = -np.inf
    people = np.arange(len(ranked))
    places, values = [], []
    for _ in range(min(TOP, ranked.shape[1])):
        best = ranked.argmax(axis=1)
        places.append(best)
        values.append(ranked[people, best])
        ranked[people, best] = -np.inf
    chosen, value = np.stack(places, axis=1), np.stack(values, axis=1).astype(np.float64)
    return np.where(np.isneginf(value), -1, chosen), np.where(value > 0, np.round(value, _DIGITS), np.nan)


def because_of(profile: sparse.csr_matrix, similarity: sparse.csr_matrix, chosen: Places) -> Places:
    """Return for each recommended product the one among a person's purchases that speaks most for it, or -1.

    Args:
        profile: weights of people's purchases.
        similarity: `[bought, recommended]`.
        chosen: places of the recommended products, one row per person; -1 where there is none.
    """
    witnesses = similarity.T.tocsr()
    reasons = np.full(chosen.shape, -1, dtype=np.int64)
    for rank in range(chosen.shape[1]):
        shares = profile.multiply(witnesses[np.maximum(chosen[:, rank], 0)]).tocoo()
        order = np.lexsort((shares.col, -shares.data, shares.row))
        people, first = np.unique(shares.row[order], return_index=True)
        reasons[people, rank] = shares.col[order][first]
    return np.where(chosen < 0, -1, reasons)
