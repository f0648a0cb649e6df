"""Chains of links whose ends are strangers."""

from datetime import date

import pytest

from crm_pipeline.config.identity import MatchSettings
from tests.identity.conftest import groups_of, invented, resolved

ADDRESS = {"street": "39 Lighthouse Lane", "postal_code": "L11 6EG", "city": "Liverpool"}


def _person(number, first, last, **more):
    return {"record_id": f"shop|customer|{number}", "first_name": first, "last_name": last, **ADDRESS, **more}


def _with_a_guest(one, other):
    """Two customers with an e-mail and a telephone each; a guest gave the e-mail of one, the telephone of the other."""
    rows = [
        (one["record_id"], "email", "one@mail.example", 1),
        (one["record_id"], "phone", "+44 7700 900001", 1),
        (other["record_id"], "email", "other@post.example", 1),
        (other["record_id"], "phone", "+44 7700 900002", 1),
        ("shop|guest|1", "email", "one@mail.example", 2),
        ("shop|guest|1", "phone", "+44 7700 900002", 2),
    ]
    return rows, [one, other]


COUPLE = (_person(1, "Benjamin", "Lewis", gender="male"), _person(2, "Evelyn", "Lewis", gender="female"))
ONE = (
    _person(1, "Benjamin", "Lewis", birth_date=date(1980, 3, 1)),
    _person(2, "Benjamin", "Lewis", birth_date=date(1980, 3, 1)),
)


@pytest.mark.parametrize("trained", [True, False])
def test_a_guest_who_gave_what_belongs_to_two_people_does_not_join_them(model, trained):
    rows, customers = _with_a_guest(*COUPLE)
    found = resolved(rows, customers=customers, model=model if trained else None)
    # The e-mail is the stronger of the two.
    assert groups_of(found) == {
        frozenset({"shop|customer|1", "shop|guest|1"}),
        frozenset({"shop|customer|2"}),
    }
    (conflict,) = [row for row in found.conflicts.to_pylist() if "hang together" in row["problem"]]
    assert (conflict["records"], "leaving 2 people" in conflict["problem"]) == (3, True)


@pytest.mark.parametrize("trained", [True, False])
def test_a_guest_joins_two_records_of_one_person(model, trained):
    rows, customers = _with_a_guest(*ONE)
    found = resolved(rows, customers=customers, model=model if trained else None)
    assert len(groups_of(found)) == 1
    assert not [row for row in found.conflicts.to_pylist() if "hang together" in row["problem"]]


def test_a_card_is_believed_over_names_that_contradict(model):
    rows, customers = _with_a_guest(*COUPLE)
    rows += [("shop|guest|1", "loyalty_id", "L1", 2), ("shop|customer|2", "loyalty_id", "L1", 1)]
    rows += [("shop|customer|1", "loyalty_id", "L2", 1), ("shop|guest|1", "loyalty_id", "L2", 2)]
    assert len(groups_of(resolved(rows, customers=customers, model=model))) == 1


def test_the_order_of_records_changes_nothing(model):
    rows, customers = invented(150, seed=5)
    extra, couple = _with_a_guest(*COUPLE)
    there = resolved([*rows, *extra], customers=[*customers, *couple], model=model)
    back = resolved([*rows, *extra][::-1], customers=[*customers, *couple][::-1], model=model)
    assert groups_of(there) == groups_of(back)


def test_what_was_cut_stays_cut_when_only_another_record_is_new(model):
    rows, customers = _with_a_guest(*COUPLE)
    before = resolved(rows, customers=customers, model=model)
    rows.append(("shop|guest|2", "email", "someone@else.example", 3))
    after = resolved(rows, MatchSettings(), before, customers=customers)
    whole = resolved(rows, customers=customers, model=model)
    assert after.conflicts.equals(whole.conflicts)
    assert groups_of(after) == groups_of(whole)
