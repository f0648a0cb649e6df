"""What customer records say about a person, in a form in which two records can be compared."""

from datetime import date

import pytest

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.changes import look_at_all
from crm_pipeline.identity.normalise import load_identifiers
from crm_pipeline.identity.profiles import COMPARED, load_profiles
from tests.identity.conftest import staged


def _profiles(*customers, rows=()):
    named = [{"record_id": f"s|customer|{n}", **customer} for n, customer in enumerate(customers)]
    ids = [(customer["record_id"], "source_id", f"s|{n}", 1) for n, customer in enumerate(named)]
    with staged([*ids, *rows], named) as con:
        look_at_all(con, MatchSettings())
        load_identifiers(con, MatchSettings(blocked=("info@shop.example",)), "GB")
        count = load_profiles(con)
        found = con.sql("""
            select record_id, profiles.* from profiles join records using (record_key) order by record_id
        """).to_arrow_table()
    assert count == len(found)
    return {row["record_id"].rsplit("|")[-1]: row for row in found.to_pylist()}


NAMED = {"first_name": "Ann", "last_name": "Holt"}


@pytest.mark.parametrize(
    ("column", "written", "normal"),
    [
        ("street", "12, Rue de l`Église ", "12 rue de l eglise"),
        ("street", "12 Rue de l'Eglise", "12 rue de l eglise"),
        ("street", "  -  ", None),
        ("street", "", None),
        ("street", "北京路12号", "北京路12号"),
        ("postal_code", "sw1a 1aa", "SW1A1AA"),
        ("postal_code", "SW1A-1AA", "SW1A1AA"),
        ("postal_code", " - ", None),
        ("city", " Zürich ", "zurich"),
        ("city", "", None),
        ("birth_date", date(1980, 2, 1), "1980-02-01"),
        ("gender", "female", "female"),
        ("first_name", " Zoë ", "zoe"),
        ("last_name", "O'Neill", "oneill"),
    ],
)
def test_what_is_compared_has_one_form(column, written, normal):
    assert _profiles({**NAMED, column: written})["0"][column] == normal


@pytest.mark.parametrize(
    "customer",
    [{}, {"first_name": "", "last_name": " "}, {"first_name": "--", "birth_date": date(1980, 1, 1)}],
)
def test_a_record_without_a_name_is_no_profile(customer):
    assert _profiles(customer) == {}


@pytest.mark.parametrize(
    "customer", [{"first_name": "Ann"}, {"last_name": "Holt"}, {"first_name": "王", "last_name": "-"}]
)
def test_one_name_is_enough(customer):
    assert len(_profiles(customer)) == 1


def test_identifiers_stand_beside_the_name_unless_they_are_nobodys():
    rows = [
        ("s|customer|0", "email", "Ann@Mail.example", 1),
        ("s|customer|0", "phone", "0000000", 1),
        ("s|customer|0", "loyalty_id", "gold-1", 1),
        ("s|customer|1", "email", "info@shop.example", 1),
        ("s|customer|1", "loyalty_id", "none", 1),
    ]
    found = _profiles(NAMED, NAMED, rows=rows)
    assert [found["0"][kind] for kind in ("email", "phone", "loyalty_id")] == ["ann@mail.example", None, "GOLD-1"]
    assert [found["1"][kind] for kind in ("email", "phone", "loyalty_id")] == [None, None, None]


FULL = {
    **NAMED,
    "birth_date": date(1980, 2, 1),
    "gender": "female",
    "street": "1 Mill Lane",
    "postal_code": "LS1 1AA",
    "city": "Leeds",
}
_OTHER = {"first_name": "Joan", "last_name": "Hold", "birth_date": date(1980, 2, 2), "gender": "other"}
_OTHER |= {"street": "2 Mill Lane", "postal_code": "LS1 1AB", "city": "York"}


def _content(customer, rows=()):
    return _profiles(customer, rows=rows)["0"]["content"]


@pytest.mark.parametrize("column", sorted(_OTHER))
def test_the_hash_changes_with_each_column(column):
    assert _content({**FULL, column: _OTHER[column]}) != _content(FULL)
    assert _content({**FULL, column: None}) != _content(FULL)


@pytest.mark.parametrize(
    ("kind", "value"), [("email", "ann@mail.example"), ("phone", "020 7946 0018"), ("loyalty_id", "L1")]
)
def test_the_hash_changes_with_each_identifier(kind, value):
    twice = [("s|customer|0", kind, value, 1), ("s|customer|1", kind, value, 1)]
    assert _content(FULL, twice) != _content(FULL)


def test_the_hash_covers_all_that_is_compared():
    assert set(_OTHER) | {"email", "phone", "loyalty_id"} == set(COMPARED)


@pytest.mark.parametrize(
    "written",
    [{"first_name": " ANN"}, {"street": "1, Mill-Lane"}, {"postal_code": "ls11aa"}, {"city": "LEEDS "}],
)
def test_another_spelling_of_the_same_does_not_change_the_hash(written):
    assert _content({**FULL, **written}) == _content(FULL)


def test_the_hash_says_in_which_column_a_text_stands():
    rows = [("s|customer|0", "email", "b|c@mail.example", 1)]
    split = [("s|customer|0", "email", "c@mail.example", 1)]
    assert _content({**FULL, "city": "a"}, rows) != _content({**FULL, "city": "a|b"}, split)
    one, other = {"first_name": "Ann", "last_name": None}, {"first_name": None, "last_name": "Ann"}
    assert _content(one) != _content(other)
