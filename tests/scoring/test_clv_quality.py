"""Lifetime values out of all proportion are named; others pass."""

import pyarrow as pa
import pytest

from crm_pipeline.scoring.lifetime.clv_quality import complaints


def scores(historic, predicted):
    return pa.table(
        {"clv_historic": pa.array(historic, pa.float64()), "clv_predicted": pa.array(predicted, pa.float64())}
    )


@pytest.mark.parametrize(
    ("historic", "predicted", "months"),
    [
        ([100.0, 5.0], [900.0, 1000.0], 12),
        ([100.0], [2000.0], 24),
        ([100.0], [1000.0], 3),
        ([], [], 12),
        ([-5.0], [9.0], 12),
    ],
)
def test_values_in_proportion_pass(historic, predicted, months):
    assert complaints(scores(historic, predicted), months) == []


def test_values_out_of_all_proportion_are_counted_and_named():
    (said,) = complaints(scores([100.0, 5.0, 5.0], [1001.0, 7e12, 3.0]), 12)
    assert said == (
        "2 people are expected to bring more than 1,000 each, up to 7,000,000,000,000; "
        "the best customer so far has brought 100."
    )
