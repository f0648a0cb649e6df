"""The part `programmes` of pipeline.yml: what is where and since when; a mistake is named with its place."""

from datetime import date

import pytest

from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.programmes import Programme

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
    return load_dataset(tmp_path).programmes


def test_a_programme_is_of_stores_revenue_and_a_year_unless_it_says_otherwise(tmp_path):
    programme = Programme(
        name="club", unit="store_id", treated=("S01", "S02"), starts_on=date(2025, 1, 1), measure="revenue"
    )
    assert loaded(tmp_path, f"programmes:\n{CLUB}}}\n") == (programme,)
    assert programme.months == 12


def test_a_dataset_without_the_block_declares_none(tmp_path):
    assert loaded(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (f"{CLUB}, untl: 5}}\n", "line 7, programmes[0].untl: unknown key 'untl'. Did you mean 'unit'?"),
        (f"{CLUB}, unit: shop}}\n", "line 7, programmes[0].unit"),
        ("  - {name: club, treated: [S01], starts_on: 2025-01-15}\n", "Name the first full month"),
        (f"{CLUB}}}\n{CLUB}}}\n", "two programmes have the name 'club'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, block, complaint):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, "programmes:\n" + block)
    assert complaint in str(caught.value)


def test_the_name_that_the_block_had_is_answered_with_its_name(tmp_path):
    with pytest.raises(DatasetError, match=r"unknown key 'changes'\. It is called 'programmes': rename it\."):
        loaded(tmp_path, f"changes:\n{CLUB}}}\n")
