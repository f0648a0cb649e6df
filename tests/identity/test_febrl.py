"""FEBRL 3, a public benchmark of record linkage with a truth: how right the default settings are."""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.identity.accuracy import pairwise_accuracy
from tests.identity.conftest import resolved

FEBRL = Path(__file__).with_name("fixtures") / "febrl3.csv"
KNOWN = datetime(2000, 1, 1)


@pytest.fixture(scope="module")
def febrl():
    """The records by name: their profile, the card number (here: the social security number), and who they are."""
    with duckdb.connect(config={"threads": 1}) as con:
        return (
            con.sql(
                """
            select 'febrl|customer|' || trim(rec_id) as record_id, split_part(rec_id, '-', 2) as person,
                nullif(trim(given_name), '') as first_name, nullif(trim(surname), '') as last_name,
                try_strptime(trim(date_of_birth), '%Y%m%d')::date as birth_date,
                nullif(trim(coalesce(trim(street_number), '') || ' ' || coalesce(trim(address_1), '')), '') as street,
                nullif(trim(postcode), '') as postal_code, nullif(trim(suburb), '') as city,
                nullif(trim(soc_sec_id), '') as loyalty_id
            from read_csv($path, all_varchar = true, header = true, normalize_names = true)
            order by record_id
            """,
                params={"path": str(FEBRL)},
            )
            .to_arrow_table()
            .to_pylist()
        )


def _linked(records):
    rows = [(r["record_id"], "source_id", r["record_id"].replace("|customer", ""), 1, KNOWN) for r in records]
    rows += [(r["record_id"], "loyalty_id", r["loyalty_id"], 1, KNOWN) for r in records if r["loyalty_id"]]
    return resolved(rows, customers=_profiles(records), region="AU")


def _profiles(records):
    return [{name: value for name, value in r.items() if name not in ("person", "loyalty_id")} for r in records]


def _accuracy(resolution, records):
    truth = pa.Table.from_pylist([{name: r[name] for name in ("record_id", "person")} for r in records])
    return pairwise_accuracy(resolution.person_map, truth)


@pytest.fixture(scope="module")
def whole(febrl):
    return _linked(febrl)


def test_the_records_and_their_true_pairs_are_those_of_the_benchmark(febrl, whole):
    found = _accuracy(whole, febrl)
    assert (found.records, found.records_missing, found.true_pairs) == (5_000, 0, 6_538)


def test_default_settings_find_the_people_of_febrl_3(febrl, whole):
    found = _accuracy(whole, febrl)
    # It gives precision 1.0000, recall 0.9957, F1 0.9979.
    assert found.f1 >= 0.997
    assert found.precision >= 0.999


def test_two_sources_are_linked_in_the_manner_of_febrl_4(febrl):
    """The originals are one system, one duplicate of each another one; people without a duplicate have no partner."""
    originals = [r for r in febrl if r["record_id"].endswith("-org")]
    first = {}
    for r in febrl:
        if "-dup-" in r["record_id"]:
            first.setdefault(r["person"], {**r, "record_id": r["record_id"].replace("febrl", "other")})
    both = originals + list(first.values())
    found = _accuracy(_linked(both), both)
    # It gives precision 1.0000, recall 0.9966, F1 0.9983.
    assert found.true_pairs == len(first)
    assert found.f1 >= 0.995
