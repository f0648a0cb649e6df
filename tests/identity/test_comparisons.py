"""How two profiles are compared: each level has a pair that reaches it and none above it."""

import duckdb
import pytest

from crm_pipeline.identity.comparisons import COMPARISONS, DERIVED, learnt_from, same_person, splink_settings
from crm_pipeline.identity.profiles import COMPARED


def _name(first, last, *forms):
    return {
        "first_name": first,
        "last_name": last,
        "first_forms": [first, *forms] if first else None,
        "last_forms": [last],
    }


def _of(column):
    return lambda *values: tuple({column: value} for value in values)


_born, _email, _phone, _card, _gender = (_of(c) for c in ("birth_date", "email", "phone", "loyalty_id", "gender"))


def _place(street=None, postal_code=None, city=None):
    return {"street": street, "postal_code": postal_code, "city": city}


EXAMPLES = [
    ("first_name", (_name(None, "holt"), _name("ann", "holt")), "missing"),
    ("first_name", (_name("ann", "holt"), _name("ann", "lee")), "same"),
    ("first_name", (_name("liz", "holt", "elizabeth"), _name("elizabeth", "lee")), "short form, or one of several"),
    ("first_name", (_name("jonathan", "holt"), _name("jonathon", "holt")), "slightly misspelt"),
    ("first_name", (_name("mary", "holt"), _name("holt", "mary")), "swapped with the last name"),
    ("first_name", (_name("marian", "holt"), _name("hoult", "maryan")), "swapped and misspelt"),
    ("first_name", (_name("marie", "holt"), _name("maryse", "holt")), "similar"),
    ("first_name", (_name("mary", "holt"), _name("holt", "king")), "one name stands for the other"),
    ("first_name", (_name("mary", "holt"), _name("bob", "holt")), "different"),
    ("last_name", (_name("mary", None), _name("mary", "holt")), "missing"),
    ("last_name", (_name("mary", "holt"), _name("bob", "holt")), "same"),
    (
        "last_name",
        (_name("mary", "holtley"), {**_name("mary", "ley"), "last_forms": ["ley", "holtley"]}),
        "one of several",
    ),
    ("last_name", (_name("mary", "sutherland"), _name("mary", "sutherlend")), "slightly misspelt"),
    ("last_name", (_name("mary", "holt"), _name("holt", "mary")), "swapped with the first name"),
    ("last_name", (_name("mary", "holt"), _name("mary", "hoult-ley")), "similar"),
    ("last_name", (_name("mary", "holt"), _name("holt", "king")), "one name stands for the other"),
    ("last_name", (_name("mary", "holt"), _name("mary", "king")), "different"),
    ("birth_date", _born("1980-02-01", None), "missing"),
    ("birth_date", _born("1980-02-01", "1980-02-01"), "same"),
    ("birth_date", _born("1980-02-01", "1980-02-07"), "one digit differs"),
    ("birth_date", _born("1980-02-11", "1980-11-02"), "day and month swapped"),
    ("birth_date", _born("1980-02-01", "1990-02-07"), "two digits differ"),
    ("birth_date", _born("1980-02-01", "1962-11-17"), "different"),
    ("address", (_place(city="leeds"), _place("1 mill lane", "LS1")), "missing"),
    ("address", (_place("1 mill lane", "LS1", "leeds"), _place("1 mill lane", "LS1")), "same"),
    (
        "address",
        (_place("1 mill lane", "LS1"), _place("1 mill lnae", "LS2")),
        "same number, similar street, nearly the same place",
    ),
    ("address", (_place("1a mill lane", "LS1"), _place("1 mill lane", "YO99")), "same number, similar street"),
    ("address", (_place("mill lane", "LS1"), _place("mill lane", "YO99")), "same number, similar street"),
    (
        "address",
        (_place("1 mill lane", None, "leeds"), _place("7 mill lane", None, "leeds")),
        "similar street, nearly the same place",
    ),
    ("address", (_place("1 mill lane", "LS1"), _place("99 quay", "LS1")), "same postal code"),
    ("address", (_place(None, "LS1", "leeds"), _place("9 quay", "LS2", "leedz")), "similar postal code and town"),
    ("address", (_place("1 mill lane", "LS1"), _place("7 mill lane", "YO99")), "similar street"),
    ("address", (_place(None, "LS1", "leeds"), _place("99 quay", "LS999", "leeds")), "same town"),
    ("address", (_place("1 mill lane", "LS1", "leeds"), _place("99 quay", "YO9", "york")), "different"),
    ("email", _email("a@m.example", None), "missing"),
    ("email", _email("a@m.example", "a@m.example"), "same"),
    ("email", _email("ann@m.example", "ann@post.example"), "same before the @"),
    ("email", _email("ann@m.example", "anm@n.example"), "two letters differ"),
    ("email", _email("ann@m.example", "bob@post.example"), "different"),
    ("phone", _phone("+441", None), "missing"),
    ("phone", _phone("+441", "+441"), "same"),
    ("phone", _phone("+441", "+442"), "different"),
    ("loyalty_id", _card("L1", None), "missing"),
    ("loyalty_id", _card("L1234", "L1234"), "same"),
    ("loyalty_id", _card("L1234", "L1243"), "one sign differs"),
    ("loyalty_id", _card("L1234", "L1299"), "two signs differ"),
    ("loyalty_id", _card("L1234", "M9876"), "different"),
    ("gender", _gender("female", None), "missing"),
    ("gender", _gender("female", "female"), "same"),
    ("gender", _gender("female", "male"), "different"),
]


