"""The network of referrals: what each person started, how deep it goes, and how central the person is.

Each person was brought by one other at most, so that accepted referrals form trees once the referral that would close
a circle is left out. Memory holds the edges alone, never people outside the network.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse
from scipy.sparse import csgraph

from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.table import AS_OF, PERSON, Column, ScoreTable

Ints = npt.NDArray[np.int64]

TABLE = ScoreTable(
    "referral_network",
    "One row per person who brought somebody or was brought: the tree below, PageRank, community.",
    (
        PERSON,
        AS_OF,
        Column.integer("people_brought", "People whom the person brought."),
        Column.integer("people_below", "People whom the person brought, or those whom they brought, and so on."),
        Column.integer("levels_below", "Over how many referrals the farthest of them came."),
        Column.number(
            "pagerank", "PageRank among all people of the network, where who was brought votes for who brought them."
        ),
        Column.integer("community_id", "Smallest customer key of the people who are joined by referrals."),
        Column.integer("community_people", "How many people they are."),
    ),
    key=("customer_key",),
)
"""One row per person who brought somebody or was brought, ordered by key."""

DAMPING = 0.85
_TOLERANCE, _ROUNDS, _DIGITS = 1e-12, 1000, 12

# A referral counts from its acceptance on; one that only a customer record tells, from the day the person was known.
_EDGES = """
    select brought.customer_key as referred, brought.referrer_customer_key as referrer
    from customer.customer_referrers as brought
    left join (
        select referred_customer_key, referrer_customer_key, min(accepted_on) as accepted_on
        from customer.fct_referrals
        where accepted_on is not null
        group by all
    ) as accepted
        on brought.customer_key = accepted.referred_customer_key
        and brought.referrer_customer_key = accepted.referrer_customer_key
    left join customer.dim_customers as people on brought.customer_key = people.customer_key
    where coalesce(accepted.accepted_on, people.known_since) <= $as_of
    order by coalesce(accepted.accepted_on, people.known_since), referred
"""


@dataclass(frozen=True)
class Forest:
    """People by ascending key, the place of who brought each (-1: nobody), and their level (0: brought by nobody)."""

    keys: Ints
    referrers: Ints
    levels: Ints


def referral_network(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Return the table `referral_network` of what was accepted up to a date."""
    edges = connection.sql(_EDGES, params={"as_of": as_of}).to_arrow_table()
    if not len(edges):
        return TABLE.empty()
    network = forest(edges["referred"].to_numpy(), edges["referrer"].to_numpy())
    below, depth = beneath(network)
    community, people = communities(network)
    return pa.table(
        {
            "customer_key": network.keys,
            "as_of_date": pa.repeat(pa.scalar(as_of, pa.date32()), len(network.keys)),
            "people_brought": np.bincount(network.referrers[network.referrers >= 0], minlength=len(network.keys)),
            "people_below": below,
            "levels_below": depth,
            "pagerank": np.round(pagerank(network.referrers), _DIGITS),
            "community_id": community,
            "community_people": people,
        }
    ).cast(TABLE.schema)


def forest(referred: Ints, referrer: Ints) -> Forest:
    """Return the trees of referrals.

    Args:
        referred: keys of the people who were brought, the earliest first, each once.
        referrer: who brought each; where people brought each other in a circle, the last referral is left out.
    """
    keys, places = np.unique(np.concatenate([referred, referrer]), return_inverse=True)
    people, parents = places[: len(referred)], places[len(referred) :]
    _, circles = csgraph.connected_components(
        sparse.csr_matrix((np.ones(len(people)), (people, parents)), (len(keys), len(keys))), connection="strong"
    )
    closing = np.flatnonzero(circles[people] == circles[parents])
    last = {circles[people[edge]]: edge for edge in closing}
    kept = np.setdiff1d(np.arange(len(people)), list(last.values()))
    referrers = np.full(len(keys), -1)
    referrers[people[kept]] = parents[kept]
    return Forest(keys, referrers, _levels(referrers))


def beneath(network: Forest) -> tuple[Ints, Ints]:
    """Return how many people each person brought in the end, by others too, and over how many levels."""
    people, depth = np.zeros(len(network.keys), np.int64), np.zeros(len(network.keys), np.int64)
    for level in range(network.levels.max(initial=0), 0, -1):
        members = np.flatnonzero(network.levels == level)
        np.add.at(people, network.referrers[members], people[members] + 1)
        np.maximum.at(depth, network.referrers[members], depth[members] + 1)
    return people, depth


def pagerank(referrers: Ints) -> Floats:
    """Return the PageRank (Page et al., 1999) of each person, where who was brought votes for who brought them."""
    count = len(referrers)
    brought = np.flatnonzero(referrers >= 0)
    rank = np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        votes = np.bincount(referrers[brought], weights=rank[brought], minlength=count)
        undecided = 1 - rank[brought].sum()
        after = DAMPING * (votes + undecided / count) + (1 - DAMPING) / count
        if np.abs(after - rank).sum() < _TOLERANCE:
            return after
        rank = after
    return rank


def communities(network: Forest) -> tuple[Ints, Ints]:
    """Return each person's community, named by its smallest key, and its number of people: a tree is a community."""
    brought = np.flatnonzero(network.referrers >= 0)
    size = len(network.keys)
    _, labels = csgraph.connected_components(
        sparse.csr_matrix((np.ones(len(brought)), (brought, network.referrers[brought])), (size, size)), directed=False
    )
    # Keys ascend, so that the first person of a label has its smallest key.
    _, first, people = np.unique(labels, return_index=True, return_counts=True)
    return network.keys[first][labels], people[labels]


def _levels(referrers: Ints) -> Ints:
    """Return how many referrals lie above each person, by jumps to the referrers' referrers."""
    levels, above = (referrers >= 0).astype(np.int64), referrers.copy()
    while (above >= 0).any():
        moving = np.flatnonzero(above >= 0)
        levels[moving] += levels[above[moving]]
        above[moving] = above[above[moving]]
    return levels
