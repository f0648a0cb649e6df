"""A run that begins later than it may is refused at once, with the stage to start from."""

from datetime import date

import pytest
import yaml

from crm_pipeline.stages import STAGES, Stage, is_upstream
from crm_pipeline.storage.made_of import EarlierStageNeededError, making, require_made
from tests.raw.conftest import ORDERS, Shop

DAY = date(2024, 5, 31)


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path)
    found.settings = found.settings.model_copy(update={"as_of": DAY})
    for stage in STAGES:
        with making(found.settings, found.dataset, DAY, stage):
            pass
    return found


def start_from(shop, first):
    require_made(shop.settings, shop.dataset, first)


def test_nothing_changed_lets_a_run_begin_anywhere(shop):
    for stage in STAGES:
        start_from(shop, stage)


def test_another_as_of_date_needs_staging(shop):
    shop.settings = shop.settings.model_copy(update={"as_of": date(2024, 4, 30)})
    for stage in STAGES:
        if is_upstream(Stage.STAGING, stage):
            with pytest.raises(EarlierStageNeededError, match=r"it was 2024-05-31, and is 2024-04-30.*--from staging"):
                start_from(shop, stage)
    start_from(shop, Stage.STAGING)


@pytest.mark.parametrize(
    ("change", "needed", "name"),
    [
        ({"sources": [ORDERS | {"files": "landing/other*"}]}, Stage.RAW, "sources"),
        ({"business": {"timezone": "Europe/Berlin"}}, Stage.RAW, "business.timezone"),
        ({"business": {"currency": "EUR"}}, Stage.STAGING, "business"),
        ({"identity": {"accept": 0.8}}, Stage.IDENTITY, "identity"),
        ({"actions": {"response_days": 7}}, Stage.SCORING, "actions"),
        ({"identity": {"emails_per_customer_id": 5}}, Stage.STAGING, "identity.emails_per_customer_id"),
        ({"journeys": {"login_days": 7}}, Stage.STAGING, "journeys"),
        ({"service": {"resolution_hours": 48}}, Stage.FEATURES, "service"),
        ({"models": {"high_risk": 0.9}}, Stage.FEATURES, "models"),
        ({"kpis": {"targets": {"visits": 900}}}, Stage.MARTS, "kpis"),
    ],
)
def test_what_changed_in_pipeline_yml_tells_the_stage_to_start_from(shop, change, needed, name):
    path = shop.settings.dataset_folder / "pipeline.yml"
    document = yaml.safe_load(path.read_text())
    for key, value in change.items():
        document[key] = document.get(key, {}) | value if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(document))
    start_from(shop, needed)
    remedy = "crm run" + (f" --from {needed.value}" if needed is not Stage.RAW else "")
    with pytest.raises(EarlierStageNeededError) as caught:
        start_from(shop, Stage.PUBLISH)
    said = f"Not from publish: {name} changed since the stage {needed.value} was made. Remedy: {remedy}."
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["identity_overrides.yml", "product_overrides.yml"])
def test_a_decision_by_hand_needs_identity(shop, name):
    (shop.settings.dataset_folder / name).write_text("link: []")
    start_from(shop, Stage.IDENTITY)
    with pytest.raises(EarlierStageNeededError, match=f"{name} changed .*--from identity"):
        start_from(shop, Stage.MARTS)


def test_a_stage_that_was_not_finished_is_made_first(shop):
    with pytest.raises(ZeroDivisionError), making(shop.settings, shop.dataset, DAY, Stage.CUSTOMER):
        raise ZeroDivisionError
    start_from(shop, Stage.CUSTOMER)
    with pytest.raises(EarlierStageNeededError, match=r"customer was begun and not finished. .*--from customer"):
        start_from(shop, Stage.MARTS)


def test_what_nobody_noted_refuses_nothing(shop):
    (shop.settings.state / "made_of.json").write_text("{damaged")
    start_from(shop, Stage.PUBLISH)
