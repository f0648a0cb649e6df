"""A merge can be taken back: the people of before have their records again."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.identity.overrides import Overrides, with_link
from crm_pipeline.identity.resolve import Previous, Resolution, resolve
from crm_pipeline.identity.unmerge import UnmergeError, last_merge, take_back
from crm_pipeline.matching import MatchSettings

MARCH, APRIL, MAY, JUNE = (date(2024, month, 28) for month in (3, 4, 5, 6))
EMPTY_PROFILES = """
    create table staging.stg_customers (
        record_id varchar, first_name varchar, last_name varchar, birth_date date, gender varchar, street varchar,
        postal_code varchar, city varchar
    )
"""
SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("system", pa.string()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("first_load", pa.int64()),
        ("known_at", pa.timestamp("us")),
    ]
)


class Held(NamedTuple):
    """A record holds an identifier."""

    record: str
    kind: str
    value: str
    first_load: int = 1


ANN, TILL = Held("web|customer|1", "email", "ann@example.com"), Held("till|customer|1", "phone", "+447700900123", 2)
BRIDGE = [
    Held("web|customer|9", "email", "ann@example.com", 3),
    Held("web|customer|9", "phone", "+447700900123", 3),
]


def resolved(
    held: Iterable[Held],
    previous: Resolution | None = None,
    overrides: Overrides | None = None,
    as_of: date = MARCH,
) -> Resolution:
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("create schema staging")
        con.execute(EMPTY_PROFILES)
        rows = [
            {
                "record_id": row.record,
                "system": row.record.split("|")[0],
                "kind": row.kind,
                "value": row.value,
                "first_load": row.first_load,
                "known_at": None,
            }
            for row in held
        ]
        con.register("given", pa.Table.from_pylist(rows, SCHEMA))
        con.execute("create table staging.stg_identifiers as from given")
        before = Previous(previous.person_map, previous.merge_ledger) if previous else None
        return resolve(con, MatchSettings(), "GB", as_of, overrides, before)


def people(resolution: Resolution) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in resolution.person_map.to_pylist():
        found.setdefault(row["customer_id"], set()).add(row["record_id"])
    return {person: frozenset(records) for person, records in found.items()}


def person_of(resolution: Resolution, record: str) -> str:
    return next(row["customer_id"] for row in resolution.person_map.to_pylist() if row["record_id"] == record)


def undone(resolution: Resolution, customer_id: str, overrides: Overrides | None = None) -> Overrides:
    merge = last_merge(resolution.merge_ledger, resolution.person_map, customer_id)
    return take_back(overrides or Overrides(), merge, resolution.edges, "test")


def test_the_ledger_holds_a_merged_person_whole():
    apart = resolved([ANN, TILL])
    merged = resolved([ANN, TILL, *BRIDGE], apart, as_of=APRIL)
    ann, till = person_of(apart, ANN.record), person_of(apart, TILL.record)
    rows = {row["record_id"]: row for row in merged.merge_ledger.to_pylist()}
    assert {record: (row["from_customer_id"], row["kind"]) for record, row in rows.items()} == {
        ANN.record: (ann, "stayed"),
        TILL.record: (till, "merge"),
        "web|customer|9": (None, "new"),
    }
    assert {(row["to_customer_id"], row["as_of_date"]) for row in rows.values()} == {(ann, APRIL)}


def test_new_records_of_people_that_did_not_merge_are_not_in_the_ledger():
    before = resolved([ANN, TILL])
    grown = resolved([ANN, TILL, BRIDGE[0], Held("app|customer|7", "email", "new@example.com", 3)], before, as_of=APRIL)
    assert len(grown.merge_ledger) == 0


def test_an_undone_merge_parts_the_earlier_people_and_the_bridge():
    apart = resolved([ANN, TILL])
    merged = resolved([ANN, TILL, *BRIDGE], apart, as_of=APRIL)
    overrides = undone(merged, person_of(merged, ANN.record))
    again = resolved([ANN, TILL, *BRIDGE], merged, overrides, MAY)
    assert people(again).items() >= people(apart).items()
    assert person_of(again, "web|customer|9") not in people(apart)
    assert {row["kind"] for row in again.merge_ledger.to_pylist()[len(merged.merge_ledger) :]} == {"split"}


def test_taking_the_entry_out_merges_again():
    apart = resolved([ANN, TILL])
    merged = resolved([ANN, TILL, *BRIDGE], apart, as_of=APRIL)
    divided = resolved([ANN, TILL, *BRIDGE], merged, undone(merged, person_of(merged, ANN.record)), MAY)
    assert people(resolved([ANN, TILL, *BRIDGE], divided, as_of=JUNE)) == people(merged)


def test_a_record_that_came_after_the_merge_goes_where_its_links_lead():
    later = Held("web|customer|99", "phone", "+447700900555", 4)
    held = [ANN, TILL, Held(TILL.record, "phone", "+447700900555", 2), *BRIDGE]
    merged = resolved(held, resolved(held[:3]), as_of=APRIL)
    grown = resolved([*held, later], merged, as_of=MAY)
    overrides = undone(grown, person_of(grown, ANN.record))
    assert later.record not in overrides.records()
    again = resolved([*held, later], grown, overrides, JUNE)
    assert person_of(again, later.record) == person_of(again, TILL.record) != person_of(again, ANN.record)


def test_of_two_merges_the_last_is_undone_first_also_when_they_are_of_one_day():
    third = Held("zoo|customer|1", "loyalty_id", "Z1", 3)
    second_bridge = [
        Held("web|customer|10", "email", "ann@example.com", 4),
        Held("web|customer|10", "loyalty_id", "Z1", 4),
    ]
    apart = resolved([ANN, TILL, third])
    first = resolved([ANN, TILL, third, *BRIDGE], apart, as_of=APRIL)
    held = [ANN, TILL, third, *BRIDGE, *second_bridge]
    second = resolved(held, first, as_of=APRIL)
    ann = person_of(second, ANN.record)
    one_back = undone(second, ann)
    after_one = resolved(held, second, one_back, MAY)
    assert people(after_one).items() >= people(first).items()
    after_both = resolved(held, after_one, undone(after_one, ann, one_back), JUNE)
    assert people(after_both).items() >= people(apart).items()


def test_a_group_that_is_held_together_by_the_other_ones_record_keeps_together():
    """The new record is the oldest that carries the address, and all ties by the address go through it."""
    held = [
        Held("a|customer|1", "phone", "+447700900111"),
        Held("a|customer|5", "phone", "+447700900111"),
        Held("a|customer|5", "email", "shared@example.com"),
        Held("a|customer|6", "email", "shared@example.com"),
        Held("a|customer|7", "loyalty_id", "L7"),
    ]
    apart = resolved(held)
    bridge = [Held("a|customer|3", "email", "shared@example.com", 2), Held("a|customer|3", "loyalty_id", "L7", 2)]
    merged = resolved([*held, *bridge], apart, as_of=APRIL)
    assert len(people(merged)) == 1
    overrides = undone(merged, person_of(merged, "a|customer|1"))
    assert [link.records for link in overrides.link] == [("a|customer|1", "a|customer|6")]
    assert people(resolved([*held, *bridge], merged, overrides, MAY)).items() >= people(apart).items()


def test_a_link_by_hand_that_merged_is_taken_out():
    apart = resolved([ANN, TILL])
    by_hand = with_link(Overrides(), [ANN.record, TILL.record], "the same")
    merged = resolved([ANN, TILL], apart, by_hand, APRIL)
    overrides = undone(merged, person_of(merged, ANN.record), by_hand)
    assert overrides.link == ()
    assert people(resolved([ANN, TILL], merged, overrides, MAY)) == people(apart)


def test_what_is_written_already_is_not_written_again():
    merged = resolved([ANN, TILL, *BRIDGE], resolved([ANN, TILL]), as_of=APRIL)
    ann = person_of(merged, ANN.record)
    with pytest.raises(UnmergeError, match="stands in the override file; the next run obeys"):
        undone(merged, ann, undone(merged, ann))


def test_an_undone_merge_is_not_undone_twice():
    merged = resolved([ANN, TILL, *BRIDGE], resolved([ANN, TILL]), as_of=APRIL)
    ann = person_of(merged, ANN.record)
    again = resolved([ANN, TILL, *BRIDGE], merged, undone(merged, ann), MAY)
    with pytest.raises(UnmergeError, match="is left to undo"):
        last_merge(again.merge_ledger, again.person_map, ann)


def test_of_a_person_that_was_merged_away_the_error_names_the_one_to_ask_for():
    apart = resolved([ANN, TILL])
    merged = resolved([ANN, TILL, *BRIDGE], apart, as_of=APRIL)
    ann, till = person_of(apart, ANN.record), person_of(apart, TILL.record)
    with pytest.raises(UnmergeError, match=f"{till} was merged into {ann}.*unmerge {ann}"):
        last_merge(merged.merge_ledger, merged.person_map, till)
    with pytest.raises(UnmergeError, match="There is no person Cnone"):
        last_merge(merged.merge_ledger, merged.person_map, "Cnone")


RECORDS = [f"{system}|customer|{number}" for system in "ab" for number in range(5)]
VALUES = [
    *(("email", f"{name}@example.com") for name in ("ann", "bea", "cleo")),
    *(("phone", f"+44770090012{digit}") for digit in (1, 2, 3)),
    *(("loyalty_id", f"L{number}") for number in (1, 2)),
]
HOLDINGS = st.sets(st.tuples(st.sampled_from(RECORDS), st.sampled_from(VALUES)), min_size=2, max_size=14)


@settings(max_examples=25, deadline=None)
@given(before=HOLDINGS, arriving=HOLDINGS)
def test_merge_then_unmerge_gives_back_exactly_the_earlier_profiles(before, arriving):
    """Whatever arrives: new records, and old ones with further identifiers."""
    known = {record for record, _ in before}
    held = [Held(record, *value) for record, value in sorted(before)]
    arrived = [Held(record, *value, 1 if record in known else 2) for record, value in sorted(arriving - before)]
    apart = resolved(held)
    merged = resolved([*held, *arrived], apart, as_of=APRIL)
    into = {row["to_customer_id"] for row in merged.merge_ledger.to_pylist() if row["kind"] == "merge"}
    overrides = Overrides()
    for person in sorted(into):
        overrides = undone(merged, person, overrides)
    again = people(resolved([*held, *arrived], merged, overrides, MAY))
    came_together = {
        row["from_customer_id"] for row in merged.merge_ledger.to_pylist() if row["kind"] in ("merge", "stayed")
    }
    assert {person: again.get(person) for person in came_together} == {
        person: people(apart)[person] for person in came_together
    }
    untouched = {person: records for person, records in people(merged).items() if person not in into}
    assert {person: again.get(person) for person in untouched} == untouched
