"""Why a person's probability is what it is: the three things that move it most away from a typical person's.

A group of features counts by how much the log odds change when the person's values of that group are replaced by
typical ones (the median of the training), all others left as they are: occlusion by group (Robnik-Sikonja and
Kononenko, Explaining Classifications For Individual Instances, 2008). It asks the calibrated model itself, so that it
is the same for a line and for trees, and costs one prediction per group.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from crm_pipeline.scoring.learning import one_thread, signed_log
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.questions import vocabulary
from crm_pipeline.scoring.questions.calibration import log_odds
from crm_pipeline.scoring.questions.learners import Classifier, Labels

REASONS = 3
LEAST = 0.05
"""Change of the log odds below which a group is no reason (about a point of a probability of one half)."""

_SPARE = 1  # a group about which there is nothing to say does not take the place of a reason
_SAMPLE = 20_000
_AT_ONCE = 10_000
_SHUFFLED, _REPEATS = 2_000, 2


@dataclass(frozen=True)
class Explainer:
    """What is typical for the features of a model, and which way each of them usually works.

    Attributes:
        names: the features.
        groups: name and places of the features that are told as one reason.
        typical: median of each feature.
        spread: standard deviation of each feature's signed logarithm, at least a little.
        direction: 1 where more of a feature goes with yes, -1 where with no.
        missing: the same for its being unknown.
        usual: the log odds that half of the people are above.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    typical: Floats
    spread: Floats
    direction: Floats
    missing: Floats
    usual: float

    def contributions(self, model: Classifier, matrix: Floats) -> tuple[Floats, Floats]:
        """Return each person's log odds above the usual, and what each group adds to them (person x group)."""
        reached = log_odds(model.probability(matrix))
        added = np.empty((len(matrix), len(self.groups)))
        changed = matrix.copy()
        for place, (_, columns) in enumerate(self.groups):
            chosen = list(columns)
            changed[:, chosen] = self.typical[chosen]
            added[:, place] = reached - log_odds(model.probability(changed))
            changed[:, chosen] = matrix[:, chosen]
        return reached - self.usual, added

    def all_contributions(self, model: Classifier, matrix: Floats, threads: int) -> tuple[Floats, Floats]:
        """Return the same, worked out by several threads; each takes a few people at a time, whom its cache holds."""
        parts = [matrix[start : start + _AT_ONCE] for start in range(0, len(matrix), _AT_ONCE)]
        # Held around all: a thread that ends would else let loose the others' libraries.
        with one_thread(), ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda part: self.contributions(model, part), parts))
        return np.concatenate([above for above, _ in found]), np.concatenate([added for _, added in found])

    def reasons(self, model: Classifier, matrix: Floats, currency: str, threads: int = 1) -> list[pa.Array]:
        """Return three columns of sentences, the strongest reason first; null where there are fewer.

        Who is likelier than usual to be a yes hears what raises the probability, the others what lowers it.
        """
        above, added = self.all_contributions(model, matrix, threads)
        side = np.where(above >= 0, 1.0, -1.0)
        strength = np.round(added * side[:, None], 6)
        order = np.argsort(-strength, axis=1, kind="stable")[:, : REASONS + _SPARE]
        counts = np.take_along_axis(strength, order, axis=1) > LEAST
        told = [
            self._sentences(matrix, np.where(counts[:, rank], order[:, rank], -1), side, currency)
            for rank in range(order.shape[1])
        ]
        return _closed_up(told, len(matrix))

    def _sentences(self, matrix: Floats, group: npt.NDArray[np.int64], side: Floats, currency: str) -> pa.Array:
        rows, texts = [np.flatnonzero(group < 0)], [pa.nulls(int((group < 0).sum()), pa.string())]
        for place, (_, columns) in enumerate(self.groups):
            mine = np.flatnonzero(group == place)
            if len(mine):
                for chosen, sentence in self._told(matrix[mine], columns, side[mine]):
                    people = mine[chosen]
                    rows.append(people)
                    texts.append(self._written(sentence, matrix[people], currency))
        back = np.argsort(np.concatenate(rows), kind="stable")
        return pa.chunked_array(texts, pa.string()).combine_chunks().take(pa.array(back))

    def _told(self, matrix: Floats, columns: Sequence[int], side: Floats) -> list[tuple[npt.NDArray[np.int64], str]]:
        """Return which people hear which sentence: of the feature that stands out most in the direction that counts."""
        part, places = matrix[:, list(columns)], list(columns)
        unknown = np.isnan(part)
        off = np.where(unknown, 0, (signed_log(part) - signed_log(self.typical[places])) / self.spread[places])
        off = np.nan_to_num(off)
        fits = np.where(unknown, self.missing[places], np.sign(off) * self.direction[places]) * side[:, None] > 0
        words = [vocabulary.word(self.names[place]) for place in places]
        mute = unknown & np.array([not word.missing for word in words])
        stands_out = np.where(unknown, 1.0, np.abs(off)) + np.where(fits, 1e6, 0) - np.where(mute, 1e9, 0)
        chosen = np.argmax(np.round(stands_out, 6), axis=1)
        each = np.arange(len(part))
        kind = np.where(unknown[each, chosen], 2, np.where(off[each, chosen] > 0, 0, 1))
        found = []
        for place, word in enumerate(words):
            for number, sentence in enumerate((word.high, word.low, word.missing)):
                people = np.flatnonzero((chosen == place) & (kind == number))
                if len(people):
                    found.append((people, sentence))
        return found

    def _written(self, sentence: str, matrix: Floats, currency: str) -> pa.Array:
        if not sentence or not set(vocabulary.named_in(sentence)) <= set(self.names):
            return pa.nulls(len(matrix), pa.string())
        text = vocabulary.write(sentence, lambda name: matrix[:, self.names.index(name)], currency)
        return text if isinstance(text, pa.Array) else pa.repeat(text, len(matrix))


