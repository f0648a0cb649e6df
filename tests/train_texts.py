"""`python -m tests.train_texts`: make the classifiers that come with the package from the public texts at hand."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from crm_pipeline.scoring.texts.shipped_classifier import FOLDER, PIECES, lexicon_column
from tests.bench_texts import rows
from tests.public_texts import SETS, PublicSet, is_tested

MOST_PIECES, RARELY = 30_000, 5
_DIGITS = 4


def train(language: str) -> None:
    """Write the two files of a language.

    Raises:
        SystemExit: if a set that teaches is missing.
    """
    sets = [one for one in SETS if one.language == language and one.teaches]
    missing = [file for one in sets for file in one.missing]
    if missing:
        sys.exit(f"Missing: {', '.join(missing)}")
    taught = [pair for one in sets for pair in one.pairs() if not is_tested(pair[0])]
    texts, tones = [text for text, _ in taught], np.array([tone for _, tone in taught])
    cut = TfidfVectorizer(**PIECES[language], sublinear_tf=True, min_df=RARELY, max_features=MOST_PIECES)
    told = sparse.hstack([cut.fit_transform(texts), lexicon_column(language, texts)]).tocsr()
    model = LogisticRegression(C=2.0, class_weight="balanced", max_iter=150, tol=1e-3).fit(told, tones)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        # Half of the odds on each side is the same as all on one.
        coefficients, intercepts = np.vstack([-coefficients, coefficients]) / 2, np.array([-1, 1]) * intercepts / 2
    _write(language, sets, cut, np.round(coefficients, _DIGITS), np.round(intercepts, _DIGITS), model.classes_, taught)


def _write(
    language: str,
    sets: list[PublicSet],
    cut: TfidfVectorizer,
    coefficients: np.ndarray,
    intercepts: np.ndarray,
    classes: np.ndarray,
    taught: list[tuple[str, int]],
) -> None:
    columns = {"piece": cut.get_feature_names_out().tolist(), "idf": np.round(cut.idf_, _DIGITS).astype(np.float32)}
    columns |= {f"weight_{place}": row[:-1].astype(np.float32) for place, row in enumerate(coefficients)}
    FOLDER.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), FOLDER / f"{language}.parquet", compression="zstd")
    card = {
        "tones": classes.tolist(),
        "intercepts": intercepts.tolist(),
        "lexicon_weights": coefficients[:, -1].tolist(),
        "about": {
            "texts": len(taught),
            "sources": [f"{one.about}: {one.origin}; {one.licence}" for one in sets],
            "held_out": "one text of five of each source, chosen by its hash; figures are areas under the ROC curve",
        },
    }
    file = FOLDER / f"{language}.json"
    file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    card["about"]["tested"] = list(rows([language]))
    file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for asked in sys.argv[1:] or list(PIECES):
        train(asked)
