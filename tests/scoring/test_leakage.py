"""Features that know the answer are found, honest ones are not."""

from datetime import date

import numpy as np
import pytest

from crm_pipeline.scoring.questions.labels import Frame
from crm_pipeline.scoring.questions.leakage import leaks

DAYS = ["2023-01-31", "2023-02-28", "2023-03-31"]


@pytest.fixture
def honest():
    random = np.random.default_rng(5)
    people = 600
    labels = random.integers(0, 2, 3 * people)
    features = np.column_stack([labels + random.normal(0, 1, len(labels)), random.normal(0, 1, len(labels))])
    return Frame(np.tile(np.arange(people), 3), np.repeat(np.array(DAYS, dtype="datetime64[D]"), people), features,
                 labels, ("telling", "noise"))  # fmt: skip


def planted(frame, values):
    return Frame(
        frame.keys, frame.origins, np.column_stack([frame.features, values]), frame.labels, (*frame.names, "leak")
    )


def test_honest_features_are_kept(honest):
    assert leaks(honest) == []


def test_a_feature_that_is_the_answer_is_found(honest):
    assert leaks(planted(honest, honest.labels * 3.0)) == ["leak"]


def test_a_feature_that_is_only_known_of_those_who_say_yes_is_found(honest):
    assert leaks(planted(honest, np.where(honest.labels == 1, 7.0, np.nan))) == ["leak"]


def test_a_status_that_is_filled_in_later_is_found(honest):
    late = np.where(honest.origins < np.datetime64(date(2023, 3, 31)), honest.labels, 0)
    random = np.random.default_rng(6)
    blurred = np.where(random.random(len(late)) < 0.1, 1 - late, late)
    assert leaks(planted(honest, blurred.astype(float))) == ["leak"]


def test_one_origin_alone_accuses_nobody(honest):
    assert leaks(planted(honest, honest.labels.astype(float)).at([date(2023, 1, 31)])) == []
