"""Which person or which records somebody means, and what comes close where there are none of that name."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

_SUGGESTIONS = 3


class UnknownNameError(ValueError):
    """No record, or no person, has that name; the message suggests those that come close."""


def find_person(person_map: pa.Table, name: str) -> tuple[str, str | None]:
    """Return the person of that id, or the person of that record and the record.

    Raises:
        UnknownNameError: if there is neither.
    """
    if len(person_map.filter(pc.equal(person_map["customer_id"], name))):
        return name, None
    people = person_map.filter(pc.equal(person_map["record_id"], name))["customer_id"].to_pylist()
    if not people:
        raise UnknownNameError(f"There is no person and no record '{name}'. {_remedy(person_map, name, 'customer_id')}")
    return people[0], name


def check_records(person_map: pa.Table, records: Sequence[str]) -> None:
    """Refuse names that are not those of different records.

    Raises:
        UnknownNameError: if one of them is no record, or all of them are the same.
    """
    there = set(person_map.filter(pc.is_in(person_map["record_id"], pa.array(records)))["record_id"].to_pylist())
    for name in records:
        if name not in there:
            raise UnknownNameError(f"There is no record '{name}'. {_remedy(person_map, name)}")
    if len(set(records)) < 2:
        raise UnknownNameError("That is one record only. Name at least two.")


def _remedy(person_map: pa.Table, name: str, *further: str) -> str:
    close = _close_names(person_map, name, ("record_id", *further))
    if not close:
        return "Records are named system|customer|id, as in identity.person_map."
    return "Did you mean " + " or ".join(f"'{found}'" for found in close) + "?"


def _close_names(person_map: pa.Table, name: str, columns: Sequence[str]) -> list[str]:
    """Return the names that end with the given one, then those in which few letters differ."""
    with duckdb.connect() as con:
        con.register("person_map", person_map)
        names = " union ".join(f"select {column} as name from person_map" for column in columns)
        rows = con.execute(
            f"""
            with measured as materialized (
                select name, ends_with(lower(name), '|' || lower($given)) as is_end,
                    levenshtein(lower(name), lower($given)) as distance
                from ({names})
                where is_end or abs(length(name) - length($given)) <= $most
            )
            select name from measured where is_end or distance <= $most
            order by is_end desc, distance, name limit {_SUGGESTIONS}
            """,
            {"given": name, "most": max(2, len(name) // 4)},
        ).fetchall()
    return [str(found) for (found,) in rows]
