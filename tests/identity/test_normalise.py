import pytest

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.normalise import IdentityError, normalise_phone, read_phone

SAME = [
    ("email", " Ann@Shop.example ", "ann@shop.EXAMPLE"),
    ("loyalty_id", "gold-17", " GOLD-17"),
    ("phone", "07700 900123", "+44 7700 900123"),
    ("phone", "(07700) 900-123", "0044 7700 900123"),
    ("phone", "07700900123", "tel: 07700 900123"),
    ("phone", "07700900123", "+44 (0)7700 900123"),
]
DIFFERENT = [
    ("email", "ann@shop.example", "anne@shop.example"),
    ("loyalty_id", "17", "017"),
    ("phone", "07700 900123", "+1 770 090 0123"),
    ("phone", "020 7946 0018 ext. 1", "020 7946 0018 ext. 2"),
]
NOBODYS = [
    *(("email", value) for value in ("NoReply@shop.example", "no-reply@shop.example", "null", "N/A", "none@none.none")),
    *(
        ("phone", value)
        for value in ("0000000000", "000-000-0000", "-1", "1111111111", "+44 1111 111111", "1234567890")
    ),
    *(("loyalty_id", value) for value in ("0", "-1", "NULL", "None", "anonymous", "unknown", "00-00")),
    *(("email", value) for value in ("at home", "ann@", "@shop.example")),
    *(("phone", value) for value in ("12345", "call me", "+44 20")),
]


@pytest.mark.parametrize(("kind", "one", "other"), SAME)
def test_two_spellings_of_a_value_link(resolve_rows, groups, kind, one, other):
    result = resolve_rows([("a|customer|1", kind, one, 1), ("b|customer|1", kind, other, 1)])
    assert groups(result) == {frozenset({"a|customer|1", "b|customer|1"})}
    assert set(result.person_map["linked_by"].to_pylist()) == {kind}


@pytest.mark.parametrize(("kind", "one", "other"), DIFFERENT)
def test_different_values_do_not_link(resolve_rows, kind, one, other):
    result = resolve_rows([("a|customer|1", kind, one, 1), ("b|customer|1", kind, other, 1)])
    assert result.figures.people == 2
    assert set(result.person_map["linked_by"].to_pylist()) == {"alone"}


@pytest.mark.parametrize(("kind", "value"), NOBODYS)
def test_a_value_that_is_nobodys_links_nothing_and_is_listed(resolve_rows, kind, value):
    result = resolve_rows([("a|customer|1", kind, value, 1), ("b|customer|1", kind, value, 1)])
    assert result.figures.people == 2
    (conflict,) = result.conflicts.to_pylist()
    assert (conflict["kind"], conflict["records"]) == (kind, 2)
    assert value not in conflict["problem"]


@pytest.mark.parametrize(
    ("kind", "blocked", "value"),
    [("email", "Info@Shop.example", "info@shop.example"), ("phone", "+44 20 7946 0018", "020 7946 0018")],
)
def test_the_shops_own_values_link_nothing(resolve_rows, kind, blocked, value):
    rows = [("a|customer|1", kind, value, 1), ("b|customer|1", kind, value, 1)]
    assert resolve_rows(rows).figures.people == 1
    assert resolve_rows(rows, MatchSettings(blocked=(blocked,))).figures.people == 2


def test_an_unwritten_country_code_is_that_of_the_default_region(resolve_rows):
    rows = [("a|customer|1", "phone", "030 901820", 1), ("b|customer|1", "phone", "+49 30 901820", 1)]
    assert resolve_rows(rows, region="DE").figures.people == 1
    assert resolve_rows(rows, region="GB").figures.people == 2


def test_the_sieve_before_parsing_loses_no_link(resolve_rows, groups):
    """Only phones that could link are parsed; parsing each of them must give the same groups."""
    spellings = ["0{}", "+44{}", "+44 {}", "0044{}", "00 44 {}", "(0){}", "tel {}", "0{} x5", "+44 {} ext 5", "{}"]
    rows = [
        (f"s{i}|customer|{base}", "phone", spelling.format(base), 1)
        for i, spelling in enumerate(spellings)
        for base in ("2079460018", "7700900123", "7700900124", "1312000018")
    ]
    expected: dict[str, set[str]] = {}
    for record, _, text, _ in rows:
        expected.setdefault(normalise_phone(text, "GB") or record, set()).add(record)
    settings = MatchSettings(people_per_value={"phone": 99}, values_per_person={"phone": 99})
    assert groups(resolve_rows(rows, settings)) == {frozenset(group) for group in expected.values()}


def test_an_unknown_kind_of_identifier_is_refused(resolve_rows):
    with pytest.raises(IdentityError, match="fax"):
        resolve_rows([("a|customer|1", "fax", "1", 1)])


def phone(record, text, country=None):
    return (record, "phone", text, 1, None, country)


@pytest.mark.parametrize("country", ["FR", "fr", "FRA", "France", "Frankreich", "Francia", "フランス"])
def test_a_number_is_read_by_the_plan_of_its_records_country(resolve_rows, groups, country):
    rows = [phone("a|customer|1", "06 12 34 56 78", country), phone("b|customer|1", "+33 6 12 34 56 78")]
    assert groups(resolve_rows(rows)) == {frozenset({"a|customer|1", "b|customer|1"})}


def test_the_same_digits_in_two_countries_are_two_numbers(resolve_rows):
    rows = [phone("a|customer|1", "030 901820", "DE"), phone("b|customer|1", "030 901820", "AT")]
    assert resolve_rows(rows, region="DE").figures.people == 2
    assert resolve_rows([row[:5] for row in rows], region="DE").figures.people == 1


@pytest.mark.parametrize("country", [None, "Unspecified", "European Community", "", "AQ"])
def test_a_number_without_a_known_country_is_of_the_default_region(resolve_rows, country):
    rows = [phone("a|guest|1", "07700 900123", country), phone("b|customer|1", "+44 7700 900123")]
    assert resolve_rows(rows).figures.people == 1


def test_a_written_country_code_beats_the_records_country(resolve_rows):
    rows = [phone("a|customer|1", "+44 7700 900123", "FR"), phone("b|customer|1", "07700 900123", "GB")]
    assert resolve_rows(rows, region="DE").figures.people == 1


@pytest.mark.parametrize(("text", "number"), [("07911 123456", "+447911123456"), ("612345 6789", None)])
def test_what_is_no_number_of_its_country_is_of_the_default_region_only_if_that_has_it(text, number):
    assert read_phone(text, "FR", "GB") == number


def test_another_country_of_a_record_is_noticed_by_the_next_run(resolve_rows):
    rows = [phone("a|customer|1", "06 12 34 56 78"), phone("b|customer|1", "+33 6 12 34 56 78")]
    first = resolve_rows(rows)
    assert first.figures.people == 2
    moved = [phone("a|customer|1", "06 12 34 56 78", "FR"), rows[1]]
    assert resolve_rows(moved, previous=first).figures.people == 1


def test_what_is_remembered_of_a_number_is_of_its_region(resolve_rows):
    """A text that one record had read by one plan is read anew for a record of another country."""
    rows = [phone("a|customer|1", "030 901820", "DE"), phone("b|customer|1", "+49 30 901820")]
    first = resolve_rows(rows)
    rows += [phone("c|customer|1", "030 901820", "AT"), phone("d|customer|1", "+43 30 901820")]
    assert resolve_rows(rows, previous=first).person_map == resolve_rows(rows).person_map
