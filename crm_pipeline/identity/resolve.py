"""From identifiers and profiles to people: the order of the steps."""

from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity import candidates, cluster, memory, merges, people, probability, review, rules
from crm_pipeline.identity.cluster import Links, UniqueValues
from crm_pipeline.identity.conflicts import contradictions_table, held_back_table, unknown_records_table
from crm_pipeline.identity.figures import Figures, describe
from crm_pipeline.identity.memory import Memory
from crm_pipeline.identity.normalise import load_identifiers, parsed_phones
from crm_pipeline.identity.numbers import Nodes, whole_numbers
from crm_pipeline.identity.overrides import Overrides
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.profiles import load_profiles
from crm_pipeline.identity.rules import RuleLinks
from crm_pipeline.matching import KINDS, MatchSettings


@dataclass(frozen=True)
class Previous:
    """What the run before left: nothing before the first one."""

    person_map: pa.Table | None = None
    merge_ledger: pa.Table | None = None
    model: Model | None = None
    memory: Memory | None = None
    phones: pa.Table | None = None


@dataclass(frozen=True)
class Resolution:
    """The outputs of the stage as Arrow tables, their figures, and what the next run starts from.

    `alone` holds the person maps (record_id, customer_id) that the rules and the probabilities give by themselves.
    """

    person_map: pa.Table
    edges: pa.Table
    conflicts: pa.Table
    review: pa.Table
    merge_ledger: pa.Table
    figures: Figures
    alone: dict[str, pa.Table] = field(default_factory=dict, repr=False)
    model: Model | None = field(default=None, repr=False)
    memory: Memory | None = field(default=None, repr=False)
    phones: pa.Table | None = field(default=None, repr=False)

    def tables(self) -> dict[str, pa.Table]:
        """Return the output tables by name."""
        names = ("person_map", "edges", "conflicts", "review", "merge_ledger")
        return {name: getattr(self, name) for name in names}


def resolve(
    con: duckdb.DuckDBPyConnection,
    settings: MatchSettings,
    region: str,
    as_of: date,
    overrides: Overrides | None = None,
    previous: Previous | None = None,
    seed: int = 0,
    each_alone: bool = False,
) -> Resolution:
    """Resolve the records of `staging.stg_identifiers` and `staging.stg_customers` into people.

    Args:
        con: A connection in which temporary and other tables may be made; none of them stays.
        settings: The limits of the rules, and the thresholds of probability.
        region: ISO country of phone numbers that are written without a country code.
        as_of: The date that the records are as of.
        overrides: Decisions by hand.
        previous: What the run before left.
        seed: Of the training, if there is no model yet.
        each_alone: Whether to say as well what the rules and the probabilities give by themselves.

    Returns:
        The person map, the evidence, the conflicts, the pairs to review, the merge ledger with this run's moves.
    """
    overrides, previous = overrides or Overrides(), previous or Previous()
    with con.cursor() as work:
        load_identifiers(work, settings, region, previous.phones)
        profiles = load_profiles(work)
        nodes = int(work.execute("select count(*) from records").fetchall()[0][0])
        model = previous.model
        if model is None and profiles >= settings.fewest_profiles:
            model = probability.train(work, seed)
        remembered = _score(work, settings, model, previous.memory)
        rules.load_shared_values(work)
        found = rules.find_links(work, settings, nodes)
        node_of = _named_records(work, overrides)
        links, values = _all_links(work, settings, found, overrides, node_of)
        kept, held = cluster.hold_back(nodes, links, _too_large(work, nodes, settings))
        links, values = links[kept], values[kept]
        unique = rules.find_unique_values(work, settings, found.refused)
        apart = _unique_values(unique, overrides, node_of)
        founders, contradictions, links, values = _separate(nodes, links, values, apart, found.divided)
        # A link whose two ends were separated is no evidence for a person.
        inside = founders[links.a] == founders[links.b]
        alone = _each_alone(work, nodes, links) if each_alone else {}
        person_map = people.person_map(work, founders, links[inside])
        evidence = people.edges(work, links[inside], values[inside])
        conflicts = pa.concat_tables(
            [
                rules.find_refused(work, found),
                contradictions_table(contradictions, unique),
                held_back_table(held),
                unknown_records_table(sorted(overrides.records() - set(node_of))),
            ]
        )
        to_review = review.review(work, founders, settings.accept)
        phones = parsed_phones(work, region)
    return Resolution(
        person_map=person_map,
        edges=evidence,
        conflicts=conflicts,
        review=to_review,
        merge_ledger=merges.append_moves(previous.merge_ledger, previous.person_map, person_map, as_of),
        figures=describe(person_map, len(conflicts), len(to_review)),
        alone=alone,
        model=model,
        memory=remembered,
        phones=phones,
    )


