"""The keys of pipeline.yml: each has its module, its defaults and its sentences."""

import importlib
from typing import get_args

import pytest
from pydantic import BaseModel

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import Dataset, DatasetError, load_dataset
from crm_pipeline.config.errors import RENAMED
from crm_pipeline.config.kpis import KpiSettings, kpi_names
from crm_pipeline.config.service import ServiceSettings
from tests.compare.renames import read_changes

PIPELINE = """\
sources:
  - name: shop
    channel: orders
    files: landing/*.csv
    columns: {order_id: id, ordered_at: at}
"""
KEYS = {name: field for name, field in Dataset.model_fields.items() if name != "folder"}


def loaded(tmp_path, block=""):
    (tmp_path / "pipeline.yml").write_text(PIPELINE + block)
    return load_dataset(tmp_path)


def model_of(annotation):
    return next((one for one in (annotation, *get_args(annotation)) if isinstance(one, type)), None)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_has_its_module_whose_fields_are_described(key):
    module = importlib.import_module(f"crm_pipeline.config.{key}")
    model = model_of(KEYS[key].annotation)
    assert issubclass(model, BaseModel)
    assert model.__module__ == module.__name__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_a_key_that_is_not_named_keeps_its_defaults(tmp_path):
    dataset = loaded(tmp_path, "journeys: {attribution_days: 14}\n")
    assert (dataset.journeys.attribution_days, dataset.journeys.session_gap_minutes) == (14, 30)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (
            "journeys: {attribution_days: 0}\n",
            "line 6, journeys.attribution_days: a whole number is expected",
        ),
        (
            "journeys:\n  sesion_gap_minutes: 5\n",
            "line 7, journeys.sesion_gap_minutes: unknown key",
        ),
        ("service:\n  resolution_hours: yes\n", "line 7, service.resolution_hours: a number is expected, not yes"),
        ("kpis:\n  targets: {return_rat: 0.1}\n", "line 7, kpis.targets: there is no KPI 'return_rat'. Did you mean"),
        ("models: {high_risk: 1.5}\n", "line 6, models.high_risk: a number is expected: more than 0 and less than 1."),
        ("models: {medium_risk: 0.8}\n", "line 6, models: medium_risk (0.8) is not below high_risk"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, block, complaint):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, block)
    assert complaint in str(caught.value)


def test_a_target_is_changed_set_or_taken_away_and_the_others_stay(tmp_path):
    before = loaded(tmp_path).kpi_targets()
    after = loaded(tmp_path, "kpis: {targets: {return_rate: 0.2, visits: 900, crm_roi: null}}\n").kpi_targets()
    assert after == {
        **{name: target for name, target in before.items() if name != "crm_roi"},
        "return_rate": 0.2,
        "visits": 900,
    }


def test_the_hours_of_the_service_are_targets_unless_another_is_named(tmp_path):
    targets = loaded(
        tmp_path, "service: {first_response_hours: 8}\nkpis: {targets: {resolution_hours: 60}}\n"
    ).kpi_targets()
    assert (targets["first_response_hours"], targets["resolution_hours"]) == (8, 60)


def test_every_target_is_of_a_kpi():
    assert {*KpiSettings().targets, *ServiceSettings.model_fields} <= {*kpi_names()}


def test_what_was_renamed_in_a_users_file_is_named_by_its_error():
    listed = {
        change.old: change.new.removeprefix(f"{change.old.rpartition('.')[0]}.")
        for change in read_changes()
        if change.old and change.new and (change.kind == "key" or change.old.split(".")[0] in contracts())
    }
    assert listed == RENAMED
