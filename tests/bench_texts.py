"""`make bench`: the shipped classifiers beside the lexicon of their language and VADER, on public texts.

On one text of five of each source that they learnt from, kept back, and on sources that they never saw. What the folder
lacks is named. A claim needs its counter-example: with the tones shuffled nobody tells good from bad.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from sklearn.metrics import roc_auc_score

from crm_pipeline.scoring.texts import readers, sentiment_lexicon
from crm_pipeline.scoring.texts.sentiment import tone_recall
from crm_pipeline.scoring.texts.shipped_classifier import PIECES
from tests.public_texts import FOLDER, SETS, PublicSet, is_tested


def rows(languages: Iterable[str]) -> Iterator[dict[str, object]]:
    """Yield what each way of reading measures on each set at hand."""
    for one in SETS:
        if one.language in languages and not one.missing:
            yield _row(one)


def _row(one: PublicSet) -> dict[str, object]:
    pairs = [pair for pair in one.pairs() if not one.teaches or is_tested(pair[0])]
    texts, tones = [text for text, _ in pairs], np.array([tone for _, tone in pairs])
    clear = tones != 0
    said = readers.shipped(one.language).read(texts)
    lexicon, vader = (sentiment_lexicon.score(language, texts) for language in (one.language, "en"))
    shuffled = np.random.default_rng(0).permutation(tones[clear])

    def auc(values: np.ndarray) -> float:
        return round(float(roc_auc_score(tones[clear] > 0, values[clear])), 4)

    return {
        "language": one.language,
        "set": one.name,
        "kind": "held out" if one.teaches else "another domain",
        "texts": len(pairs),
        "shipped": auc(said[:, 0]),
        "lexicon": auc(lexicon),
        "vader": auc(vader),
        "shipped_tone_recall": round(tone_recall(tones, said[:, 1]), 4),
        "shuffled": round(float(roc_auc_score(shuffled > 0, said[clear, 0])), 4),
    }


def main() -> None:
    """Print the table, and what is missing."""
    for place, row in enumerate(rows(PIECES)):
        if place == 0:
            print("| " + " | ".join(row) + " |\n|" + " --- |" * len(row))
        print("| " + " | ".join(map(str, row.values())) + " |")
    for one in SETS:
        if one.missing:
            print(f"{one.name}: {', '.join(one.missing)} missing in {FOLDER} ({one.origin}; {one.licence})")


if __name__ == "__main__":
    main()
