"""A merge can be taken back: the people of before have their records again."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.identity.overrides import Overrides, with_link
from crm_pipeline.identity.resolve import Resolution
from crm_pipeline.identity.unmerge import UnmergeError, last_merge, take_back
from tests.identity.conftest import person_of, resolved

MARCH, APRIL, MAY, JUNE = (date(2024, month, 28) for month in (3, 4, 5, 6))
WEB, TILL, APP = "web|customer|1", "till|customer|1", "web|customer|9"
APART = [(WEB, "email", "ann@mail.example", 1), (TILL, "phone", "+447700900123", 2)]
BRIDGE = [(APP, "email", "ann@mail.example", 3), (APP, "phone", "+447700900123", 3)]


def people(resolution: Resolution) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for record, person in person_of(resolution).items():
        found.setdefault(person, set()).add(record)
    return {person: frozenset(records) for person, records in found.items()}


def undone(resolution: Resolution, customer_id: str, overrides: Overrides | None = None) -> Overrides:
    merge = last_merge(resolution.merge_ledger, resolution.person_map, customer_id)
    return take_back(overrides or Overrides(), merge, resolution.edges, "test")


def ledger_rows(resolution: Resolution) -> dict[str, tuple[str | None, str]]:
    return {row["record_id"]: (row["from_customer_id"], row["kind"]) for row in resolution.merge_ledger.to_pylist()}


def test_the_ledger_holds_a_merged_person_whole():
    apart = resolved(APART, as_of=MARCH)
    merged = resolved(APART + BRIDGE, previous=apart, as_of=APRIL)
    before = person_of(apart)
    assert ledger_rows(merged) == {
        WEB: (before[WEB], "stayed"),
        TILL: (before[TILL], "merge"),
        APP: (None, "new"),
    }
    rows = merged.merge_ledger.to_pylist()
    assert {(row["to_customer_id"], row["as_of_date"]) for row in rows} == {(before[WEB], APRIL)}


def test_new_records_of_people_that_did_not_merge_are_not_in_the_ledger():
    before = resolved(APART, as_of=MARCH)
    grown = [*APART, BRIDGE[0], ("web|customer|7", "email", "new@mail.example", 3)]
    assert len(resolved(grown, previous=before, as_of=APRIL).merge_ledger) == 0


def test_an_undone_merge_parts_the_earlier_people_and_the_bridge():
    apart = resolved(APART, as_of=MARCH)
    merged = resolved(APART + BRIDGE, previous=apart, as_of=APRIL)
    overrides = undone(merged, person_of(merged)[WEB])
    again = resolved(APART + BRIDGE, previous=merged, overrides=overrides, as_of=MAY)
    assert people(again).items() >= people(apart).items()
    assert person_of(again)[APP] not in people(apart)
    assert {row["kind"] for row in again.merge_ledger.to_pylist()[len(merged.merge_ledger) :]} == {"split"}


def test_taking_the_entry_out_merges_again():
    merged = resolved(APART + BRIDGE, previous=resolved(APART, as_of=MARCH), as_of=APRIL)
    overrides = undone(merged, person_of(merged)[WEB])
    divided = resolved(APART + BRIDGE, previous=merged, overrides=overrides, as_of=MAY)
    assert people(resolved(APART + BRIDGE, previous=divided, as_of=JUNE)) == people(merged)


def test_a_record_that_came_after_the_merge_goes_where_its_links_lead():
    later = ("web|customer|99", "phone", "+447700900555", 4)
    held = [*APART, (TILL, "phone", "+447700900555", 2)]
    merged = resolved(held + BRIDGE, previous=resolved(held, as_of=MARCH), as_of=APRIL)
    grown = resolved([*held, *BRIDGE, later], previous=merged, as_of=MAY)
    overrides = undone(grown, person_of(grown)[WEB])
    assert later[0] not in overrides.records()
    again = person_of(resolved([*held, *BRIDGE, later], previous=grown, overrides=overrides, as_of=JUNE))
    assert again[later[0]] == again[TILL] != again[WEB]


@pytest.mark.parametrize("second_day", [APRIL, MAY])
def test_of_two_merges_the_last_is_undone_first(second_day):
    held = [*APART, ("zoo|customer|1", "loyalty_id", "Z1", 3)]
    second_bridge = [
        ("web|customer|10", "email", "ann@mail.example", 4),
        ("web|customer|10", "loyalty_id", "Z1", 4),
    ]
    apart = resolved(held, as_of=MARCH)
    first = resolved(held + BRIDGE, previous=apart, as_of=APRIL)
    held += [*BRIDGE, *second_bridge]
    second = resolved(held, previous=first, as_of=second_day)
    ann = person_of(second)[WEB]
    one_back = undone(second, ann)
    after_one = resolved(held, previous=second, overrides=one_back, as_of=MAY)
    assert people(after_one).items() >= people(first).items()
    after_both = resolved(held, previous=after_one, overrides=undone(after_one, ann, one_back), as_of=JUNE)
    assert people(after_both).items() >= people(apart).items()


def test_a_group_whose_links_run_through_another_group_is_linked_by_hand():
    """The guest was Ann's by an address that proves nothing since Bob gave it too; now Bob's record ties the guest."""
    ann = {"record_id": "a|customer|1", "first_name": "Ann", "last_name": "Miller"}
    bob = {"record_id": "a|customer|3", "first_name": "Bob", "last_name": "Stone"}
    held = [
        ("a|customer|1", "email", "shared@mail.example", 1),
        ("a|customer|1", "loyalty_id", "L1", 1),
        ("a|guest|2", "email", "shared@mail.example", 1),
        ("a|guest|2", "phone", "+447700900111", 1),
        ("b|customer|7", "loyalty_id", "L7", 1),
    ]
    bridge = [
        ("a|customer|3", "email", "shared@mail.example", 2),
        ("a|customer|3", "phone", "+447700900111", 2),
        ("a|customer|3", "loyalty_id", "L1", 2),
        ("a|customer|3", "loyalty_id", "L7", 2),
    ]
    apart = resolved(held, customers=[ann], as_of=MARCH)
    merged = resolved(held + bridge, customers=[ann, bob], previous=apart, as_of=APRIL)
    assert len(people(merged)) == 1
    overrides = undone(merged, person_of(merged)["a|customer|1"])
    assert [link.records for link in overrides.link] == [("a|customer|1", "a|guest|2")]
    again = resolved(held + bridge, customers=[ann, bob], previous=merged, overrides=overrides, as_of=MAY)
    assert people(again).items() >= people(apart).items()


def test_a_link_by_hand_that_merged_is_taken_out():
    apart = resolved(APART, as_of=MARCH)
    by_hand = with_link(Overrides(), [WEB, TILL], "the same")
    merged = resolved(APART, previous=apart, overrides=by_hand, as_of=APRIL)
    overrides = undone(merged, person_of(merged)[WEB], by_hand)
    assert overrides.link == ()
    assert people(resolved(APART, previous=merged, overrides=overrides, as_of=MAY)) == people(apart)


def test_what_is_written_already_is_not_written_again():
    merged = resolved(APART + BRIDGE, previous=resolved(APART, as_of=MARCH), as_of=APRIL)
    ann = person_of(merged)[WEB]
    with pytest.raises(UnmergeError, match="stands in the override file; the next run obeys"):
        undone(merged, ann, undone(merged, ann))


def test_an_undone_merge_is_not_undone_twice():
    merged = resolved(APART + BRIDGE, previous=resolved(APART, as_of=MARCH), as_of=APRIL)
    ann = person_of(merged)[WEB]
    again = resolved(APART + BRIDGE, previous=merged, overrides=undone(merged, ann), as_of=MAY)
    with pytest.raises(UnmergeError, match="is left to undo"):
        last_merge(again.merge_ledger, again.person_map, ann)


def test_of_a_person_that_was_merged_away_the_error_names_the_one_to_ask_for():
    before = person_of(apart := resolved(APART, as_of=MARCH))
    merged = resolved(APART + BRIDGE, previous=apart, as_of=APRIL)
    with pytest.raises(UnmergeError, match=f"{before[TILL]} was merged into {before[WEB]}.*unmerge {before[WEB]}"):
        last_merge(merged.merge_ledger, merged.person_map, before[TILL])
    with pytest.raises(UnmergeError, match="There is no person Cnone"):
        last_merge(merged.merge_ledger, merged.person_map, "Cnone")


RECORDS = [f"{system}|customer|{number}" for system in "ab" for number in range(5)]
VALUES = [
    *(("email", f"{name}@mail.example") for name in ("ann", "bea", "cleo")),
    *(("phone", f"+44770090012{digit}") for digit in (1, 2, 3)),
    *(("loyalty_id", f"L{number}") for number in (1, 2)),
]
HOLDINGS = st.sets(st.tuples(st.sampled_from(RECORDS), st.sampled_from(VALUES)), min_size=2, max_size=14)


@settings(max_examples=15, deadline=None)
@given(before=HOLDINGS, arriving=HOLDINGS)
def test_merge_then_unmerge_gives_back_exactly_the_earlier_profiles(before, arriving):
    """Whatever arrives: new records, and old ones with further identifiers."""
    known = {record for record, _ in before}
    held = [(record, *value, 1) for record, value in sorted(before)]
    arrived = [(record, *value, 1 if record in known else 2) for record, value in sorted(arriving - before)]
    apart = resolved(held, as_of=MARCH)
    merged = resolved(held + arrived, previous=apart, as_of=APRIL)
    rows = merged.merge_ledger.to_pylist()
    into = {row["to_customer_id"] for row in rows if row["kind"] == "merge"}
    overrides = Overrides()
    for person in sorted(into):
        overrides = undone(merged, person, overrides)
    again = people(resolved(held + arrived, previous=merged, overrides=overrides, as_of=MAY))
    came_together = {row["from_customer_id"] for row in rows if row["kind"] in ("merge", "stayed")}
    assert {person: again.get(person) for person in came_together} == {
        person: people(apart)[person] for person in came_together
    }
    untouched = {person: records for person, records in people(merged).items() if person not in into}
    assert {person: again.get(person) for person in untouched} == untouched
