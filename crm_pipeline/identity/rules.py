"""The deterministic rules: which records are linked by which value, in order of trust, and which values are refused."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.config.identity import KINDS, MatchSettings
from crm_pipeline.identity.cluster import Links, connected
from crm_pipeline.identity.numbers import Nodes, whole_numbers
from crm_pipeline.identity.profiles import MOST_CARRIERS

#: What links records, strongest first: the position is the priority of a link.
LINK_KINDS = ("override", *KINDS, "probability")
CONFLICT_SCHEMA = pa.schema(
    [("kind", pa.string()), ("value_hash", pa.string()), ("records", pa.int64()), ("problem", pa.string())]
)
#: A conflict with the record that it is about.
ABOUT_SCHEMA = pa.schema([("record_key", pa.int64()), *CONFLICT_SCHEMA])


@dataclass(frozen=True)
class RuleLinks:
    """What the rules link.

    Attributes:
        links: the links.
        values: for each link the number of the value that makes it.
        refused: numbers of the values that more people share than their limit allows, and how many do.
        carriers: columns number, node and person of the records that carry a refused value.
        divided: numbers of the values that people with different names share.
    """

    links: Links
    values: Nodes
    refused: dict[int, int]
    carriers: Nodes
    divided: Nodes


def load_shared_values(con: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `shared`: the values that several records carry, numbered; `others` people are outside.

    Needs the tables of `changes` and `load_identifiers`.
    """
    con.execute(
        """
        create temp table shared as
        with carried as (
            select kind, value, count(*) as records, min(node) as first_node, max(unusable) as unusable
            from identifiers group by kind, value
        )
        select kind, value, coalesce(carried.records, 0) + coalesce(outside.records, 0) as records, first_node,
            greatest(carried.unusable, outside.unusable) as unusable, outside.people as others,
            list_position($kinds::varchar[], kind) as priority,
            row_number() over (order by priority, value) - 1 as number
        from carried full join outside using (kind, value)
        where coalesce(carried.records, 0) + coalesce(outside.records, 0) > 1
        """,
        {"kinds": list(KINDS)},
    )


def find_links(con: duckdb.DuckDBPyConnection, settings: MatchSettings, nodes: int) -> RuleLinks:
    """Link the records that share a usable value, kind by kind from the strongest.

    Each shared value is a star around the oldest record that carries it: n records cost n - 1 links, never n * n / 2. A
    value that people of different names share, as families do, links those alone whose names agree; a record without a
    name could belong to any of them.
    """
    carried = whole_numbers(
        con,
        """
        select shared.number, shared.priority, shared.first_node, identifiers.node
        from shared join identifiers using (kind, value) where shared.unusable is null
        order by shared.number, identifiers.node
        """,
    )
    pairs = whole_numbers(con, "select number, a, b, is_contradicting::int as contradicts from together order by all")
    divided = np.unique(pairs["number"])
    outside = whole_numbers(con, "select number, others from shared where others is not null and unusable is null")
    others = dict(zip(outside["number"].tolist(), outside["others"].tolist(), strict=True))
    labels = np.arange(nodes)
    refused: dict[int, int] = {}
    carriers: list[Nodes] = []
    found: list[tuple[Nodes, ...]] = []
    for priority, kind in enumerate(KINDS, start=1):
        rows = carried["priority"] == priority
        number, node, first = (carried[name][rows] for name in ("number", "node", "first_node"))
        crowded = _crowded(number, labels[node], settings.people_per_value[kind], others)
        refused |= crowded
        usable = ~np.isin(number, np.fromiter(crowded, dtype=np.int64, count=len(crowded)))
        carriers.append(np.column_stack([number, node, labels[node]])[~usable])
        star = usable & ~np.isin(number, divided) & (node != first)
        agreeing = np.isin(pairs["number"], number[usable]) & (pairs["contradicts"] == 0)
        ends_a = np.concatenate([first[star], pairs["a"][agreeing]])
        ends_b = np.concatenate([node[star], pairs["b"][agreeing]])
        made_by = np.concatenate([number[star], pairs["number"][agreeing]])
        found.append((ends_a, ends_b, np.full(len(ends_a), priority), made_by))
        labels = connected(nodes, *(np.concatenate([part[end] for part in found]) for end in (0, 1)))
    a, b, priorities, values = (np.concatenate(column) for column in zip(*found, strict=True))
    links = Links(a, b, priorities, np.zeros(len(a)))
    # Those that nobody carries who is looked at are refused as before.
    return RuleLinks(links, values, others | refused, np.concatenate(carriers), divided)


