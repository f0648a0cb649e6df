"""From identifiers and profiles to people: the order of the steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.config.identity import KINDS, MatchSettings
from crm_pipeline.identity import (
    bridges,
    candidates,
    changes,
    cluster,
    contradictions,
    memory,
    merges,
    outputs,
    people,
    probability,
    review,
    rules,
)
from crm_pipeline.identity.cluster import Links, UniqueValues
from crm_pipeline.identity.conflicts import (
    bridges_table,
    contradictions_table,
    held_back_table,
    nobodys_ids_table,
    unknown_records_table,
)
from crm_pipeline.identity.figures import Figures, describe
from crm_pipeline.identity.memory import Memory
from crm_pipeline.identity.normalise import load_identifiers
from crm_pipeline.identity.numbers import Nodes, whole_numbers
from crm_pipeline.identity.overrides import Overrides
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.profiles import load_profiles
from crm_pipeline.identity.rules import RuleLinks


@dataclass(frozen=True)
class Previous:
    """What the run before left: its tables by name, the model, and what it remembers. Nothing before the first one."""

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    model: Model | None = None
    memory: Memory | None = None


@dataclass(frozen=True)
class Resolution:
    """The outputs of the stage as Arrow tables, their figures, and what the next run starts from."""

    person_map: pa.Table
    edges: pa.Table
    conflicts: pa.Table
    review: pa.Table
    merge_ledger: pa.Table
    figures: Figures
    looked_at: int
    memory: Memory = field(repr=False)
    model: Model | None = field(default=None, repr=False)

    def tables(self) -> dict[str, pa.Table]:
        """Return the output tables by name."""
        return {name: getattr(self, name) for name in outputs.TABLES}


def resolve(
    con: duckdb.DuckDBPyConnection,
    settings: MatchSettings,
    region: str,
    as_of: date,
    overrides: Overrides | None = None,
    previous: Previous | None = None,
    seed: int = 0,
) -> Resolution:
    """Resolve the records of `staging.stg_identifiers` and `staging.stg_customers` into people.

    Args:
        con: A connection in which temporary and other tables may be made; none of them stays.
        settings: The limits of the rules, and the thresholds of probability.
        region: ISO country of phone numbers that are written without a country code.
        as_of: The date that the records are as of.
        overrides: Decisions by hand.
        previous: What the run before left: what has not changed since is carried over.
        seed: Of the training, if there is no model yet.

    Returns:
        The person map, the evidence, the conflicts, the pairs to review, the merge ledger with this run's moves.
    """
    overrides, previous = overrides or Overrides(), previous or Previous()
    with con.cursor() as work:
        changes.load_present(work, overrides)
        known = previous.memory if _is_usable(work, previous, settings, region) else None
        memory.recall(work, known)
        changes.find_dirty(work, settings)
        _load_reached(work, settings, region)
        profiles = load_profiles(work)
        model = previous.model
        if model is None and profiles >= settings.fewest_profiles:
            model = probability.train(work, seed)
        if changes.spread(work, settings, _score(work, settings, model)):
            _load_reached(work, settings, region)
        made = _people(work, settings, overrides, model)
        tables = outputs.join_carried(work, made, previous.tables if known else {})
        tables["merge_ledger"] = merges.append_moves(
            previous.tables.get("merge_ledger"),
            previous.tables.get("person_map"),
            tables["person_map"],
            as_of,
            made["person_map"],
        )
        remembered = memory.remember(work, memory.fingerprint(model, settings, region))
        looked_at = whole_numbers(work, "select count(*) as records from records")["records"]
    return Resolution(
        **tables,
        figures=describe(tables["person_map"], len(tables["conflicts"]), len(tables["review"])),
        looked_at=int(looked_at[0]),
        memory=remembered,
        model=model,
    )


def _load_reached(con: duckdb.DuckDBPyConnection, settings: MatchSettings, region: str) -> None:
    """Read the identifiers of what is looked at, until they reach nothing else.

    A value that is kept silent no longer links those who carry it, also to records that no change had reached.
    """
    load_identifiers(con, settings, region)
    while changes.spread_by_keys(con, settings):
        load_identifiers(con, settings, region)


def _is_usable(con: duckdb.DuckDBPyConnection, previous: Previous, settings: MatchSettings, region: str) -> bool:
    """Tell whether what is remembered fits: nothing else than records has changed, and no model is to be trained."""
    if previous.memory is None or previous.memory.made_of != memory.fingerprint(previous.model, settings, region):
        return False
    query = "select count(*) as named from staging.stg_customers where first_name is not null or last_name is not null"
    return previous.model is not None or whole_numbers(con, query)["named"][0] < settings.fewest_profiles


def _score(con: duckdb.DuckDBPyConnection, settings: MatchSettings, model: Model | None) -> str:
    """Make the table `scores` of the pairs from the review threshold on; return the query of what has changed in it."""
    candidates.load_blocks(con, settings.records_per_block)
    pairs = candidates.load_pairs(con, settings.records_per_block)
    if model and pairs:
        probability.score(con, model, probability.to_weight(settings.review))
    else:
        probability.score_nobody(con)
    con.execute("""
        create temp table scores as
        from known_scores anti join lost using (a, b) anti join pairs using (a, b)
            anti join stale on stale.record_key = a anti join stale as other on other.record_key = b
        union all by name from found
    """)
    return """
        with moved as (select a, b from found anti join known_scores using (a, b, weight) union all from lost)
        select a as record_key from moved union select b from moved
    """


def _people(
    con: duckdb.DuckDBPyConnection, settings: MatchSettings, overrides: Overrides, model: Model | None
) -> dict[str, pa.Table]:
    """Return the tables of the people whose records are looked at; leaves what is remembered of them."""
    keys = whole_numbers(con, "select record_key from records order by node")["record_key"]
    nodes = len(keys)
    contradictions.load_scored(con)
    rules.load_shared_values(con)
    contradictions.load_together(con)
    found = rules.find_links(con, settings, nodes)
    rules.load_silent(con, found)
    node_of = _named_records(con, overrides)
    by_hand = _links_by_hand(overrides, node_of)
    changes.load_components(con, nodes, by_hand)
    links, values = _all_links(by_hand, found, review.probable_links(con, settings.accept))
    kept, held = cluster.hold_back(nodes, links, _too_large(con, nodes, settings))
    links, values = links[kept], values[kept]
    unique = rules.find_unique_values(con, settings, found.refused)
    apart = _unique_values(unique, overrides, node_of)
    whole = cluster.connected(nodes, links.a, links.b)
    doubts = bridges.find_doubts(con, model, whole, links, settings.accept)
    founders, found_apart, bridged, links, values = _separate(whole, links, values, apart, doubts, found.divided)
    # A link whose two ends were separated is no evidence for a person.
    inside = founders[links.a] == founders[links.b]
    return {
        "person_map": people.person_map(con, founders, links[inside]),
        "edges": people.edges(con, links[inside], values[inside]),
        "conflicts": pa.concat_tables(
            [
                rules.find_refused(con, found),
                contradictions_table(found_apart, unique, keys),
                bridges_table(bridged, keys),
                held_back_table(held, keys),
                unknown_records_table(_unknown_records(con, overrides)),
                nobodys_ids_table(con),
            ]
        ),
        "review": review.review(con, founders, settings.accept),
    }


def _links_by_hand(overrides: Overrides, node_of: dict[str, int]) -> Links:
    stars = [[node_of[record] for record in link.records if record in node_of] for link in overrides.link]
    named = sorted({(min(star[0], other), max(star[0], other)) for star in stars for other in star[1:]})
    pairs = np.array([pair for pair in named if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)
    return Links(pairs[:, 0], pairs[:, 1], np.zeros(len(pairs), dtype=np.int64), np.zeros(len(pairs)))


def _all_links(by_hand: Links, found: RuleLinks, probable: Links) -> tuple[Links, Nodes]:
    """Return the links of all kinds, strongest first, and the values that make them."""
    links = Links.joined(by_hand, found.links, probable)
    values = np.concatenate([np.full(len(by_hand), -1), found.values, np.full(len(probable), -1)])
    order = links.order()
    return links[order], values[order]


def _separate(
    whole: Nodes, links: Links, values: Nodes, unique: UniqueValues, doubts: cluster.Doubts, divided: Nodes
) -> tuple[Nodes, list[cluster.Contradiction], list[cluster.Bridge], Links, Nodes]:
    """Divide the groups that may not be one person; also return the links and their values with those that it took.

    A shared value is a star around its oldest record. Those that are cut from it share the value all the same, and
    become a star of their own. A divided value links pairs, all that may be: there is nothing to add.
    """
    is_star = (values >= 0) & ~np.isin(values, divided)
    while True:
        founders, contradictions, bridged = cluster.separate(whole, links, unique, doubts)
        cut = is_star & (founders[links.a] != founders[links.b])
        _, oldest, star = np.unique(values[cut], return_index=True, return_inverse=True)
        middle = links.b[cut][oldest][star]
        others = np.flatnonzero(cut)[links.b[cut] != middle]
        if len(others) == 0:
            return founders, contradictions, bridged, links, values
        added = Links(middle[links.b[cut] != middle], links.b[others], links.priority[others], links.weight[others])
        is_star = np.concatenate([np.zeros(len(links), dtype=bool), np.ones(len(added), dtype=bool)])
        links, values = Links.joined(links, added), np.concatenate([values, values[others]])
        order = links.order()
        links, values, is_star = links[order], values[order], is_star[order]


def _named_records(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> dict[str, int]:
    """Return the number of each record that the overrides name, of those that are there."""
    named = sorted(overrides.records())
    rows = con.execute("select record_id, node from records where list_contains(?::varchar[], record_id)", [named])
    return {str(record): int(node) for record, node in rows.fetchall()}


def _unknown_records(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> list[str]:
    """Return the records that the overrides name and nobody delivers."""
    named = sorted(overrides.records())
    rows = con.execute("select record_id from present where list_contains(?::varchar[], record_id)", [named]).fetchall()
    return sorted(set(named) - {str(record) for (record,) in rows})


def _unique_values(unique: pa.Table, overrides: Overrides, node_of: dict[str, int]) -> UniqueValues:
    """Return what a person holds once: the values of unique kinds, and of each unlink entry the group."""
    apart = [
        (node_of[record], len(KINDS) + 1 + entry, number)
        for entry, unlink in enumerate(overrides.unlink)
        for number, group in enumerate(unlink.groups)
        for record in group
        if record in node_of
    ]
    columns = [unique[name].to_numpy().astype(np.int64) for name in ("node", "priority", "value_number")]
    rows = np.concatenate([np.column_stack(columns), np.array(apart, dtype=np.int64).reshape(-1, 3)])
    return UniqueValues(rows[:, 0], rows[:, 1], rows[:, 2])


def _too_large(con: duckdb.DuckDBPyConnection, nodes: int, settings: MatchSettings) -> cluster.TooLarge:
    """Return what says which groups have too many records, or too many values of a kind."""
    rows = whole_numbers(
        con,
        """
        select node, list_position($kinds::varchar[], kind) - 1 as kind, hash(value) % 9223372036854775807 as value
        from identifiers where unusable is null
        """,
        {"kinds": list(KINDS)},
    )
    node, kind, value = (rows[name] for name in ("node", "kind", "value"))
    limits = np.array([settings.values_per_person[name] for name in KINDS])

    def too_large(founders: Nodes) -> Nodes:
        size = np.bincount(founders, minlength=nodes)
        # A record by itself has no links to hold back. Counting with repeats is cheap and leaves few groups to look at.
        place = founders[node] * len(KINDS) + kind
        repeats = np.bincount(place, minlength=nodes * len(KINDS))[place]
        rows = (repeats > limits[kind]) & (size[founders[node]] > 1)
        held = np.unique(np.column_stack([place[rows], value[rows]]), axis=0)
        places, count = np.unique(held[:, 0], return_counts=True)
        many = places[count > limits[places % len(KINDS)]] // len(KINDS)
        return np.union1d(np.flatnonzero(size > settings.largest_person), many)

    return too_large
