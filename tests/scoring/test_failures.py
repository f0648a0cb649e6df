"""A model, plot, card or explanation that raises an error stops nothing else, and its status says so."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.faults import guard
from crm_pipeline.scoring import registry, steps, store
from crm_pipeline.scoring.model import ScoringSettings, UnsoundScoresError, require_probabilities
from crm_pipeline.scoring.outcome import ModelStatus, Report, Status
from crm_pipeline.scoring.run import run
from tests.scoring.toy import Toy

GOOD = {"simple": (2, 2, 2), "clever": (1, 1, 1), "naive": (3, 3, 3)}
MAY, JUNE = ScoringSettings(as_of=date(2023, 5, 31)), ScoringSettings(as_of=date(2023, 6, 30))
MODEL_METHODS = ("prepare", "inputs", "training_data", "rounds", "measure", "fit", "score")


@pytest.mark.parametrize("method", MODEL_METHODS)
def test_a_model_that_raises_says_failed_and_the_last_accepted_version_goes_on_scoring(tmp_path, method):
    accepted = run(Toy(GOOD), None, MAY, tmp_path)
    broken = Toy(GOOD, scores=[1] * 20, breaks=method)
    if method == "score":
        broken = Toy(GOOD, scores=[float("nan")] * 20, breaks="")
        broken.score = lambda *given: _only_of(accepted.status.model_version, *given)
    result = run(broken, None, JUNE, tmp_path)
    assert result.status.status is Status.FAILED
    assert result.status.reason.startswith("The model toy failed (ValueError); the traceback is in the log of the run.")
    assert result.status.reason.endswith(f"Version {accepted.status.model_version} of 2023-05-31 goes on scoring.")
    assert result.status.model_version == accepted.status.model_version
    assert result.scores["forecast"].to_pylist() == list(range(20))
    assert set(result.scores["as_of_date"].to_pylist()) == {JUNE.as_of}


def _only_of(allowed, connection, fitted, version, settings):
    if version != allowed:
        raise ValueError("a value of somebody")
    return Toy(GOOD).score(connection, fitted, version, settings)


@pytest.mark.parametrize("method", MODEL_METHODS)
def test_a_model_that_raises_and_has_no_accepted_version_scores_nobody(tmp_path, method):
    result = run(Toy(GOOD, breaks=method), None, MAY, tmp_path)
    assert (result.status.status, len(result.scores)) == (Status.FAILED, 0)
    assert "Nobody is scored." in result.status.reason
    assert result.status.model_version is None


def test_no_status_repeats_what_the_error_said(tmp_path):
    assert "somebody" not in run(Toy(GOOD, breaks="fit"), None, MAY, tmp_path).status.reason


def test_a_version_accepted_for_the_same_day_goes_on_scoring(tmp_path):
    accepted = run(Toy(GOOD), None, MAY, tmp_path)
    result = run(Toy(GOOD, breaks="rounds"), None, MAY, tmp_path)
    assert result.status.model_version == accepted.status.model_version


def test_a_version_of_a_later_day_does_not_score_an_earlier_one(tmp_path):
    run(Toy(GOOD), None, JUNE, tmp_path)
    assert run(Toy(GOOD, breaks="rounds"), None, MAY, tmp_path).status.model_version is None


def test_a_stored_version_that_is_damaged_does_not_hold_back_a_new_one(tmp_path):
    old = run(Toy(GOOD), None, MAY, tmp_path)
    (tmp_path / "toy" / old.status.model_version / registry.MODEL_FILE).write_bytes(b"broken")
    result = run(Toy(GOOD, scores=[2] * 20), None, JUNE, tmp_path)
    assert result.status.status is Status.OK
    assert "DamagedModelError" in result.status.reason


@pytest.mark.parametrize("method", ["card", "plots"])
def test_a_card_or_plot_that_raises_costs_itself_alone_and_is_named_each_time(tmp_path, method):
    broken = Toy(GOOD, breaks=method)
    result = run(broken, None, MAY, tmp_path)
    assert result.status.status is Status.OK
    assert len(result.scores) == 20
    assert guard.WHERE in result.status.reason
    assert run(broken, None, MAY, tmp_path) == result


def test_the_other_plots_of_a_model_stay(tmp_path):
    assert list(run(Toy(GOOD, breaks="plots"), None, MAY, tmp_path).report.plots) == ["toy: backtest"]


def test_no_memory_is_no_fault_of_a_model(tmp_path):
    model = Toy(GOOD)
    model.fit = lambda *_: _raise(MemoryError())
    with pytest.raises(MemoryError):
        run(model, None, MAY, tmp_path)


def _raise(error):
    raise error


@pytest.fixture
def given(tmp_path):
    settings = Settings(data_root=tmp_path / "data", state_root=tmp_path / "state")
    return SimpleNamespace(connection=None, asked=MAY, actions=None, settings=settings, programmes=())


def take(monkeypatch, name, how):
    monkeypatch.setitem(steps.STEPS, name, replace(steps.STEPS[name], take=how))


def statuses(given):
    list(steps.score(given))
    return {row["model"]: row for row in store.read(given.settings, "model_status", MAY.as_of).to_pylist()}


@pytest.mark.parametrize("name", list(steps.STEPS))
def test_each_step_may_fail_alone(given, monkeypatch, name):
    for other in steps.STEPS:
        take(monkeypatch, other, lambda _: steps.Made({}))
    take(monkeypatch, name, lambda _: _raise(ValueError("a value of somebody")))
    found = statuses(given)
    assert list(found) == [name]
    assert found[name]["status"] == "failed"
    assert found[name]["reason"] == f"The step {name} failed (ValueError); the traceback is in the log of the run."
    for table in steps.STEPS[name].tables:
        assert len(store.read(given.settings, table.name, MAY.as_of)) == 0


def test_no_table_is_made_by_two_steps():
    made = [table.name for step in steps.STEPS.values() for table in step.tables]
    assert sorted(made) == sorted(set(steps.tables()) - {table.name for table in steps.FIGURES})


def test_a_table_that_does_not_fit_its_schema_fails_its_step(given, monkeypatch):
    for other in steps.STEPS:
        take(monkeypatch, other, lambda _: steps.Made({}))
    take(monkeypatch, "rfm", lambda _: steps.Made({"rfm": pa.table({"customer_key": ["x"]})}))
    assert statuses(given)["rfm"]["status"] == "failed"


def test_a_plot_that_fails_in_a_step_stands_in_the_status_of_its_model(given, monkeypatch):
    for other in steps.STEPS:
        take(monkeypatch, other, lambda _: steps.Made({}))

    def ruled(_):
        guard.drawn({"lift": lambda: _raise(ValueError())})
        return steps.Made({}, (Report(ModelStatus("basket_rules", Status.OK)),))

    take(monkeypatch, "basket_rules", ruled)
    take(monkeypatch, "next_best_actions", lambda _: guard.attempt("a plot", _raise, steps.Made({})))
    found = statuses(given)
    assert (found["basket_rules"]["status"], found["next_best_actions"]["status"]) == ("ok", "ok")
    assert "The plot 'lift' failed" in found["basket_rules"]["reason"]
    assert "A plot failed (TypeError)" in found["next_best_actions"]["reason"]


def test_what_is_no_probability_is_refused():

    for value in (1.5, -0.1, np.nan):
        with pytest.raises(UnsoundScoresError, match="1 of 2 values of p_alive are no probability"):
            require_probabilities(np.array([0.5, value]), "p_alive")