def _crowded(number: Nodes, label: Nodes, limit: int, others: dict[int, int]) -> dict[int, int]:
    """Return the values that more people than the limit carry, and how many people do."""
    # Only a value on more records than that can be on more people: few are.
    refused = np.fromiter(others, dtype=np.int64, count=len(others))
    rows = (np.bincount(number)[number] > limit) | np.isin(number, refused)
    pairs = np.unique(np.column_stack([number[rows], label[rows]]), axis=0)
    values, inside = np.unique(pairs[:, 0], return_counts=True)
    counted = zip(values.tolist(), inside.tolist(), strict=True)
    people = {value: count + others.get(value, 0) for value, count in counted}
    return {value: count for value, count in people.items() if count > limit}


def load_silent(con: duckdb.DuckDBPyConnection, found: RuleLinks) -> None:
    """Make the temporary table `silent` of the records that carry a value on many records that links none of them."""
    number, node, person = found.carriers.T
    con.register("carriers", pa.table({"number": number, "node": node, "person": person}))
    con.register("refused", pa.table({"number": pa.array(found.refused, pa.int64())}))
    con.execute(f"""
        create temp table silent as
        select records.record_key, kind, value, identifiers.unusable, person.record_key as person
        from shared join identifiers using (kind, value) join records using (node)
        left join carriers on carriers.number = shared.number and carriers.node = identifiers.node
        left join records as person on person.node = carriers.person
        where shared.records > {MOST_CARRIERS}
            and (shared.unusable is not null or shared.number in (select number from refused))
    """)
    con.unregister("carriers")
    con.unregister("refused")


def find_refused(con: duckdb.DuckDBPyConnection, found: RuleLinks) -> pa.Table:
    """Return the shared values that link nothing or only some, with the reason and the remedy; no value is shown.

    A value that is silent is about no record in particular: others than those looked at carry it, too.
    """
    con.register("refused", pa.table({"number": list(found.refused), "people": list(found.refused.values())},
                                     schema=pa.schema([("number", pa.int64()), ("people", pa.int64())])))  # fmt: skip
    con.register("divided", pa.table({"number": found.divided}))
    rows = con.sql(f"""
        select
            case when shared.records <= {MOST_CARRIERS} or unusable is null and refused.number is null
                then records.record_key end as record_key,
            kind, md5(value) as value_hash, shared.records,
            case
                when unusable = 'blocked' then format(
                    'The {{}} is a placeholder or blocked: it links none of the {{}} records that carry it. '
                    'Nothing to do, unless it is a real one.', replace(kind, '_', ' '), shared.records)
                when unusable = 'malformed' then format(
                    'The {{}} is not well formed: it links none of the {{}} records that carry it. '
                    'Correct it in the source.', replace(kind, '_', ' '), shared.records)
                when refused.number is not null then format(
                    '{{}} people share this {{}}, more than the limit: it links none of their {{}} records. Block the '
                    'value if it is nobody''s own, or raise people_per_value.',
                    refused.people, replace(kind, '_', ' '), shared.records)
                else format(
                    'People of different names share this {{}}: of the {{}} records that carry it, it links only those '
                    'whose names agree. Link records by hand if they are one person.',
                    replace(kind, '_', ' '), shared.records)
            end as problem
        from shared left join records on records.node = shared.first_node
        left join refused using (number) left join divided using (number)
        where unusable is not null or refused.number is not null or divided.number is not null
    """).to_arrow_table()
    con.unregister("refused")
    con.unregister("divided")
    return rows.cast(ABOUT_SCHEMA)


def find_unique_values(con: duckdb.DuckDBPyConnection, settings: MatchSettings, refused: dict[int, int]) -> pa.Table:
    """Return node, kind and value number of the usable values of which a person may hold one only."""
    con.register("refused", pa.table({"number": pa.array(refused, pa.int64())}))
    rows = con.sql(
        """
        select identifiers.node, list_position($kinds::varchar[], identifiers.kind) as priority,
            dense_rank() over (order by identifiers.kind, identifiers.value) - 1 as value_number,
            md5(identifiers.value) as value_hash
        from identifiers left join shared using (kind, value)
        where list_contains($unique::varchar[], identifiers.kind) and identifiers.unusable is null
            and coalesce(shared.number not in (select number from refused), true)
        order by identifiers.node, value_number
        """,
        params={"kinds": list(KINDS), "unique": list(settings.unique_per_person)},
    ).to_arrow_table()
    con.unregister("refused")
    return rows
