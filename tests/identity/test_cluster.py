"""Groups of linked records, against oracles that are slow and simple."""

from collections import defaultdict

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.identity import cluster
from crm_pipeline.identity.cluster import Links, UniqueValues

NODES = 14
_links = st.lists(
    st.tuples(
        st.integers(0, NODES - 1), st.integers(0, NODES - 1), st.integers(0, 5), st.sampled_from([0.0, 1.5, 4.0])
    ).filter(lambda link: link[0] != link[1]),
    max_size=40,
)
_held = st.dictionaries(
    st.tuples(st.integers(0, NODES - 1), st.integers(1, 2)), st.sets(st.integers(0, 3), min_size=1, max_size=2)
)


def _made(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    links = Links(*(np.array(column, dtype=np.int64) for column in columns[:3]), np.array(columns[3], dtype=float))
    return links[links.order()]


def _unique(held):
    rows = np.array([(node, kind, value) for (node, kind), values in held.items() for value in values], dtype=np.int64)
    return UniqueValues(*rows.reshape(-1, 3).T)


def _graph(links):
    graph = nx.Graph()
    graph.add_nodes_from(range(NODES))
    graph.add_edges_from(zip(links.a.tolist(), links.b.tolist(), strict=True))
    return graph


def _partition(founders):
    groups = defaultdict(set)
    for node, founder in enumerate(founders.tolist()):
        groups[founder].add(node)
    return {frozenset(group) for group in groups.values()}


def _components(graph):
    return {frozenset(component) for component in nx.connected_components(graph)}


@settings(max_examples=25, deadline=None)
@given(rows=_links)
def test_groups_are_connected_components_named_by_their_oldest_record(rows):
    links = _made(rows)
    founders = cluster.connected(NODES, links.a, links.b)
    assert _partition(founders) == _components(_graph(links))
    assert all(founder == min(group) for group in _partition(founders) for founder in founders[list(group)])


@pytest.mark.parametrize("nodes", [0, 1, 3])
def test_without_links_each_record_is_a_group_of_its_own(nodes):
    none = np.zeros(0, dtype=np.int64)
    assert cluster.connected(nodes, none, none).tolist() == list(range(nodes))


@settings(max_examples=25, deadline=None)
@given(rows=_links)
def test_links_are_ordered_by_kind_then_weight_then_age(rows):
    links = _made(rows)
    found = list(
        zip(links.priority.tolist(), (-links.weight).tolist(), links.b.tolist(), links.a.tolist(), strict=True)
    )
    assert found == sorted(found)


def _kruskal(links, held):
    """Take the links one by one from the strongest on, each unless it joins two sides that hold different values."""
    forest, cut = nx.Graph(), []
    forest.add_nodes_from(range(NODES))
    for a, b in zip(links.a.tolist(), links.b.tolist(), strict=True):
        ours, theirs = nx.node_connected_component(forest, a), nx.node_connected_component(forest, b)
        if b in ours:
            continue
        for kind in (1, 2):
            one = set.union(set(), *(held.get((node, kind), set()) for node in ours))
            other = set.union(set(), *(held.get((node, kind), set()) for node in theirs))
            if one and other and not one & other:
                cut.append((a, b))
                break
        else:
            forest.add_edge(a, b)
    return forest, cut


@settings(max_examples=25, deadline=None)
@given(rows=_links, held=_held)
def test_a_division_takes_the_links_from_the_strongest_and_leaves_out_what_contradicts(rows, held):
    links = _made(rows)
    whole = cluster.connected(NODES, links.a, links.b)
    divided, contradictions, _ = cluster.separate(whole, links, _unique(held))
    forest, cut = _kruskal(links, held)
    values = defaultdict(set)
    for (node, kind), some in held.items():
        values[whole[node], kind] |= some
    assert sorted(sorted(found) for found in values.values() if len(found) > 1) == sorted(
        sorted(contradiction.values) for contradiction in contradictions
    )
    oracle = _components(forest)
    assert _partition(divided) == oracle
    # A record that holds two values itself joins what each of them holds.
    if all(len(some) == 1 for some in held.values()):
        assert all(divided[a] != divided[b] for a, b in cut)
        for group in oracle:
            for kind in (1, 2):
                assert len(set.union(set(), *(held.get((node, kind), set()) for node in group))) <= 1


def test_a_contradiction_says_how_many_records_and_people_there_were():
    links = _made([(0, 1, 1, 0.0), (1, 2, 2, 0.0), (3, 4, 1, 0.0)])
    held = {(0, 1): {7}, (2, 1): {9}, (3, 1): {7}, (4, 1): {7}}
    whole = cluster.connected(NODES, links.a, links.b)
    founders, (contradiction,), _ = cluster.separate(whole, links, _unique(held))
    assert founders.tolist()[:5] == [0, 0, 2, 3, 3]
    assert (contradiction.kind, contradiction.values) == (1, (7, 9))
    assert (contradiction.records, contradiction.people) == (3, 2)


def _larger_than(most):
    def too_large(founders):
        return np.flatnonzero(np.bincount(founders, minlength=NODES) > most)

    return too_large


@settings(max_examples=25, deadline=None)
@given(rows=_links, most=st.integers(2, 6))
def test_what_is_held_back_leaves_groups_within_limits_and_others_as_they_were(rows, most):
    links = _made(rows)
    kept, held = cluster.hold_back(NODES, links, _larger_than(most))
    before, after = _graph(links), _graph(links[kept])
    by_hand = _graph(links[links.priority == 0])
    assert kept[links.priority == 0].all()
    for group in _components(before):
        if len(group) <= most:
            assert group in _components(after), "a group within the limits keeps its links"
    for group in _components(after):
        assert len(group) <= most or nx.is_connected(by_hand.subgraph(group)), "only links by hand may make it larger"
    assert sum(group.links for group in held) == (~kept).sum()
    # The weakest kind goes first: what is left out is weaker than, or of the same kind as, all that was listed later.
    assert [group.priority for group in held] == sorted((group.priority for group in held), reverse=True)
    for group in held:
        assert group.records > most


def test_a_chain_of_a_thousand_probable_links_makes_no_giant_and_is_listed():
    nodes = np.arange(1_000)
    links = Links(nodes[:-1], nodes[1:], np.full(999, 5), np.full(999, 6.0))
    kept, (held,) = cluster.hold_back(
        1_000, links, lambda founders: np.flatnonzero(np.bincount(founders, minlength=1_000) > 200)
    )
    assert not kept.any()
    assert (held.founder, held.records, held.priority, held.links) == (0, 1_000, 5, 999)


def test_stronger_links_survive_where_the_weak_ones_alone_made_a_group_too_large():
    links = _made([(n, n + 1, 1 if n % 2 else 5, 3.0) for n in range(8)])
    kept, held = cluster.hold_back(NODES, links, _larger_than(4))
    assert set(links.priority[kept].tolist()) == {1}
    assert [(group.priority, group.links) for group in held] == [(5, 4)]
