"""How two profiles are compared: the comparisons of the Splink model, level by level, the most telling first."""

from collections.abc import Collection
from typing import Any

_BY_NAME = "jaro_winkler_similarity({0}_l, {0}_r) >= {1}"
_BY_LETTER = "damerau_levenshtein({0}_l, {0}_r) <= {1}"
# Both names come in a column of their own: Splink leaves out of a training each comparison that names a column on which
# its pairs agree, so that neither name may name the column of the other.
_REVERSED = "names_l[1] = names_r[2] and names_l[2] = names_r[1]"
_ALMOST_REVERSED = (
    "least(jaro_winkler_similarity(names_l[1], names_r[2]), jaro_winkler_similarity(names_l[2], names_r[1])) >= 0.75"
)
_HALF_REVERSED = (
    "greatest(jaro_winkler_similarity(names_l[1], names_r[2]), jaro_winkler_similarity(names_l[2], names_r[1])) >= 0.9"
)
# What a rare value adds is bounded: one that stands once in the data may be a slip of the hand.
_RAREST = 0.0001
#: Columns of which rare values tell more than common ones: on how many profiles a value stands at least to be common.
BY_FREQUENCY = {"first_name": 2, "last_name": 2, "city": 2, "birth_date": 10}
_SIMILAR_STREET = _BY_NAME.format("street_name", 0.85)
_SAME_HOUSE = f"(street_l = street_r or list_has_any(house_numbers_l, house_numbers_r) and {_SIMILAR_STREET})"
_SIMILAR_POSTAL_CODE = _BY_LETTER.format("postal_code", 1)
_NEARLY_SAME_PLACE = f"(city_l = city_r or {_SIMILAR_POSTAL_CODE})"


DERIVED = """
    case when first_name is not null and last_name is not null then [first_name, last_name] end as names,
    regexp_extract_all(street, '[0-9]+') as house_numbers,
    nullif(trim(regexp_replace(street, '[0-9]+[a-z]?\\b', '', 'g')), '') as street_name
"""
"""What the comparisons take beside the columns of the profiles."""


def _level(label: str, condition: str, **options: Any) -> dict[str, Any]:
    return {"label_for_charts": label, "sql_condition": condition, **options}


def _missing(column: str) -> dict[str, Any]:
    return _level("missing", f"{column}_l is null or {column}_r is null", is_null_level=True)


def _same(column: str, label: str = "same") -> dict[str, Any]:
    frequency = {"tf_adjustment_column": column, "tf_adjustment_weight": 1.0, "tf_minimum_u_value": _RAREST}
    return _level(label, f"{column}_l = {column}_r", **(frequency if column in BY_FREQUENCY else {}))


_DIFFERENT = _level("different", "ELSE")
_PLACE = ("street", "postal_code", "city")