def _score(
    con: duckdb.DuckDBPyConnection, settings: MatchSettings, model: Model | None, known: Memory | None
) -> Memory | None:
    """Score the pairs of profiles that are worth it and not known yet; leaves the table `scored`."""
    wanted = memory.fingerprint(model, settings) if model else ""
    memory.recall(con, known, wanted)
    remembered = None
    if model:
        candidates.load_blocks(con, settings.records_per_block)
        if candidates.load_pairs(con):
            probability.score(con, model, probability.to_weight(settings.review))
        remembered = memory.remember(con, wanted)
    review.load_scored(con)
    return remembered


def _all_links(
    con: duckdb.DuckDBPyConnection,
    settings: MatchSettings,
    found: RuleLinks,
    overrides: Overrides,
    node_of: dict[str, int],
) -> tuple[Links, Nodes]:
    """Return the links of all kinds, strongest first, and the values that make them."""
    stars = [[node_of[record] for record in link.records if record in node_of] for link in overrides.link]
    named = sorted({(min(star[0], other), max(star[0], other)) for star in stars for other in star[1:]})
    pairs = np.array([pair for pair in named if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)
    by_hand = Links(pairs[:, 0], pairs[:, 1], np.zeros(len(pairs), dtype=np.int64), np.zeros(len(pairs)))
    probable = review.probable_links(con, settings.accept)
    links = Links.joined(by_hand, found.links, probable)
    values = np.concatenate([np.full(len(by_hand), -1), found.values, np.full(len(probable), -1)])
    order = links.order()
    return links[order], values[order]


def _separate(
    nodes: int, links: Links, values: Nodes, unique: UniqueValues, divided: Nodes
) -> tuple[Nodes, list[cluster.Contradiction], Links, Nodes]:
    """Divide the groups that may not be one person; also return the links and their values with those that it took.

    A shared value is a star around its oldest record. Those that are cut from it share the value all the same, and
    become a star of their own. A divided value links pairs, all that may be: there is nothing to add.
    """
    whole = cluster.connected(nodes, links.a, links.b)
    is_star = (values >= 0) & ~np.isin(values, divided)
    while True:
        founders, contradictions = cluster.separate(whole, links, unique)
        cut = is_star & (founders[links.a] != founders[links.b])
        _, oldest, star = np.unique(values[cut], return_index=True, return_inverse=True)
        middle = links.b[cut][oldest][star]
        others = np.flatnonzero(cut)[links.b[cut] != middle]
        if len(others) == 0:
            return founders, contradictions, links, values
        added = Links(middle[links.b[cut] != middle], links.b[others], links.priority[others], links.weight[others])
        is_star = np.concatenate([np.zeros(len(links), dtype=bool), np.ones(len(added), dtype=bool)])
        links, values = Links.joined(links, added), np.concatenate([values, values[others]])
        order = links.order()
        links, values, is_star = links[order], values[order], is_star[order]


def _each_alone(con: duckdb.DuckDBPyConnection, nodes: int, links: Links) -> dict[str, pa.Table]:
    """Return the people that each of the two ways to link would make of the records by itself."""
    probable = links.priority == len(rules.LINK_KINDS) - 1
    maps = {}
    for name, chosen in (("rules", ~probable), ("probability", probable)):
        founders = cluster.connected(nodes, links.a[chosen], links.b[chosen])
        maps[name] = people.person_map(con, founders, links[chosen]).select(["record_id", "customer_id"])
    return maps


def _named_records(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> dict[str, int]:
    """Return the number of each record that the overrides name, of those that are there."""
    named = sorted(overrides.records())
    rows = con.execute("select record_id, node from records where list_contains(?::varchar[], record_id)", [named])
    return {str(record): int(node) for record, node in rows.fetchall()}


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
