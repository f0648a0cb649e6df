"""Recommendation: five products for each person that they have not lately bought and that are still sold.

Three candidates (see `recommenders`) stand beside the most popular products. Hold-out at an origin are the products
that people newly bought in the `HOLDOUT_DAYS` after it: those of the catalogue that they had not bought in the
`LATELY_DAYS` before it. The baseline keeps the same rules, so that it is beaten by knowing the person alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats, Inputs, NotEnoughDataError, Round, ScoringSettings
from crm_pipeline.scoring.products import product_purchases, recommenders
from crm_pipeline.scoring.products.product_purchases import Catalogue, Purchases
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, Column, ScoreTable
from crm_pipeline.show import plots

TABLE = ScoreTable(
    "recommendations",
    "One row per person and rank (1-5): a product not lately bought.",
    (
        PERSON,
        AS_OF,
        Column.integer("rank", "1 is the best.", required=True),
        Column.integer("product_key", "The product."),
        Column.number("score", "Score of the method; empty where popularity alone speaks."),
        Column.text("method", "Method that chose it."),
        Column.integer("because_of_product_key", "The bought product that speaks most for it."),
        Column.text("reason", "Why, in plain words."),
        MODEL_VERSION,
    ),
    key=("customer_key", "rank"),
    models=("recommendations",),
)
"""One row per person and rank (1-5). `score` and `because_of_product_key` are empty where popularity alone speaks."""

MOST_POPULAR = "most_popular"
HOLDOUT_DAYS, ORIGINS = 60, 3
MIN_PRODUCTS, MIN_TESTED = 20, 100
MAX_TESTED = 5_000
_DISCOUNT = 1 / np.log2(np.arange(2, recommenders.TOP + 2))


@dataclass(frozen=True)
class Recommender:
    """A fitted candidate: the products it knows, in ascending order, and how they speak for each other."""

    method: str
    products: npt.NDArray[np.int64]
    similarity: sparse.csr_matrix


@dataclass(frozen=True)
class Shelf:
    """What a fitted candidate says of the products that are sold: `[bought, recommended]`, turned, most popular."""

    similarity: sparse.csr_matrix
    witnesses: sparse.csr_matrix
    popular: recommenders.Places


@dataclass(frozen=True)
class Trial:
    """An origin: purchases known then, and per tested person (rows of `known`) the places of what was newly bought."""

    origin: date
    known: Purchases
    tested: npt.NDArray[np.int64]
    bought: sparse.csr_matrix


@dataclass(frozen=True)
class Prepared:
    """The trials, oldest first, and what is known as of today."""

    trials: tuple[Trial, ...]
    known: Purchases


class Recommendation:
    """The model `recommendations`, for the common run of all models."""

    name = "recommendations"
    table = TABLE
    score_column = "score"
    candidates = tuple(recommenders.CANDIDATES)
    baselines = (MOST_POPULAR,)
    metric = "ndcg_at_5"
    higher_is_better = True

    def prepare(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Prepared:
        """Gather the purchases at three origins, a hold-out apart, and as of today.

        Raises:
            NotEnoughDataError: if too few products are sold, or too few people bought something new after any origin.
        """
        known = product_purchases.known(connection, settings.as_of, settings.training_rows)
        if len(known.catalogue) < MIN_PRODUCTS:
            raise NotEnoughDataError(
                f"Needs {MIN_PRODUCTS} products bought by known people in the last {product_purchases.SOLD_DAYS} days; "
                f"has {len(known.catalogue)}."
            )
        back = range(ORIGINS, 0, -1)
        origins = [settings.as_of - timedelta(days=HOLDOUT_DAYS * number) for number in back]
        trials = [_trial(connection, origin, settings) for origin in origins]
        largest = max(len(trial.tested) for trial in trials)
        if largest < MIN_TESTED:
            raise NotEnoughDataError(
                f"Needs {MIN_TESTED} people with earlier purchases who bought something new within {HOLDOUT_DAYS} "
                f"days; has {largest}."
            )
        return Prepared(tuple(trial for trial in trials if len(trial.tested) >= MIN_TESTED), known)

    def rounds(self, prepared: Prepared, settings: ScoringSettings) -> Iterator[Round]:
        """Recommend at each origin from what was known then.

        `actual` has a row per tested person with the places of newly bought products, padded with -1; predictions have
        a row per person with the places of five products.
        """
        for trial in prepared.trials:
            known = trial.known.of(trial.tested)
            profiles = recommenders.profiles(known.days, known.age)
            popular = recommenders.most_popular(trial.known.catalogue.buyers_lately)
            nothing = sparse.csr_matrix(profiles.shape, dtype=np.float32)
            predictions = {MOST_POPULAR: recommenders.pick(nothing, known.lately(), popular)[0].astype(float)}
            for name in self.candidates:
                similarity = recommenders.CANDIDATES[name](trial.known.days, settings.seed)
                scores = profiles @ similarity
                predictions[name] = recommenders.pick(scores, known.lately(), popular)[0].astype(float)
            yield Round(trial.origin, padded(trial.bought), predictions)

    def measure(self, actual: Floats, predicted: Floats) -> Mapping[str, float]:
        """Return hit rate, recall and NDCG at 5 as means over people, and coverage.

        Relevance is 0 or 1, the ideal order puts min(5, number bought) hits first (Jarvelin and Kekalainen, 2002).
        Coverage is the share of the products that anyone newly bought which are recommended to anyone.
        """
        hits = ((predicted[:, :, None] == actual[:, None, :]) & (predicted[:, :, None] >= 0)).any(axis=2)
        bought = (actual >= 0).sum(axis=1)
        ideal = np.concatenate([[0], np.cumsum(_DISCOUNT)])[np.minimum(bought, recommenders.TOP)]
        wanted = np.unique(actual[actual >= 0])
        return {
            "hit_rate_at_5": float(hits.any(axis=1).mean()),
            "recall_at_5": float((hits.sum(axis=1) / bought).mean()),
            "ndcg_at_5": float((hits @ _DISCOUNT[: hits.shape[1]] / ideal).mean()),
            "coverage": float(np.isin(wanted, predicted).mean()),
        }

    def fit(self, prepared: Prepared, candidate: str, settings: ScoringSettings) -> Recommender:
        """Fit a candidate on all that is known."""
        similarity = recommenders.CANDIDATES[candidate](prepared.known.days, settings.seed)
        return Recommender(candidate, prepared.known.catalogue.products, similarity)

    def training_data(self, prepared: Prepared) -> Iterable[npt.NDArray[Any]]:
        """Return the products and the purchases, and what each trial asks."""
        yield prepared.known.catalogue.products
        for matrix in (prepared.known.days, *(trial.known.days for trial in prepared.trials)):
            yield from (matrix.data, matrix.indices, matrix.indptr)
        for trial in prepared.trials:
            yield from (trial.tested, trial.bought.indices, trial.bought.indptr)

    def inputs(self, connection: duckdb.DuckDBPyConnection, settings: ScoringSettings) -> Inputs:
        """Return per person how many products they bought in how many purchases, and how long ago the last one was."""
        known = product_purchases.known(connection, settings.as_of, settings.training_rows)
        starts = known.days.indptr[:-1]
        columns = [known.days.getnnz(axis=1), np.add.reduceat(known.days.data, starts)]
        last = np.minimum.reduceat(known.age, starts)
        return Inputs(("products", "purchases", "recency_days"), np.column_stack([*columns, last]).astype(np.float64))

    def score(
        self, connection: duckdb.DuckDBPyConnection, fitted: Recommender, version: str, settings: ScoringSettings
    ) -> pa.Table:
        """Return five products for everybody known at the as-of date; without purchases they are the popular ones."""
        sold = product_purchases.catalogue(connection, settings.as_of, settings.training_rows)
        names = product_purchases.product_names(connection, fitted.products)
        shelf = _shelf(fitted, sold)
        batches = []
        with one_thread():
            for keys, known in product_purchases.everybody(connection, settings.as_of, fitted.products):
                batches.append(_recommended(fitted, shelf, known, keys, names))
        table = pa.concat_tables(batches) if batches else pa.table({})
        constant = {"as_of_date": pa.scalar(settings.as_of, pa.date32()), "model_version": pa.scalar(version)}
        for name, value in constant.items():
            table = table.append_column(name, pa.repeat(value, len(table)))
        return self.table.typed(table) if batches else self.table.empty()

    def card(self, prepared: Prepared, fitted: Recommender, settings: ScoringSettings) -> Mapping[str, Any]:
        """Return the window and the size of what was learned from."""
        return {
            "trained_from": (settings.as_of - timedelta(days=product_purchases.HISTORY_DAYS)).isoformat(),
            "people": prepared.known.days.shape[0],
            "products": len(fitted.products),
            "purchases": int(prepared.known.days.nnz),
            "method": fitted.method,
            "holdout_days": HOLDOUT_DAYS,
        }

    def plots(self, rounds: Sequence[Round], champion: str) -> Mapping[str, str]:
        """Return the figures of all methods at the newest origin."""
        metrics = {name: self.measure(rounds[-1].actual, said) for name, said in rounds[-1].predictions.items()}
        groups = list(metrics[champion])
        series = {name: list(figures.values()) for name, figures in metrics.items()}
        title = f"recommendations: {champion} beside {MOST_POPULAR}"
        return {title: plots.bars(title, groups, series, muted=self.baselines)}


def padded(bought: sparse.csr_matrix) -> Floats:
    """Return the column numbers of each row's entries, side by side, padded with -1."""
    counts = bought.getnnz(axis=1)
    rows = np.repeat(np.arange(len(counts)), counts)
    table = np.full((len(counts), max(counts.max(initial=0), 1)), -1.0)
    table[rows, np.arange(bought.nnz) - np.repeat(bought.indptr[:-1], counts)] = bought.indices
    return table


