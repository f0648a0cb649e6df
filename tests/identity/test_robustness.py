"""What a careless source delivers: it makes no giant person, and each case is listed with a remedy."""

import random
from datetime import date, datetime, timedelta

import pytest

from crm_pipeline.config.identity import MatchSettings
from tests.identity.conftest import groups_of, resolved


def _kinds(result):
    return {row["kind"]: row["records"] for row in result.conflicts.to_pylist()}


def test_one_address_on_five_thousand_records_links_none_of_them(resolve_rows):
    rows = [(f"s|guest|{n}", "email", "info@mall.example", 1) for n in range(5_000)]
    result = resolve_rows(rows)
    assert (result.figures.people, len(result.edges)) == (5_000, 0)
    assert _kinds(result) == {"email": 5_000}
    assert "Block the value" in result.conflicts["problem"][0].as_py()


def test_a_number_that_a_clerk_types_in_links_none_of_those_who_got_it(resolve_rows, groups):
    """A real number on one percent of the records; the e-mail addresses link as ever."""
    rows = [(f"s|customer|{n}", "email", f"p{n // 2}@mail.example", 1) for n in range(3_000)]
    rows += [(f"s|customer|{n}", "phone", "020 7946 0018", 1) for n in range(0, 3_000, 100)]
    result = resolve_rows(rows)
    assert groups(result) == {frozenset({f"s|customer|{n}", f"s|customer|{n + 1}"}) for n in range(0, 3_000, 2)}
    assert _kinds(result) == {"phone": 30}


def test_a_placeholder_links_nothing_however_few_have_it(resolve_rows):
    rows = [(f"s|customer|{n}", "phone", "0000000000", 1) for n in range(3)]
    result = resolve_rows(rows)
    assert (result.figures.people, _kinds(result)) == (3, {"phone": 3})


def test_a_chain_of_a_thousand_shared_numbers_is_no_person(resolve_rows, groups):
    """Each record shares a number with the next, as flats do that change hands; cards link in between."""
    rows = [(f"s|customer|{n}", "loyalty_id", f"L{n // 2}", 1) for n in range(1_000)]
    rows += [(f"s|customer|{n + m}", "phone", f"07700 {n:06d}", 1) for n in range(999) for m in (0, 1)]
    result = resolve_rows(rows)
    assert groups(result) == {frozenset({f"s|customer|{n}", f"s|customer|{n + 1}"}) for n in range(0, 1_000, 2)}
    (conflict,) = result.conflicts.to_pylist()
    assert (conflict["kind"], conflict["records"]) == ("phone", 1_000)
    assert "held back" in conflict["problem"]


@pytest.mark.parametrize(("largest", "people"), [(10, 1), (9, 10)])
def test_a_person_may_have_as_many_records_as_the_limit(resolve_rows, largest, people):
    rows = [(f"s|customer|{n}", "email", "ann@mail.example", 1) for n in range(10)]
    assert resolve_rows(rows, MatchSettings(largest_person=largest)).figures.people == people


@pytest.mark.parametrize(("each", "people"), [(12, 1), (13, 2)])
def test_two_records_with_more_values_than_a_person_has_are_not_linked(resolve_rows, each, people):
    rows = [(f"s|customer|{n}", "email", f"{n}-{m}@mail.example", 1) for n in range(2) for m in range(each)]
    rows += [(f"s|customer|{n}", "phone", "020 7946 0018", 1) for n in range(2)]
    result = resolve_rows(rows)
    assert result.figures.people == people
    assert _kinds(result) == ({"phone": 2} if people == 2 else {})


def test_one_record_with_more_values_than_a_person_has_is_left_alone(resolve_rows):
    rows = [("s|customer|1", "email", f"{n}@mail.example", 1) for n in range(60)]
    assert (resolve_rows(rows).figures.people, len(resolve_rows(rows).conflicts)) == (1, 0)


@pytest.mark.parametrize("birthdays", ["any day", "1 January"])
def test_strangers_of_few_names_stay_apart_though_a_model_is_trained_on_them(birthdays):
    rng = random.Random(1)
    firsts, lasts = ("john", "mary", "ann", "peter", "paul", "lucy"), ("smith", "jones", "lee", "brown")
    strangers = [
        {
            "record_id": f"shop|customer|{number}",
            "first_name": rng.choice(firsts),
            "last_name": rng.choice(lasts),
            "birth_date": date(1950 + rng.randrange(50), 1, 1)
            if birthdays == "1 January"
            else date(1950, 1, 1) + timedelta(days=rng.randrange(18_000)),
            "street": f"{rng.randrange(900)} Lane {rng.randrange(100)}",
            "postal_code": f"P{rng.randrange(300)}",
        }
        for number in range(1_500)
    ]
    rows = [(one["record_id"], "source_id", one["record_id"], 1, datetime(2020, 1, 1)) for one in strangers]
    resolution = resolved(rows, customers=strangers)
    assert resolution.model is not None
    assert len(groups_of(resolution)) == len(strangers)
