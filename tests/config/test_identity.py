"""The settings of the stage, and how pipeline.yml names a mistake in them."""

import pytest
from pydantic import ValidationError

from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.identity import MatchSettings

PIPELINE = """\
sources:
  - name: shop
    channel: orders
    files: landing/*.csv
    columns: {{order_id: id, ordered_at: at}}
identity:
  {identity}
"""


def _load(folder, identity):
    (folder / "pipeline.yml").write_text(PIPELINE.format(identity=identity))
    return load_dataset(folder).identity


def test_without_the_block_the_defaults_hold(tmp_path):
    (tmp_path / "pipeline.yml").write_text(PIPELINE.partition("identity")[0].format())
    assert load_dataset(tmp_path).identity == MatchSettings()


@pytest.mark.parametrize("limits", ["people_per_value", "values_per_person"])
def test_a_limit_that_is_named_leaves_the_others_as_they_are(tmp_path, limits):
    found = getattr(_load(tmp_path, f"{limits}: {{phone: 3}}"), limits)
    assert found == {**getattr(MatchSettings(), limits), "phone": 3}


def test_all_settings_are_read(tmp_path):
    found = _load(tmp_path, "{blocked: [a@b.example], unique_per_person: [loyalty_id], accept: 0.99, review: 0.6}")
    assert (found.blocked, found.unique_per_person) == (("a@b.example",), ("loyalty_id",))
    assert (found.accept, found.review) == (0.99, 0.6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"review": 0.96},
        {"accept": 0.4},
        {"accept": 1.0},
        {"accept": 0},
        {"review": 0},
        {"people_per_value": {"phone": 1}},
        {"people_per_value": {"fax": 3}},
        {"people_per_value": 3},
        {"values_per_person": {"email": "many"}},
        {"unique_per_person": ["fax"]},
        {"largest_person": 1},
        {"records_per_block": 1},
        {"fewest_profiles": 9},
        {"default_region": "GB"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        MatchSettings(**wrong)


@pytest.mark.parametrize(
    ("identity", "place", "words"),
    [
        ("acept: 0.9", "identity.acept", "Did you mean 'accept'?"),
        ("accept: high", "identity.accept", "number"),
        ("accept: 1", "identity.accept", "less than 1"),
        ("review: 0.99", "identity", "review (0.99) is above accept (0.9). Lower review"),
        ("people_per_value: {phone: 1}", "identity.people_per_value", "2"),
        ("people_per_value: {fax: 2}", "identity.people_per_value", "fax"),
        ("unique_per_person: [fax]", "identity.unique_per_person", "loyalty_id"),
    ],
)
def test_a_mistake_in_the_block_is_named_with_its_place(tmp_path, identity, place, words):
    with pytest.raises(DatasetError) as raised:
        _load(tmp_path, identity)
    message = str(raised.value)
    assert str(tmp_path / "pipeline.yml") in message
    assert f", line {6 if place == 'identity' else 7}, {place}" in message
    assert words in message
