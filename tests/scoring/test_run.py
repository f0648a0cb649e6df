"""One run of any model: who wins, what is refused, and which version goes on scoring."""

from datetime import date

import numpy as np
import pytest

from crm_pipeline.scoring import registry
from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.model import Demand, ScoringSettings
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


def test_a_candidate_counts_only_where_it_had_something_to_learn_from():
    model = Toy({"simple": (1, 2, 2), "clever": (None, 1, 1.9), "naive": (3, 3, 3)})
    result = contest_result(model, rows_of(model))
    assert (result.champion, result.refusal) == ("clever", None)
    assert result.means["clever"][model.metric] == pytest.approx(1.45)


def test_a_mean_over_easier_origins_is_no_advantage():
    model = Toy({"simple": (5, 1, 1), "clever": (None, 1.1, 1.1), "naive": (6, 3, 3)})
    assert contest_result(model, rows_of(model)).champion == "simple"


def test_a_model_of_which_no_method_learnt_anything_says_nothing(tmp_path):
    nothing = (None, None, None)
    result = run(Toy({"simple": nothing, "clever": nothing, "naive": (3, 3, 3)}), None, MAY, tmp_path)
    assert result.status.status is Status.INSUFFICIENT_DATA


def test_a_baseline_that_cannot_be_computed_is_named(tmp_path):
    result = run(Toy(GOOD | {"naive": (3, np.nan, 3)}), None, MAY, tmp_path)
    assert result.status.status is Status.OK
    assert result.status.reason == f"The baseline naive could not be computed at {ORIGINS[1]}."


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_champion_beside_no_baseline_at_all_is_refused(missing):
    model = Toy(GOOD | {"naive": (missing,) * 3})
    assert contest_result(model, rows_of(model)).refusal == "clever stands beside no naive method on held-out time."


BOTH = (Demand("mean_absolute_error", ("naive", "nothing")), Demand("shortfall", ("naive",)))


def test_with_two_measures_each_baseline_has_to_be_beaten_in_those_it_is_judged_by():
    errors = {"simple": (2, 2, 2), "clever": (1, 1, 1), "naive": (-3, -3, -3), "nothing": (2, 2, 2)}
    model = Toy(errors, demands=BOTH)
    result = contest_result(model, rows_of(model))
    assert (result.champion, result.refusal, result.baseline) == ("clever", None, "nothing")
    model = Toy(errors | {"nothing": (0.5, 2, 2)}, demands=BOTH)
    assert contest_result(model, rows_of(model)).refusal == (
        f"clever does not beat nothing in mean absolute error on held-out time ({ORIGINS[0]}: 1 against 0.5)."
    )


def test_one_measure_may_make_up_for_another_at_an_origin_but_not_on_the_mean():
    errors = {"simple": (9, 9, 9), "clever": (2, 2, 2), "naive": (-4, -1.5, -4), "nothing": (9, 9, 9)}
    # At the second origin it is farther off, a third, but does not fall short.
    model = Toy(errors, demands=BOTH)
    assert contest_result(model, rows_of(model)).refusal is None
    model = Toy(errors | {"naive": (-1.5, -1.5, -1.5)}, demands=BOTH)
    assert contest_result(model, rows_of(model)).refusal == (
        "clever does not beat naive in mean absolute error and shortfall on held-out time "
        "(on the mean of the origins: 2 against 1.5)."
    )


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


def test_a_version_that_says_the_same_of_everybody_is_not_compared_with_one_that_had_learned_something(tmp_path):
    alike, learned = {"simple": (1, 1, 1), "clever": (2, 2, 2), "naive": (3, 3, 3)}, GOOD
    run(Toy(learned, fallback="simple"), None, MAY, tmp_path)
    result = run(Toy(alike, scores=[7] * 20, fallback="simple"), None, JUNE, tmp_path)
    assert (result.status.status, result.status.champion) == (Status.OK, "simple")


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
