"""Which records have to be looked at again, so that what comes out is what looking at all of them would give.

Records hang together where they share a value, or a pair of them was scored, or somebody said so by hand. All that
hang together, directly or by way of others, are a component: nothing outside it can change who its people are. What a
run looks at are the components that a new, changed or removed record was in or comes into; the rest is carried over.
A first run looks at everything.

One thing reaches across components: a value on many records that links none of them, such as a telephone number that
somebody made up at the till. It ties nothing together as long as the records outside suffice to keep it silent.
"""

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.config.identity import KINDS, MatchSettings
from crm_pipeline.identity import memory
from crm_pipeline.identity.cluster import Links, connected
from crm_pipeline.identity.normalise import ENDING
from crm_pipeline.identity.numbers import whole_numbers
from crm_pipeline.identity.overrides import Overrides
from crm_pipeline.identity.profiles import MOST_CARRIERS

# Two spellings of one telephone number become one value only where both are looked at: they share an ending.
_KEY = f"hash(kind, case when kind = 'phone' then {ENDING.format('value')} else value end)"
_STAYS_SILENT = f"""
    count(*) > {MOST_CARRIERS}
    and (count(unusable) = count(*)
        or count(unusable) = 0 and count(distinct person) > ($limits::bigint[])[list_position($kinds::varchar[], kind)])
"""


def load_present(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> None:
    """Make the temporary table `present` of the records of `staging.stg_identifiers`.

    Each has a `record_key` of 60 bits, what the order of records goes by, and `content`: a hash of all that the stage
    reads of it and of what is said of it by hand.
    """
    said = overrides.said_of_records()
    columns = [pa.array(column, pa.string()) for column in (said.keys(), said.values())]
    con.register("said", pa.table(columns, names=["record_id", "entries"]))
    con.execute("""
        create temp table present as
        with joined as (
            select system, min(first_load) as joined_at from staging.stg_identifiers group by system
        ), identified as (
            -- A sum does not depend on the order of its parts.
            select record_id, min(first_load) as first_load, min(joined_at) as joined_at, min(known_at) as known_at,
                sum(hash(kind, value)) as identifiers, max(country) as country
            from staging.stg_identifiers join joined using (system) where record_id is not null group by record_id
        ), described as (
            select record_id, hash(first_name, last_name, birth_date, gender, street, postal_code, city) as profile
            from staging.stg_customers
        )
        select record_id, ('0x' || substr(md5(record_id), 1, 15))::bigint as record_key,
            first_load, joined_at, known_at,
            hash(first_load, joined_at, known_at, identifiers, country, profile, entries) as content
        from identified left join described using (record_id) left join said using (record_id)
    """)
    con.unregister("said")


def look_at_all(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> None:
    """Make the tables that the readers of identifiers and profiles need, as in a first run."""
    load_present(con, Overrides())
    memory.recall(con, None)
    find_dirty(con, settings)


def find_dirty(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> None:
    """Make the temporary tables `dirty` and `outside`, given `present` and what is known of the run before.

    `dirty` (record_key) holds the records that are looked at, and those that are no longer there. `outside` holds what
    the other records add to each value that stays silent: `records`, `people`, and why it is `unusable`.
    """
    con.execute("""
        create temp table dirty as
        select coalesce(present.record_key, known_records.record_key) as record_key
        from present full join known_records using (record_key)
        where present.content is distinct from known_records.content
    """)
    spread(con, settings, "from dirty")


def spread(con: duckdb.DuckDBPyConnection, settings: MatchSettings, reached: str) -> bool:
    """Add to `dirty` the components of the records that a query reaches; tell whether it grew.

    A value that the other records do not keep silent any longer reaches all that carry it.
    """
    before, now = -1, _count(con)
    start = now
    while before < now:
        con.execute(f"""
            insert into dirty
            with reached as ({reached}), components as (
                select distinct component from known_records semi join reached using (record_key)
            )
            select record_key from known_records
            semi join components using (component) anti join dirty using (record_key)
        """)
        _load_outside(con, settings)
        reached = "select record_key from known_silent anti join outside using (kind, value)"
        before, now = now, _count(con)
    return now > start


def spread_by_keys(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> bool:
    """Add to `dirty` what the values of the table `identifiers` reach; tell whether it grew."""
    keys = f"select distinct {_KEY} as key from identifiers"
    return spread(con, settings, f"select record_key from known_keys semi join ({keys}) using (key)")


def load_components(con: duckdb.DuckDBPyConnection, nodes: int, by_hand: Links) -> None:
    """Make the temporary tables `keys` (record_key, key) and `components` (record_key, component) of what is dirty.

    Needs `records`, `identifiers`, `silent` and `scored`.
    """
    con.execute(f"""
        create temp table keys as
        select distinct records.record_key, {_KEY} as key
        from identifiers join records using (node) anti join silent using (kind, value)
    """)
    pairs = whole_numbers(
        con,
        """
        select node as a, min(node) over (partition by key) as b from keys join records using (record_key)
        qualify a <> b
        union all select a, b from scored
        """,
    )
    founders = connected(nodes, np.concatenate([pairs["a"], by_hand.a]), np.concatenate([pairs["b"], by_hand.b]))
    con.register("founders", pa.table({"node": np.arange(nodes), "founder": founders}))
    con.execute("""
        create temp table components as
        select records.record_key, founder.record_key as component
        from founders join records using (node) join records as founder on founder.node = founders.founder
    """)
    con.unregister("founders")


def _load_outside(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> None:
    con.execute(
        f"""
        create or replace temp table outside as
        select kind, value, count(*) as records, max(unusable) as unusable, count(distinct person) as people
        from known_silent anti join dirty using (record_key)
        group by kind, value having {_STAYS_SILENT}
        """,
        {"limits": [settings.people_per_value[kind] for kind in KINDS], "kinds": list(KINDS)},
    )


def _count(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("select count(*) from dirty").fetchall()[0][0])