_GIVEN = (*((column, "varchar") for column in COMPARED), ("first_forms", "varchar[]"), ("last_forms", "varchar[]"))


def _level(thing, one, other):
    _, levels = COMPARISONS[thing]
    cases = " ".join(
        f"when {level['sql_condition']} then '{level['label_for_charts']}'"
        for level in levels
        if level["sql_condition"] != "ELSE"
    )
    given = ", ".join(f"?::{kind} as {name}" for name, kind in _GIVEN)
    both = ", ".join(
        f"{side}.{name} as {name}_{side}"
        for side in "lr"
        for name in (*(name for name, _ in _GIVEN), "names", "house_numbers", "street_name")
    )
    query = f"""
        with l as (select *, {DERIVED} from (select {given})), r as (select *, {DERIVED} from (select {given})),
        both_sides as (select {both} from l cross join r)
        select case {cases} else '{levels[-1]["label_for_charts"]}' end from both_sides
    """
    return duckdb.execute(query, [row.get(name) for row in (one, other) for name, _ in _GIVEN]).fetchall()[0][0]


@pytest.mark.parametrize(("thing", "pair", "level"), EXAMPLES)
def test_a_pair_reaches_its_level_whichever_record_comes_first(thing, pair, level):
    assert _level(thing, *pair) == level
    assert _level(thing, *reversed(pair)) == level


def test_there_is_an_example_of_each_level():
    levels = {(thing, level["label_for_charts"]) for thing, (_, found) in COMPARISONS.items() for level in found}
    assert {(thing, level) for thing, _, level in EXAMPLES} == levels


def test_the_last_level_of_each_comparison_takes_what_is_left():
    for _, levels in COMPARISONS.values():
        assert [level["sql_condition"] for level in levels].index("ELSE") == len(levels) - 1
        assert levels[0]["is_null_level"]
        assert not levels[-1].get("is_null_level", False)


def test_swapped_names_are_told_once():
    silent = {
        thing for thing, (_, found) in COMPARISONS.items() if sum("is_null_level" in level for level in found) > 1
    }
    assert silent == {"last_name"}


def test_only_what_is_filled_is_compared():
    settings = splink_settings(["first_name", "birth_date", "postal_code"])
    assert [c["output_column_name"] for c in settings["comparisons"]] == ["first_name", "birth_date", "address"]
    assert {c["output_column_name"] for c in splink_settings(COMPARED)["comparisons"]} == set(COMPARISONS)


@pytest.mark.parametrize(
    ("filled", "rules"),
    [
        (["first_name", "last_name"], []),
        (["first_name", "last_name", "gender"], ["l.first_name = r.first_name and l.last_name = r.last_name"]),
        (
            ["first_name", "last_name", "birth_date"],
            [
                "l.birth_date = r.birth_date and l.last_name = r.last_name",
                "l.birth_date = r.birth_date and l.first_name = r.first_name",
                "l.first_name = r.first_name and l.last_name = r.last_name",
            ],
        ),
        (["email"], []),
        (["last_name", "email"], ["l.email = r.email"]),
    ],
)
def test_a_condition_teaches_what_it_does_not_ask_for(filled, rules):
    assert learnt_from(filled) == rules


def test_conditions_ask_only_for_what_is_filled():
    assert same_person(["first_name", "last_name"]) == []
    assert same_person(["last_name", "email"]) == ["l.email = r.email and l.last_name = r.last_name"]
    assert len(same_person(COMPARED)) == 5
    assert len(learnt_from(COMPARED)) == 8
