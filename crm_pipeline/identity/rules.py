"""The deterministic rules: which records are linked by which value, in order of trust, and which values are refused."""

import duckdb
import pyarrow as pa

from crm_pipeline.identity.match_settings import KINDS, MatchSettings

LINK_SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("priority", pa.int64()), ("value_hash", pa.string())])
CONFLICT_SCHEMA = pa.schema(
    [("kind", pa.string()), ("value_hash", pa.string()), ("records", pa.int64()), ("problem", pa.string())]
)


def find_links(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> pa.Table:
    """Return the links that the rules make, as node numbers, strongest and oldest first.

    Each shared value is a star around the first record that carried it: n records cost n - 1 links, never n * n / 2.
    Needs the temporary tables of `load_identifiers`; leaves the table `shared` for `find_refused`.
    """
    limits = [settings.records_per_value[kind] for kind in KINDS]
    con.execute(
        """
        create temp table shared as
        select kind, value, count(*) as records, min(node) as first_node, max(unusable) as unusable,
            list_position($kinds::varchar[], kind) - 1 as priority,
            ($limits::bigint[])[list_position($kinds::varchar[], kind)] as record_limit
        from identifiers group by kind, value having count(*) > 1
        """,
        {"kinds": list(KINDS), "limits": limits},
    )
    links = con.sql("""
        select shared.first_node as a, identifiers.node as b, shared.priority, md5(shared.value) as value_hash
        from shared join identifiers using (kind, value)
        where shared.unusable is null and shared.records <= shared.record_limit
            and identifiers.node <> shared.first_node
        order by shared.priority, b, a, value_hash
    """)
    return links.to_arrow_table().cast(LINK_SCHEMA)


def find_refused(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the shared values that link nothing, with the reason and the remedy (conflicts; no value is shown)."""
    refused = con.sql("""
        select kind, md5(value) as value_hash, records,
            case unusable
                when 'blocked' then format(
                    'The {} is a placeholder or blocked: it links none of the {} records that carry it. '
                    'Nothing to do, unless it is a real one.', replace(kind, '_', ' '), records)
                when 'malformed' then format(
                    'The {} is not well formed: it links none of the {} records that carry it. '
                    'Correct it in the source.', replace(kind, '_', ' '), records)
                else format(
                    '{} records share this {}, more than the limit of {}: it links none of them. Block the value if it '
                    'is nobody''s own, or raise the limit records_per_value.',
                    records, replace(kind, '_', ' '), record_limit)
            end as problem
        from shared where unusable is not null or records > record_limit
        order by priority, records desc, value_hash
    """)
    return refused.to_arrow_table().cast(CONFLICT_SCHEMA)


def find_unique_values(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> pa.Table:
    """Return node, kind and value number of the usable values of which a person may hold one only."""
    return con.sql(
        """
        select identifiers.node, list_position($kinds::varchar[], identifiers.kind) - 1 as priority,
            dense_rank() over (order by identifiers.kind, identifiers.value) - 1 as value_number,
            md5(identifiers.value) as value_hash
        from identifiers left join shared using (kind, value)
        where list_contains($unique::varchar[], identifiers.kind) and identifiers.unusable is null
            and (shared.records is null or shared.records <= shared.record_limit)
        order by identifiers.node, value_number
        """,
        params={"kinds": list(KINDS), "unique": list(settings.unique_per_person)},
    ).to_arrow_table()
