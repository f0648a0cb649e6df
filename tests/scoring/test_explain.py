"""Reasons name what moves a person's probability, in words that hold for that person."""

import csv
from importlib import resources

import numpy as np
import pytest

from crm_pipeline.scoring.questions import explain, learners, vocabulary
from crm_pipeline.scoring.questions.learners import Classifier

NAMES = ("recency_days", "mean_gap_days", "orders_12m", "consent_email", "moon_phase_12m")


@pytest.fixture(scope="module")
def fitted():
    """A model in which silence and few orders mean yes, and nothing else means anything."""
    random = np.random.default_rng(3)
    people = 4000
    matrix = np.column_stack(
        [
            random.integers(0, 300, people),
            random.integers(5, 90, people),
            random.integers(1, 20, people),
            random.integers(0, 2, people),
            random.normal(0, 1, people),
        ]
    ).astype(float)
    matrix[::7, 1] = np.nan
    log_odds = (matrix[:, 0] - 150) / 40 - (matrix[:, 2] - 10) / 3
    labels = (random.random(people) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    pipeline = learners.fit_pipeline(learners.gradient_boosting, matrix, labels, 1, 1)
    model = Classifier(pipeline, NAMES)
    return model, explain.fit_explainer(model, matrix, labels), matrix, labels


def told(fitted, row):
    model, explainer, *_ = fitted
    return [reason.to_pylist()[0] for reason in explainer.reasons(model, np.array([row], dtype=float), "EUR")]


def test_the_strongest_reason_comes_first_and_names_the_persons_own_values(fitted):
    assert told(fitted, [280, 38, 10, 1, 0])[0] == "No order for 280 days; usually every 38"
    assert told(fitted, [150, 38, 1, 1, 0])[0] == "Orders in 12 months: only 1"


def test_who_is_less_likely_than_usual_hears_why(fitted):
    assert "Orders in 12 months: 19" in told(fitted, [20, 38, 19, 1, 0])
    assert "Ordered 20 days ago; usually every 38" in told(fitted, [20, 38, 19, 1, 0])


def test_what_is_unknown_of_a_person_is_left_out_of_the_sentence(fitted):
    assert told(fitted, [280, np.nan, 10, 1, 0])[0] == "No order for 280 days"


def test_what_does_not_matter_is_no_reason(fitted):
    reasons = told(fitted, [280, 38, 1, 0, 3])
    assert not any(reason and ("e-mail" in reason or "Moon" in reason) for reason in reasons[:2])


def test_there_are_no_gaps_between_reasons(fitted):
    model, explainer, matrix, _ = fitted
    first, second, third = (
        reason.is_valid().to_numpy(zero_copy_only=False) for reason in explainer.reasons(model, matrix, "")
    )
    assert first.mean() > 0.9
    assert not (second & ~first).any()
    assert not (third & ~second).any()


def test_reasons_do_not_depend_on_the_batch(fitted):
    model, explainer, matrix, _ = fitted
    whole = explainer.reasons(model, matrix[:100], "")
    parts = [explainer.reasons(model, matrix[start : start + 10], "") for start in range(0, 100, 10)]
    for place, column in enumerate(whole):
        assert column.to_pylist() == [text for part in parts for text in part[place].to_pylist()]


def test_threads_and_the_people_each_takes_at_a_time_change_no_reason(fitted, monkeypatch):
    model, explainer, matrix, _ = fitted
    at_once = explainer.reasons(model, matrix, "EUR")
    monkeypatch.setattr(explain, "_AT_ONCE", 321)
    assert explainer.reasons(model, matrix, "EUR", threads=3) == at_once


def test_importance_finds_what_the_answers_were_made_of(fitted):
    model, _, matrix, labels = fitted
    found = explain.importance(model, matrix, labels, seed=1)
    assert set(list(found)[:2]) == {"recency_days", "orders_12m"}
    assert found["moon_phase_12m"] < 0.02


def test_a_feature_without_an_entry_is_told_by_its_readable_name():
    word = vocabulary.word("moon_phase_12m")
    assert (word.group, word.high) == ("moon", "Moon phase in 12 months: {moon_phase_12m}")


def test_sentences_of_the_table_name_features_that_the_table_knows():
    text = resources.files("crm_pipeline.scoring.questions").joinpath("reasons.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    known = {row["feature"] for row in rows} | {"value"}
    assert len(rows) == len({row["feature"] for row in rows})
    for row in rows:
        assert None not in row.values()
        for sentence in (row["high"], row["low"], row["missing"]):
            assert set(vocabulary.named_in(sentence)) <= known, row["feature"]
