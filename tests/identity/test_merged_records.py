"""Records that their own source merged are one person: staging gives a record the ids of the others as its own."""

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.overrides import Overrides, Unlink
from tests.identity.conftest import groups_of, resolved

ONE, TWO, THREE = (f"crm|customer|{number}" for number in (1, 2, 3))
ALONE = [("shop|customer|2", "source_id", "shop|2", 1), ("crm|customer|9", "source_id", "crm|9", 1)]
BEFORE = [*((record, "source_id", record.replace("customer|", ""), 1) for record in (ONE, TWO, THREE)), *ALONE]
#: 2 was merged into 1 (`merged_ids` of 1), and 1 into 3 (`merged_into` of 1).
AFTER = [*BEFORE, (ONE, "source_id", "crm|2", 1), (ONE, "source_id", "crm|3", 1)]
NAMES = [{"record_id": record, "first_name": name} for record, name in ((ONE, "Ann"), (TWO, "Bob"), (THREE, "Cy"))]
APART = {frozenset({record}) for record, *_ in ALONE}


def test_they_are_one_whatever_their_names_and_nobody_else_is():
    assert groups_of(resolved(BEFORE, customers=NAMES)) == {*APART, *(frozenset({one}) for one in (ONE, TWO, THREE))}
    assert groups_of(resolved(AFTER, customers=NAMES)) == {*APART, frozenset({ONE, TWO, THREE})}


def test_one_id_per_person_does_not_part_them():
    limits = MatchSettings(unique_per_person=("source_id",))
    assert frozenset({ONE, TWO, THREE}) in groups_of(resolved(AFTER, limits))


def test_the_merge_is_in_the_ledger_and_ends_when_the_source_takes_it_back():
    first = resolved(BEFORE)
    merged = resolved(AFTER, previous=first)
    assert set(merged.merge_ledger["kind"].to_pylist()) == {"merge", "stayed"}
    parted = resolved(BEFORE, previous=merged)
    assert parted.person_map.equals(first.person_map)
    assert "split" in parted.merge_ledger["kind"].to_pylist()


def test_an_unlink_by_hand_counts_more():
    unlink = Overrides(unlink=(Unlink(groups=((TWO,), (ONE, THREE))),))
    assert {frozenset({TWO}), frozenset({ONE, THREE})} <= groups_of(resolved(AFTER, overrides=unlink))
