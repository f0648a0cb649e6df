"""The part `actions` of pipeline.yml: what is not named keeps its default, a mistake is named with its place."""

import pytest

from crm_pipeline.config.actions import ActionSettings
from crm_pipeline.config.dataset import DatasetError, load_dataset

PIPELINE = """\
sources:
  - name: shop
    channel: orders
    files: landing/*.csv
    columns: {order_id: id, ordered_at: at}
"""


def loaded(tmp_path, block):
    (tmp_path / "pipeline.yml").write_text(PIPELINE + block)
    return load_dataset(tmp_path).actions


def test_costs_that_are_not_named_keep_their_defaults(tmp_path):
    actions = loaded(tmp_path, "actions:\n  costs: {phone: 4.5}\n  budget: 250\n")
    assert actions.costs == {**ActionSettings().costs, "phone": 4.5}
    assert (actions.budget, actions.contacts_per_30_days) == (250, 4)


def test_a_dataset_without_the_block_has_no_budget(tmp_path):
    assert loaded(tmp_path, "") == ActionSettings()


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("actions:\n  budgt: 5\n", "line 7, actions.budgt: unknown key 'budgt'. Did you mean 'budget'?"),
        ("actions:\n  costs: {fax: 1}\n", "line 7, actions.costs.fax"),
        ("actions:\n  budget: -1\n", "line 7, actions.budget"),
        ("actions:\n  control_shares: {spring: 1.0}\n", "line 7, actions.control_shares.spring"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, block, complaint):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, block)
    assert complaint in str(caught.value)
