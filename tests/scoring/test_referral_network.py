"""The network of referrals: planted trees and circles, and networkx as the oracle of random ones."""

from datetime import date

import duckdb
import networkx as nx
import numpy as np
import pytest

from crm_pipeline.scoring.referrals import referral_network as network

AS_OF = date(2011, 6, 30)


def warehouse(brought, invitations=()):
    """A warehouse of (person, referrer, known since) and of accepted (referred, referrer, accepted on)."""
    connection = duckdb.connect()
    connection.execute("create schema customer")
    connection.execute("create table customer.customer_referrers (customer_key bigint, referrer_customer_key bigint)")
    connection.execute("create table customer.dim_customers (customer_key bigint, known_since date)")
    connection.execute(
        "create table customer.fct_referrals (referred_customer_key bigint, referrer_customer_key bigint, "
        "accepted_on date)"
    )
    for person, referrer, known_since in brought:
        connection.execute("insert into customer.customer_referrers values (?, ?)", [person, referrer])
        connection.execute("insert into customer.dim_customers values (?, ?)", [person, known_since])
    for row in invitations:
        connection.execute("insert into customer.fct_referrals values (?, ?, ?)", row)
    return connection


def rows(connection, as_of=AS_OF):
    return {row["customer_key"]: row for row in network.referral_network(connection, as_of).to_pylist()}


def random_referrals(seed, people=300):
    """Referrals of a random function from people to referrers: each person has one at most, circles included."""
    random = np.random.default_rng(seed)
    referred = random.permutation(people)[: people * 19 // 20]
    referrer = random.integers(0, people, len(referred))
    apart = referred != referrer
    return referred[apart] * 7 + 3, referrer[apart] * 7 + 3


def graph(found):
    """The forest as a networkx graph in which who was brought points to who brought them."""
    votes = nx.DiGraph()
    votes.add_nodes_from(found.keys.tolist())
    votes.add_edges_from(
        (int(key), int(found.keys[place])) for key, place in zip(found.keys, found.referrers, strict=True) if place >= 0
    )
    return votes


def test_a_planted_tree_is_measured():
    found = rows(warehouse([(2, 1, AS_OF), (3, 1, AS_OF), (4, 2, AS_OF), (9, 8, AS_OF)]))
    assert {key: (row["people_brought"], row["people_below"], row["levels_below"]) for key, row in found.items()} == {
        1: (2, 3, 2),
        2: (1, 1, 1),
        3: (0, 0, 0),
        4: (0, 0, 0),
        8: (1, 1, 1),
        9: (0, 0, 0),
    }
    assert {key: (row["community_id"], row["community_people"]) for key, row in found.items()} == {
        **dict.fromkeys((1, 2, 3, 4), (1, 4)),
        **dict.fromkeys((8, 9), (8, 2)),
    }


def test_the_referral_that_closes_a_circle_is_left_out():
    days = [date(2011, 1, day) for day in (1, 2, 3)]
    found = rows(warehouse([(2, 1, days[0]), (1, 3, days[2]), (3, 2, days[1])]))
    assert [found[key]["people_below"] for key in (1, 2, 3)] == [2, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_agree_with_networkx(seed):
    referred, referrer = random_referrals(seed)
    found = network.forest(referred, referrer)
    votes = graph(found)
    assert nx.is_forest(votes)
    circles = list(nx.simple_cycles(nx.DiGraph(zip(referred.tolist(), referrer.tolist(), strict=True))))
    assert len(votes.edges) == len(referred) - len(circles)

    below, depth = network.beneath(found)
    assert below.tolist() == [len(nx.ancestors(votes, key)) for key in found.keys.tolist()]
    brought = votes.reverse()
    farthest = [max(nx.single_source_shortest_path_length(brought, key).values()) for key in found.keys.tolist()]
    assert depth.tolist() == farthest

    ranks = nx.pagerank(votes, alpha=network.DAMPING, tol=1e-14, max_iter=1000)
    assert network.pagerank(found.referrers) == pytest.approx([ranks[key] for key in found.keys.tolist()], abs=1e-10)

    named = {key: (min(part), len(part)) for part in nx.weakly_connected_components(votes) for key in part}
    community, people = network.communities(found)
    assert list(zip(community.tolist(), people.tolist(), strict=True)) == [named[key] for key in found.keys.tolist()]


def test_some_of_the_random_networks_hold_circles():
    counts = [
        len(list(nx.simple_cycles(nx.DiGraph(zip(*map(np.ndarray.tolist, random_referrals(seed)), strict=True)))))
        for seed in range(5)
    ]
    assert max(counts) > 1


def test_ranks_add_up_to_one():
    ranks = network.pagerank(network.forest(*random_referrals(1)).referrers)
    assert ranks.sum() == pytest.approx(1)


def test_what_was_accepted_later_is_not_known():
    connection = warehouse(
        [(2, 1, date(2011, 1, 1)), (3, 1, date(2011, 1, 1)), (4, 1, date(2011, 7, 1))],
        [(2, 1, date(2011, 7, 1)), (3, 1, date(2011, 6, 30)), (3, 1, date(2011, 8, 1)), (4, 1, None)],
    )
    assert set(rows(connection)) == {1, 3}
    assert set(rows(connection, date(2011, 7, 1))) == {1, 2, 3, 4}


def test_the_order_of_rows_changes_nothing():
    brought = [(2, 1, AS_OF), (1, 3, AS_OF), (3, 2, AS_OF), (5, 4, AS_OF)]
    assert network.referral_network(warehouse(brought), AS_OF).equals(
        network.referral_network(warehouse(brought[::-1]), AS_OF)
    )


def test_without_referrals_the_table_is_empty_and_has_its_schema():
    table = network.referral_network(warehouse([]), AS_OF)
    assert len(table) == 0
    assert table.schema.equals(network.TABLE.schema)
