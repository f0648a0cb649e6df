"""The veto by contradiction: who cannot be one person is linked by no e-mail address, no telephone and no probability.

A household shares an address, a phone number, a family name: its members agree in much, and only their first names and
birthdays speak against one person. Stronger identifiers, such as a loyalty card, are believed over a name.
"""

import duckdb

from crm_pipeline.identity.profiles import MOST_CARRIERS

#: Two named records contradict each other where the first names cannot be one name and nothing speaks for one birthday.
CONTRADICTION = """(
    l.first_name is not null and r.first_name is not null and not list_has_any(l.first_forms, r.first_forms)
    and jaro_winkler_similarity(l.first_name, r.first_name) < 0.75
    and l.first_name is distinct from r.last_name and r.first_name is distinct from l.last_name
    and coalesce(damerau_levenshtein(l.birth_date, r.birth_date) > 1, true)
)"""
#: What the members of a household share.
HOUSEHOLD_KINDS = ("email", "phone")


def load_together(con: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `together` of the pairs of named records that share a value of a household.

    It holds only the values under which some names contradict each other; `is_contradicting` tells which pairs' names.
    Needs `shared` and the tables of `load_identifiers` and `load_profiles`.
    """
    con.execute(
        f"""
        create temp table together as
        with named as (
            select shared.number, node, first_name, first_forms, last_name, birth_date
            from shared join identifiers using (kind, value) join records using (node) join profiles using (record_key)
            where list_contains($kinds, kind) and shared.unusable is null and shared.others is null
            qualify count(*) over (partition by shared.number) <= {MOST_CARRIERS}
        ), compared as (
            select l.number, l.node as a, r.node as b, {CONTRADICTION} as is_contradicting
            from named as l join named as r on l.number = r.number and l.node < r.node
        )
        select *, bool_or(is_contradicting) over (partition by number) as is_divided from compared
        qualify is_divided
        """,
        {"kinds": list(HOUSEHOLD_KINDS)},
    )


def load_scored(con: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `scored` (a, b, weight, is_contradicting) of the scored pairs, by number of record.

    Needs `scores`, `profiles` and `records`.
    """
    con.execute(f"""
        create temp table scored as
        with named as (
            select node, record_key, first_name, first_forms, last_name, birth_date
            from profiles join records using (record_key)
        )
        select least(l.node, r.node) as a, greatest(l.node, r.node) as b, weight,
            {CONTRADICTION} as is_contradicting
        from scores join named as l on l.record_key = scores.a join named as r on r.record_key = scores.b
    """)
