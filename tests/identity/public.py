"""Public records with a truth: FEBRL 3 and `fake_1000`, as the stage reads them."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.identity.accuracy import Accuracy, pairwise_accuracy
from crm_pipeline.identity.resolve import Resolution
from tests.identity.conftest import resolved

FIXTURES = Path(__file__).with_name("fixtures")
KNOWN = datetime(2000, 1, 1)
#: What is no part of a profile: identifiers, and the truth.
_NO_PROFILE = ("person", "loyalty_id", "email")
Record = dict[str, Any]


def _read(query: str, file: str) -> list[Record]:
    with duckdb.connect(config={"threads": 1}) as con:
        rows = con.sql(query, params={"path": str(FIXTURES / file)})
        return list(rows.to_arrow_table().to_pylist())


def febrl3() -> list[Record]:
    """The records by name: their profile, the card number (here: the social security number), and who they are."""
    return _read(
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
        "febrl3.csv",
    )


def two_sources(febrl: list[Record]) -> list[Record]:
    """The originals are one system, one duplicate of each another one; people without a duplicate have no partner."""
    originals = [r for r in febrl if r["record_id"].endswith("-org")]
    first: dict[str, Record] = {}
    for r in febrl:
        if "-dup-" in r["record_id"]:
            first.setdefault(r["person"], {**r, "record_id": r["record_id"].replace("febrl", "other")})
    return originals + list(first.values())


def fake_1000() -> list[Record]:
    """The records by name: names, birth date, town and e-mail, and who they are."""
    return _read(
        """
        select 'fake|customer|' || unique_id as record_id, cluster as person,
            nullif(trim(first_name), '') as first_name, nullif(trim(surname), '') as last_name,
            try_cast(dob as date) as birth_date, nullif(trim(city), '') as city, nullif(lower(trim(email)), '') as email
        from read_csv($path, all_varchar = true, header = true)
        order by record_id
        """,
        "fake_1000.csv",
    )


def without(records: list[Record], *columns: str) -> list[Record]:
    """Return the records without the values of some columns."""
    return [r | dict.fromkeys(columns) for r in records]


def linked(records: list[Record], region: str = "AU") -> Resolution:
    """Resolve the records with the default settings."""
    rows = [(r["record_id"], "source_id", r["record_id"].replace("|customer", ""), 1, KNOWN) for r in records]
    rows += [
        (r["record_id"], kind, r[kind], 1, KNOWN) for kind in ("loyalty_id", "email") for r in records if r.get(kind)
    ]
    profiles = [{name: value for name, value in r.items() if name not in _NO_PROFILE} for r in records]
    return resolved(rows, customers=profiles, region=region)


def accuracy(resolution: Resolution, records: list[Record]) -> Accuracy:
    """Hold the people that were found against the truth."""
    truth = pa.Table.from_pylist([{name: r[name] for name in ("record_id", "person")} for r in records])
    return pairwise_accuracy(resolution.person_map, truth)
