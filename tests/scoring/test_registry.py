"""The model registry: written once, complete or absent, and never from the future."""

import dataclasses
from datetime import date

import numpy as np
import pytest

from crm_pipeline.scoring import clv, outcomes, registry
from crm_pipeline.scoring.frame import Status


def files(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def with_card(result, version, status=Status.OK, **card):
    artefact = dataclasses.replace(result.artefact, version=version, card={**result.artefact.card, **card})
    return dataclasses.replace(
        result, artefact=artefact, status=dataclasses.replace(result.status, status=status, model_version=version)
    )


def test_a_stored_model_gives_the_same_scores(tmp_path, clv_result, shop, settings):
    stored = registry.save(tmp_path, clv_result)
    again = clv.score(shop, settings, stored.load(), stored.version)
    assert again.equals(clv_result.scores)


def test_a_stored_pipeline_gives_the_same_probabilities(tmp_path, churn_result, shop, settings):
    stored = registry.save(tmp_path, churn_result)
    frame = outcomes.churn_frame(shop, [settings.as_of], settings.eligibility_days, 90, 10**6)
    probability = stored.load().probability(outcomes.CHURN_FEATURES, frame.features)
    assert np.array_equal(probability, churn_result.scores["churn_probability"].to_numpy())


def test_saving_the_same_result_again_writes_nothing(tmp_path, clv_result):
    registry.save(tmp_path, clv_result)
    before = files(tmp_path)
    assert registry.save(tmp_path, clv_result).version == clv_result.artefact.version
    assert files(tmp_path) == before
    assert len(before) == 2


def test_the_card_says_what_the_model_is_made_of(tmp_path, churn_result):
    card = registry.save(tmp_path, churn_result).card
    assert card["schema"] == list(outcomes.CHURN_FEATURES)
    assert card["training_window"] == ["2021-06-30", "2023-03-31"]
    assert {"libraries", "code_version", "seed", "metrics", "champion", "status", "sha256"} <= set(card)


def test_the_latest_accepted_model_beat_its_baseline_and_is_not_from_the_future(tmp_path, clv_result):
    registry.save(tmp_path, with_card(clv_result, "aaa", as_of="2023-04-30"))
    registry.save(tmp_path, with_card(clv_result, "bbb", as_of="2023-05-31"))
    registry.save(tmp_path, with_card(clv_result, "ccc", Status.WORSE_THAN_BASELINE, as_of="2023-06-30"))
    registry.save(tmp_path, with_card(clv_result, "ddd", as_of="2023-03-31"))
    assert registry.latest_accepted(tmp_path, "clv").version == "bbb"
    assert registry.latest_accepted(tmp_path, "clv", date(2023, 4, 30)).version == "aaa"
    assert registry.latest_accepted(tmp_path, "clv", date(2022, 1, 1)) is None
    assert registry.latest_accepted(tmp_path, "churn") is None


def test_a_folder_without_a_card_is_not_a_version(tmp_path, clv_result):
    stored = registry.save(tmp_path, clv_result)
    (stored.folder / registry.CARD_FILE).unlink()
    assert registry.versions(tmp_path, "clv") == []
    assert registry.save(tmp_path, clv_result).load() == clv_result.artefact.fitted


def test_a_damaged_model_is_refused(tmp_path, clv_result):
    stored = registry.save(tmp_path, clv_result)
    with (stored.folder / registry.MODEL_FILE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(registry.DamagedModelError, match=stored.version):
        stored.load()


def test_a_result_without_a_model_stores_nothing(tmp_path, clv_result):
    assert registry.save(tmp_path, dataclasses.replace(clv_result, artefact=None)) is None
    assert list(tmp_path.iterdir()) == []
