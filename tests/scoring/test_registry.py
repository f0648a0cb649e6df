"""The model registry: written once, complete or absent, and never from the future."""

from dataclasses import replace
from datetime import date

import pytest

from crm_pipeline.scoring import registry
from crm_pipeline.scoring.model import SchemaMismatchError
from crm_pipeline.scoring.outcome import Artefact, Status


def artefact(version="aaa", status=Status.OK, as_of="2023-06-30"):
    card = {"status": status.value, "as_of": as_of}
    return Artefact("clv", version, {"weights": [1.0, 2.0]}, card, {"plots": {"a": "<svg/>"}})


def files(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_a_stored_model_comes_back_as_it_was(tmp_path):
    assert registry.save(tmp_path, artefact()).load() == {"weights": [1.0, 2.0]}


def test_saving_the_same_version_again_writes_nothing(tmp_path):
    registry.save(tmp_path, artefact())
    before = files(tmp_path)
    assert registry.save(tmp_path, artefact()).version == "aaa"
    assert files(tmp_path) == before
    assert len(before) == 3


def test_models_are_found_by_a_pattern_of_their_name(tmp_path):
    for name in ("question_b", "question_a", "churn"):
        registry.save(tmp_path, replace(artefact(), model=name))
    assert registry.models(tmp_path, "question_*") == ["question_a", "question_b"]
    assert (registry.models(tmp_path, "churn"), registry.models(tmp_path, "clv")) == (["churn"], [])


def test_the_card_says_which_file_it_describes(tmp_path):
    card = registry.save(tmp_path, artefact()).card
    assert {"status", "as_of", "version", "number", "sha256"} == set(card)


def test_the_report_lies_beside_the_card_which_is_read_at_each_run(tmp_path):
    stored = registry.save(tmp_path, artefact())
    assert stored.report() == {"plots": {"a": "<svg/>"}}
    assert "<svg/>" not in (stored.folder / registry.CARD_FILE).read_text()


def test_the_latest_accepted_model_beat_its_baseline_and_is_from_before_the_date(tmp_path):
    for made in (
        artefact("aaa", as_of="2023-04-30"),
        artefact("bbb", as_of="2023-05-31"),
        artefact("ccc", Status.WORSE_THAN_BASELINE, "2023-06-30"),
        artefact("ddd", as_of="2023-03-31"),
    ):
        registry.save(tmp_path, made)
    assert registry.latest_accepted(tmp_path, "clv", date(2023, 7, 31)).version == "bbb"
    assert registry.latest_accepted(tmp_path, "clv", date(2023, 5, 31)).version == "aaa"
    assert registry.latest_accepted(tmp_path, "clv", date(2023, 3, 31)) is None
    assert registry.latest_accepted(tmp_path, "churn", date(2023, 7, 31)) is None


def test_a_folder_without_a_card_is_not_a_version(tmp_path):
    stored = registry.save(tmp_path, artefact())
    (stored.folder / registry.CARD_FILE).unlink()
    assert registry.versions(tmp_path, "clv") == []
    assert registry.save(tmp_path, artefact()).load() == artefact().fitted


def test_a_damaged_model_is_refused(tmp_path):
    stored = registry.save(tmp_path, artefact())
    with (stored.folder / registry.MODEL_FILE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(registry.DamagedModelError, match="aaa"):
        stored.load()


def test_a_model_of_other_code_cannot_score(tmp_path, monkeypatch):
    stored = registry.save(tmp_path, replace(artefact(), fitted=Artefact("clv", "bbb", None, {})))
    monkeypatch.delattr("crm_pipeline.scoring.outcome.Artefact")
    with pytest.raises(SchemaMismatchError, match="clv aaa was stored by other code"):
        stored.load()