#: Compared thing -> its columns, of which one is enough, and its levels.
COMPARISONS: dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]] = {
    "first_name": (
        ("first_name",),
        [
            _missing("first_name"),
            _same("first_name"),
            _level("short form, or one of several", "list_has_any(first_forms_l, first_forms_r)"),
            _level("slightly misspelt", _BY_NAME.format("first_name", 0.9)),
            _level("swapped with the last name", _REVERSED),
            _level("swapped and misspelt", _ALMOST_REVERSED),
            _level("similar", _BY_NAME.format("first_name", 0.75)),
            _level("one name stands for the other", _HALF_REVERSED),
            _DIFFERENT,
        ],
    ),
    "last_name": (
        ("last_name",),
        [
            _missing("last_name"),
            _same("last_name"),
            _level("one of several", "list_has_any(last_forms_l, last_forms_r)"),
            # It is told by the first name, once.
            _level("slightly misspelt", _BY_NAME.format("last_name", 0.9)),
            _level("swapped with the first name", f"({_REVERSED}) or {_ALMOST_REVERSED}", is_null_level=True),
            _level("similar", _BY_NAME.format("last_name", 0.75)),
            _level("one name stands for the other", _HALF_REVERSED, is_null_level=True),
            _DIFFERENT,
        ],
    ),
    "birth_date": (
        ("birth_date",),
        [
            _missing("birth_date"),
            _same("birth_date"),
            _level("one digit differs", _BY_LETTER.format("birth_date", 1)),
            _level(
                "day and month swapped",
                "birth_date_l = left(birth_date_r, 5) || right(birth_date_r, 2) || '-' || substr(birth_date_r, 6, 2)",
            ),
            _level("two digits differ", _BY_LETTER.format("birth_date", 2)),
            _DIFFERENT,
        ],
    ),
    "address": (
        _PLACE,
        [
            _level(
                "missing",
                " and ".join(f"({column}_l is null or {column}_r is null)" for column in _PLACE),
                is_null_level=True,
            ),
            _level("same", "street_l = street_r and postal_code_l = postal_code_r"),
            _level("same number, similar street, nearly the same place", f"{_SAME_HOUSE} and {_NEARLY_SAME_PLACE}"),
            _level("same number, similar street", _SAME_HOUSE),
            _level("similar street, nearly the same place", f"{_SIMILAR_STREET} and {_NEARLY_SAME_PLACE}"),
            _level("same postal code", "postal_code_l = postal_code_r"),
            _level("similar postal code and town", f"{_SIMILAR_POSTAL_CODE} and {_BY_NAME.format('city', 0.85)}"),
            _level("similar street", _SIMILAR_STREET),
            _same("city", "same town"),
            _DIFFERENT,
        ],
    ),
    "email": (
        ("email",),
        [
            _missing("email"),
            _same("email"),
            _level("same before the @", "split_part(email_l, '@', 1) = split_part(email_r, '@', 1)"),
            _level("two letters differ", _BY_LETTER.format("email", 2)),
            _DIFFERENT,
        ],
    ),
    "phone": (("phone",), [_missing("phone"), _same("phone"), _DIFFERENT]),
    "loyalty_id": (
        ("loyalty_id",),
        [
            _missing("loyalty_id"),
            _same("loyalty_id"),
            _level("one sign differs", _BY_LETTER.format("loyalty_id", 1)),
            _level("two signs differ", _BY_LETTER.format("loyalty_id", 2)),
            _DIFFERENT,
        ],
    ),
    "gender": (("gender",), [_missing("gender"), _same("gender"), _DIFFERENT]),
}
#: Pairs that are the same person by these are what the model learns from how one person's records differ.
_LEARNT_FROM = (
    ("email",),
    ("phone",),
    ("loyalty_id",),
    ("birth_date", "last_name"),
    ("birth_date", "first_name"),
    ("birth_date", "postal_code"),
    ("first_name", "last_name"),
    ("postal_code", "street"),
)
_SAME_PERSON = (
    ("email", "last_name"),
    ("phone", "last_name"),
    ("loyalty_id",),
    ("birth_date", "first_name", "last_name"),
    ("first_name", "last_name", "postal_code"),
)


def equal(columns: Collection[str]) -> str:
    """Return the condition that two records agree in all of some columns."""
    return " and ".join(f"l.{column} = r.{column}" for column in columns)


def learnt_from(filled: Collection[str]) -> list[str]:
    """Return the conditions under which the model is trained: their columns are filled, and others are compared."""
    compared = [set(columns) for columns, _ in COMPARISONS.values() if not set(columns).isdisjoint(filled)]
    return [
        equal(columns)
        for columns in _LEARNT_FROM
        if set(columns) <= set(filled) and any(thing.isdisjoint(columns) for thing in compared)
    ]


def same_person(filled: Collection[str]) -> list[str]:
    """Return conditions that hold for one person's records almost only; they tell how rare a match is."""
    return [equal(columns) for columns in _SAME_PERSON if set(columns) <= set(filled)]


def splink_settings(filled: Collection[str]) -> dict[str, Any]:
    """Return the settings of an untrained Splink model over the compared things whose columns are filled."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_key",
        "comparisons": [
            {"output_column_name": name, "comparison_levels": [dict(level) for level in levels]}
            for name, (columns, levels) in COMPARISONS.items()
            if not set(columns).isdisjoint(filled)
        ],
        "blocking_rules_to_generate_predictions": learnt_from(filled),
        "retain_intermediate_calculation_columns": False,
        "retain_matching_columns": False,
    }
