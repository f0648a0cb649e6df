from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.identity.accuracy import pairwise_accuracy


def _map(people):
    return _table(people, "customer_id")


def _truth(people):
    return _table(people, "person")


def _table(people, name):
    columns = {"record_id": list(people), name: [str(person) for person in people.values()]}
    return pa.table(columns, schema=pa.schema([("record_id", pa.string()), (name, pa.string())]))


_assignments = st.dictionaries(st.integers(0, 15).map(str), st.integers(0, 5), max_size=16)


@settings(max_examples=25, deadline=None)
@given(claimed=_assignments, true=_assignments)
def test_counting_by_groups_equals_counting_each_pair(claimed, true):
    both = sorted(claimed.keys() & true.keys())
    pairs = list(combinations(both, 2))
    found = pairwise_accuracy(_map(claimed), _truth(true))
    assert found.records == len(both)
    assert found.records_missing == len(true.keys() - claimed.keys())
    assert found.claimed_pairs == sum(claimed[a] == claimed[b] for a, b in pairs)
    assert found.true_pairs == sum(true[a] == true[b] for a, b in pairs)
    assert found.correct_pairs == sum(claimed[a] == claimed[b] and true[a] == true[b] for a, b in pairs)


def test_precision_and_recall_tell_the_two_errors_apart():
    truth = {"1": 1, "2": 1, "3": 2, "4": 2}
    merged_up = pairwise_accuracy(_map(dict.fromkeys(truth, 1)), _truth(truth))
    assert (merged_up.precision, merged_up.recall) == (2 / 6, 1.0)
    assert merged_up.f1 == pytest.approx(0.5)
    alone = pairwise_accuracy(_map({record: record for record in truth}), _truth(truth))
    assert (alone.precision, alone.recall, alone.f1) == (1.0, 0.0, 0.0)


def test_a_record_that_stands_twice_is_refused():
    twice = pa.table({"record_id": ["1", "1"], "person": ["a", "b"]})
    with pytest.raises(ValueError, match="truth"):
        pairwise_accuracy(_map({"1": 1}), twice)
