"""The part `changes` of pipeline.yml: what changed where and when; a mistake is named with its place."""

from datetime import date

import pytest

from crm_pipeline.config.changes import Change
from crm_pipeline.config.dataset import DatasetError, load_dataset

PIPELINE = """\
sources:
  - name: shop
    channel: orders
    files: landing/*.csv
    columns: {order_id: id, ordered_at: at}
"""
CLUB = "  - {name: club, treated: [S01, S02], starts_on: 2025-01-01"


def loaded(tmp_path, block):
    (tmp_path / "pipeline.yml").write_text(PIPELINE + block)
    return load_dataset(tmp_path).changes


def test_a_change_is_of_stores_revenue_and_a_year_unless_it_says_otherwise(tmp_path):
    change = Change(name="club", unit="store_id", treated=("S01", "S02"), starts_on=date(2025, 1, 1), measure="revenue")
    assert loaded(tmp_path, f"changes:\n{CLUB}}}\n") == (change,)
    assert change.months == 12


def test_a_dataset_without_the_block_declares_none(tmp_path):
    assert loaded(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (f"{CLUB}, untl: 5}}\n", "line 7, changes[0].untl: unknown key 'untl'. Did you mean 'unit'?"),
        (f"{CLUB}, unit: shop}}\n", "line 7, changes[0].unit"),
        ("  - {name: club, treated: [S01], starts_on: 2025-01-15}\n", "Name the first full month"),
        (f"{CLUB}}}\n{CLUB}}}\n", "two changes have the name 'club'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, block, complaint):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, "changes:\n" + block)
    assert complaint in str(caught.value)
