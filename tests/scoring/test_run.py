"""One run of any model: who wins, what is refused, and which version goes on scoring."""

from datetime import date

import pytest

from crm_pipeline.scoring import registry
from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.run import MAX_AGE_DAYS, run
from tests.scoring.toy import ORIGINS, Toy

GOOD = {"simple": (2, 2, 2), "clever": (1, 1, 1), "naive": (3, 3, 3)}
LOSES_ONCE = {"simple": (2, 2, 2), "clever": (1, 1, 3), "naive": (3, 3, 3)}
MAY, JUNE = ScoringSettings(as_of=date(2023, 5, 31)), ScoringSettings(as_of=date(2023, 6, 30))


def rows_of(model):
    return list(model.rounds(None, MAY))


def test_the_candidate_with_the_best_mean_is_champion():
    model = Toy(GOOD)
    assert contest_result(model, rows_of(model)).champion == "clever"


def test_of_equally_good_candidates_the_simpler_is_champion():
    model = Toy({"simple": (1, 1, 1), "clever": (1, 1, 1), "naive": (3, 3, 3)})
    assert contest_result(model, rows_of(model)).champion == "simple"


def test_a_champion_that_loses_at_a_single_origin_is_refused_and_the_origin_named():
    model = Toy(LOSES_ONCE)
    assert str(ORIGINS[2]) in contest_result(model, rows_of(model)).refusal
    assert str(ORIGINS[0]) not in contest_result(model, rows_of(model)).refusal


def test_equal_is_not_better_than_the_baseline():
    model = Toy({"simple": (3, 3, 3), "clever": (3, 3, 3), "naive": (3, 3, 3)})
    assert contest_result(model, rows_of(model)).refusal


def test_too_little_data_gives_a_sentence_and_no_score(tmp_path):
    result = run(Toy(GOOD, enough=False), None, MAY, tmp_path)
    assert result.status.status is Status.INSUFFICIENT_DATA
    assert result.status.reason == "Needs 2 people; has 1."
    assert (len(result.scores), registry.versions(tmp_path, "toy")) == (0, [])


def test_an_accepted_version_scores_and_lies_in_the_registry(tmp_path):
    result = run(Toy(GOOD), None, MAY, tmp_path)
    assert result.status.status is Status.OK
    assert set(result.scores["model_version"].to_pylist()) == {result.status.model_version}
    assert [stored.version for stored in registry.versions(tmp_path, "toy")] == [result.status.model_version]


def test_a_refused_version_without_a_predecessor_scores_nobody(tmp_path):
    result = run(Toy(LOSES_ONCE), None, MAY, tmp_path)
    assert result.status.status is Status.WORSE_THAN_BASELINE
    assert len(result.scores) == 0
    assert result.status.model_version is None


def test_a_refused_version_leaves_the_accepted_one_scoring(tmp_path):
    accepted = run(Toy(GOOD), None, MAY, tmp_path)
    result = run(Toy(LOSES_ONCE, scores=[1] * 20), None, JUNE, tmp_path)
    assert result.status.status is Status.WORSE_THAN_BASELINE
    assert result.status.model_version == accepted.status.model_version
    assert result.status.trained_on == MAY.as_of
    assert result.scores["forecast"].to_pylist() == list(range(20))
    assert set(result.scores["as_of_date"].to_pylist()) == {JUNE.as_of}


def test_a_version_that_says_something_quite_different_of_the_same_people_is_refused(tmp_path):
    accepted = run(Toy(GOOD), None, MAY, tmp_path)
    result = run(Toy(GOOD, scores=[1000] * 20), None, JUNE, tmp_path)
    assert result.status.status is Status.DRIFTED
    assert result.status.model_version == accepted.status.model_version
    assert result.report.card["drift"]["recency"] > 0.25


def test_a_version_that_differs_a_little_replaces_the_accepted_one(tmp_path):
    run(Toy(GOOD), None, MAY, tmp_path)
    result = run(Toy(GOOD, scores=[score + 0.01 for score in range(20)]), None, JUNE, tmp_path)
    assert result.status.status is Status.OK
    assert result.status.trained_on == JUNE.as_of


def test_an_old_version_does_not_hold_a_new_one_back_for_ever(tmp_path):
    run(Toy(GOOD), None, MAY, tmp_path)
    later = ScoringSettings(as_of=date.fromordinal(MAY.as_of.toordinal() + MAX_AGE_DAYS + 1))
    assert run(Toy(GOOD, scores=[1000] * 20), None, later, tmp_path).status.status is Status.OK


def test_a_version_that_cannot_read_todays_inputs_scores_nobody(tmp_path):
    run(Toy(GOOD), None, MAY, tmp_path)
    result = run(Toy(LOSES_ONCE, columns=("frequency",)), None, JUNE, tmp_path)
    assert result.status.status is Status.WORSE_THAN_BASELINE
    assert (result.status.model_version, len(result.scores)) == (None, 0)


@pytest.mark.parametrize("model", [Toy(GOOD), Toy(LOSES_ONCE), Toy(GOOD, scores=[1000] * 20)])
def test_the_same_run_again_gives_the_same_and_writes_nothing(tmp_path, model):
    run(Toy(GOOD), None, MAY, tmp_path)
    first = run(model, None, JUNE, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run(model, None, JUNE, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == files
