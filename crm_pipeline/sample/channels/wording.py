"""Sentences in English and Chinese, put together from parts, so that a few phrases give many texts. All invented."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crm_pipeline.sample.tables import Texts

Parts = Sequence[Sequence[str]]


def compose(parts: Parts, count: int, rng: np.random.Generator) -> Texts:
    """Return `count` texts, each of one phrase per part."""
    every = np.array(["".join(choice).strip() for choice in product(*parts)], dtype=object)
    return every[rng.integers(0, len(every), count)]


def compose_by(kind: ArrayLike, parts: dict[str, Parts], rng: np.random.Generator) -> Texts:
    """Return one text per row, from the parts of the row's kind."""
    codes, kinds = pd.factorize(np.asarray(kind, dtype=object), sort=True)
    texts = np.full(len(codes), "", dtype=object)
    for number, name in enumerate(kinds):
        rows = np.flatnonzero(codes == number)
        texts[rows] = compose(parts[name], len(rows), rng)
    return texts