def _trial(connection: duckdb.DuckDBPyConnection, origin: date, settings: ScoringSettings) -> Trial:
    known = product_purchases.known(connection, origin, settings.training_rows)
    bought = known.align(*product_purchases.bought_after(connection, origin, HOLDOUT_DAYS))
    new = (bought - bought.multiply(known.lately())).tocsr()
    new.eliminate_zeros()
    tested = np.flatnonzero(new.getnnz(axis=1))
    if len(tested) > MAX_TESTED:
        tested = tested[np.linspace(0, len(tested) - 1, MAX_TESTED).astype(np.int64)]
    return Trial(origin, known, tested, new[tested])


def _shelf(fitted: Recommender, sold: Catalogue) -> Shelf:
    """Leave out the products that are no longer sold."""
    there = np.isin(fitted.products, sold.products)
    similarity = sparse.csr_matrix(fitted.similarity @ sparse.diags_array(there.astype(np.float32)))
    popular = recommenders.most_popular(sold.buyers_of(fitted.products), there)
    return Shelf(similarity, similarity.T.tocsr(), popular)


def _recommended(
    fitted: Recommender,
    shelf: Shelf,
    known: Purchases,
    keys: npt.NDArray[np.int64],
    names: npt.NDArray[np.object_],
) -> pa.Table:
    """Return the recommendations of a batch of people, ordered by person and rank."""
    profiles = recommenders.profiles(known.days, known.age)
    chosen, values = recommenders.pick(profiles @ shelf.similarity, known.lately(), shelf.popular)
    reasons = np.where(np.isnan(values), -1, recommenders.because_of(profiles, shelf.witnesses, chosen))
    there = chosen.ravel() >= 0
    ranks = np.tile(np.arange(1, chosen.shape[1] + 1), len(keys))
    product, because, value = chosen.ravel()[there], reasons.ravel()[there], values.ravel()[there]
    popular = because < 0
    return pa.table(
        {
            "customer_key": np.repeat(keys, chosen.shape[1])[there],
            "rank": ranks[there],
            "product_key": fitted.products[product],
            "score": pa.array(value, mask=popular),
            "method": np.where(popular, MOST_POPULAR, fitted.method),
            "because_of_product_key": pa.array(fitted.products[because], mask=popular),
            "reason": pa.array(_sentences(product, because, names)),
        }
    )


def _sentences(
    product: npt.NDArray[Any], because: npt.NDArray[Any], names: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    """Return why each product is recommended, in plain words."""
    goes_with = np.array([f"Goes with {name}" for name in names], dtype=object)
    said = np.where(because == product, "Bought before", goes_with[because])
    return np.where(because < 0, "Popular now", said)