def fit_explainer(model: Classifier, matrix: Floats, labels: Labels) -> Explainer:
    """Learn from the training what is typical and which way each feature works."""
    chosen = np.linspace(0, len(labels) - 1, min(_SAMPLE, len(labels))).astype(int)
    sample, answers = matrix[chosen], labels[chosen]
    unknown = np.isnan(sample)
    empty = unknown.all(axis=0)
    typical = np.full(sample.shape[1], np.nan)
    typical[~empty] = np.nanmedian(sample[:, ~empty], axis=0)
    logged = np.where(unknown, signed_log(np.nan_to_num(typical)), signed_log(np.nan_to_num(sample)))
    varies = (np.nanmax(logged, axis=0) > np.nanmin(logged, axis=0)) | (unknown.any(axis=0) & ~empty)
    return Explainer(
        model.features,
        _groups(model.features, varies),
        typical,
        np.maximum(logged.std(axis=0), 1e-3),
        np.array([_sign(column, answers) for column in logged.T]),
        np.array([_sign(column.astype(float), answers) for column in unknown.T]),
        float(np.median(log_odds(model.probability(sample)))),
    )


def importance(model: Classifier, matrix: Floats, labels: Labels, seed: int) -> dict[str, float]:
    """Return by how much the AUC on held-out rows falls when a feature is shuffled (Breiman, 2001), most first."""
    chosen = np.linspace(0, len(labels) - 1, min(_SHUFFLED, len(labels))).astype(int)
    sample, answers = matrix[chosen], labels[chosen]
    whole = roc_auc_score(answers, model.probability(sample))
    random = np.random.default_rng(seed)
    shuffled = np.tile(sample, (_REPEATS, 1))
    fallen = {}
    for place, name in enumerate(model.features):
        kept = sample[:, place]
        if np.all((kept == kept[0]) | np.isnan(kept)) and np.isnan(kept).all() == np.isnan(kept).any():
            continue
        shuffled[:, place] = np.concatenate([random.permutation(kept) for _ in range(_REPEATS)])
        said = model.probability(shuffled).reshape(_REPEATS, -1)
        shuffled[:, place] = np.tile(kept, _REPEATS)
        fallen[name] = round(float(np.mean([whole - roc_auc_score(answers, each) for each in said])), 6)
    return dict(sorted(fallen.items(), key=lambda item: (-item[1], item[0])))


def _closed_up(told: Sequence[pa.Array], people: int) -> list[pa.Array]:
    """Return the first reasons that there are, without gaps."""
    left = [*told, *[pa.nulls(people, pa.string())] * REASONS]
    kept = []
    for _ in range(REASONS):
        kept.append(pc.coalesce(*left))
        taken = pa.array(np.zeros(people, dtype=bool))
        later = []
        for reason in left:
            here = pc.and_(pc.invert(taken), pc.is_valid(reason))
            later.append(pc.if_else(here, pa.scalar(None, pa.string()), reason))
            taken = pc.or_(taken, here)
        left = later
    return kept


def _groups(names: Sequence[str], varies: npt.NDArray[np.bool_]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        group = vocabulary.word(name).group
        if group and varies[place]:
            found.setdefault(group, []).append(place)
    return tuple((group, tuple(places)) for group, places in found.items())


def _sign(values: Floats, labels: Labels) -> float:
    ranks = rankdata(values)
    return float(np.sign(np.round(((ranks - ranks.mean()) * (labels - labels.mean())).sum(), 6)))
