import hashlib
import random
from datetime import date

import networkx as nx
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.identity.match_settings import KINDS, MatchSettings
from crm_pipeline.identity.merges import LEDGER_SCHEMA
from crm_pipeline.identity.people import EDGE_SCHEMA, PERSON_MAP_SCHEMA
from crm_pipeline.identity.rules import CONFLICT_SCHEMA

UNLIMITED = MatchSettings(records_per_value=dict.fromkeys(KINDS, 10_000), unique_per_person=())

_records = st.integers(0, 25).map(lambda number: f"s{number % 3}|customer|{number}")
_values = st.one_of(
    st.tuples(st.just("email"), st.integers(0, 20).map("p{}@mail.example".format)),
    st.tuples(st.just("phone"), st.integers(0, 20).map("+4477009001{:02d}".format)),
    st.tuples(st.just("loyalty_id"), st.integers(10, 30).map("L{}".format)),
)
_rows = st.lists(
    st.tuples(_records, _values, st.integers(1, 4)).map(lambda row: (row[0], *row[1], row[2])), max_size=60
)


def _oracle(rows):
    """Connected components of the graph of records and values."""
    graph = nx.Graph()
    for record, kind, value, _ in rows:
        graph.add_edge(record, ("value", kind, value))
    return {
        frozenset(node for node in component if isinstance(node, str)) for component in nx.connected_components(graph)
    }


@settings(max_examples=25, deadline=None)
@given(rows=_rows)
def test_people_are_the_connected_components(resolve_rows, groups, rows):
    assert groups(resolve_rows(rows, UNLIMITED)) == _oracle(rows)


@settings(max_examples=15, deadline=None)
@given(rows=_rows, seed=st.integers())
def test_the_order_of_rows_does_not_matter(resolve_rows, rows, seed):
    shuffled = random.Random(seed).sample(rows, len(rows))
    one, other = resolve_rows(rows), resolve_rows(shuffled)
    for name, table in one.tables().items():
        assert table.equals(other.tables()[name]), name


@settings(max_examples=25, deadline=None)
@given(rows=_rows, later=_rows)
def test_new_records_never_change_an_untouched_persons_id(resolve_rows, people, groups, rows, later):
    later = [(f"new{record}", kind, value, delivery + 4) for record, kind, value, delivery in later]
    before, after = resolve_rows(rows), resolve_rows(rows + later)
    components = _oracle(rows + later)
    touched = set.union(set(), *(component for component in components if any("new" in r for r in component)))
    for record, person in people(before).items():
        if record not in touched:
            assert people(after)[record] == person
    # A person that only gained records keeps its id, too: the founding record is the oldest.
    for group in groups(before):
        joined = next(g for g in groups(after) if group & g)
        if group <= joined and not any(other <= joined for other in groups(before) - {group}):
            assert {people(after)[record] for record in group} == {people(before)[record] for record in group}


@settings(max_examples=25, deadline=None)
@given(rows=_rows)
def test_no_person_joins_records_with_different_loyalty_ids(resolve_rows, groups, rows):
    """Unless one record holds several itself, as the source says so."""
    result = resolve_rows(rows)
    held: dict[str, set[str]] = {}
    for record, kind, value, _ in rows:
        if kind == "loyalty_id":
            held.setdefault(record, set()).add(value)
    if any(len(values) > 1 for values in held.values()):
        return
    for group in groups(result):
        assert len(set.union(set(), *(held.get(record, set()) for record in group))) <= 1
    contradicting = sum(
        len(set.union(set(), *(held.get(record, set()) for record in component))) > 1 for component in _oracle(rows)
    )
    assert sum("hold" in problem for problem in result.conflicts["problem"].to_pylist()) == contradicting


def test_ids_come_from_the_founding_record_alone(resolve_rows):
    result = resolve_rows(
        [
            ("web|customer|9", "email", "ann@mail.example", 1),
            ("store|customer|1", "email", "ann@mail.example", 2),
            ("store|customer|2", "email", "bob@mail.example", 2),
        ]
    )
    rows = {row["record_id"]: row for row in result.person_map.to_pylist()}
    digest = hashlib.md5(b"web|customer|9").hexdigest()[:15]
    for record in ("web|customer|9", "store|customer|1"):
        assert rows[record]["customer_id"] == f"C{digest}"
        assert rows[record]["customer_key"] == int(digest, 16)
    assert rows["store|customer|2"]["linked_by"] == "alone"


def test_the_same_identifiers_give_the_same_tables_after_a_rebuild(resolve_rows):
    rows = [(f"s|customer|{i}", "email", f"p{i % 7}@mail.example", 1 + i % 3) for i in range(40)]
    assert resolve_rows(rows).person_map.equals(resolve_rows(rows).person_map)


def test_the_strongest_rule_is_the_one_named(resolve_rows):
    result = resolve_rows(
        [
            ("a|customer|1", "loyalty_id", "L77", 1),
            ("a|customer|1", "phone", "+447700900123", 1),
            ("b|customer|1", "loyalty_id", "L77", 1),
            ("b|customer|1", "phone", "+447700900123", 1),
            ("c|customer|1", "phone", "+447700900123", 1),
        ]
    )
    linked = {row["record_id"]: row["linked_by"] for row in result.person_map.to_pylist()}
    assert linked == {"a|customer|1": "loyalty_id", "b|customer|1": "loyalty_id", "c|customer|1": "phone"}


def test_a_value_on_too_many_records_links_nothing_and_is_listed(resolve_rows):
    rows = [(f"s|customer|{i}", "phone", "+447700900123", 1) for i in range(11)]
    assert resolve_rows(rows[:10]).figures.people == 1
    result = resolve_rows(rows)
    assert (result.figures.people, len(result.edges)) == (11, 0)
    (conflict,) = result.conflicts.to_pylist()
    assert conflict["records"] == 11
    assert conflict["value_hash"] == hashlib.md5(b"+447700900123").hexdigest()
    assert "limit of 10" in conflict["problem"]


def test_a_shared_value_costs_one_edge_per_further_record(resolve_rows):
    rows = [(f"s|customer|{i:02d}", "email", "ann@mail.example", 1) for i in range(20)]
    edges = resolve_rows(rows).edges.to_pylist()
    assert len(edges) == 19
    assert {edge["record_a"] for edge in edges} == {"s|customer|00"}
    assert {edge["value_hash"] for edge in edges} == {hashlib.md5(b"ann@mail.example").hexdigest()}


def test_the_weakest_link_between_two_loyalty_cards_is_cut_and_listed(resolve_rows, groups):
    household = [
        ("a|customer|1", "loyalty_id", "L1", 1),
        ("a|customer|1", "email", "home@mail.example", 1),
        ("b|customer|1", "loyalty_id", "L1", 1),
        ("b|customer|1", "phone", "+447700900123", 1),
        ("c|customer|1", "loyalty_id", "L2", 1),
        ("c|customer|1", "email", "home@mail.example", 1),
        ("c|customer|1", "phone", "+447700900123", 1),
    ]
    result = resolve_rows(household)
    assert groups(result) == {frozenset({"a|customer|1", "b|customer|1"}), frozenset({"c|customer|1"})}
    assert [edge["kind"] for edge in result.edges.to_pylist()] == ["loyalty_id"]
    (conflict,) = result.conflicts.to_pylist()
    assert (conflict["kind"], conflict["records"]) == ("loyalty_id", 3)
    assert "2 people" in conflict["problem"]


def test_a_record_with_two_loyalty_cards_is_listed_though_nothing_can_be_cut(resolve_rows):
    result = resolve_rows([("a|customer|1", "loyalty_id", "L1", 1), ("a|customer|1", "loyalty_id", "L2", 1)])
    assert result.figures.people == 1
    assert "no link could be cut" in result.conflicts["problem"][0].as_py()


def test_without_identifiers_the_tables_are_empty_and_keep_their_schema(resolve_rows):
    result = resolve_rows([])
    assert result.person_map.schema.equals(PERSON_MAP_SCHEMA)
    assert result.edges.schema.equals(EDGE_SCHEMA)
    assert result.conflicts.schema.equals(CONFLICT_SCHEMA)
    assert result.merge_ledger.schema.equals(LEDGER_SCHEMA)
    assert {len(table) for table in result.tables().values()} == {0}
    assert (result.figures.people, result.figures.linked_share, result.figures.person_sizes) == (0, 0.0, {})


def test_full_tables_have_the_schemas_of_the_empty_ones(resolve_rows):
    result = resolve_rows(
        [
            ("a|customer|1", "email", "ann@mail.example", 1),
            ("b|customer|1", "email", "ann@mail.example", 1),
            ("a|customer|1", "phone", "0000000", 1),
            ("b|customer|1", "phone", "0000000", 1),
            ("c|customer|1", "email", None, 1),
        ]
    )
    for name, table in resolve_rows([]).tables().items():
        assert result.tables()[name].schema.equals(table.schema), name
    assert result.figures.records == 3, "a record whose values are all missing is a person, too"
    assert result.figures.person_sizes == {1: 1, 2: 1}


def test_resolving_needs_no_right_to_write(tmp_path, resolve_rows):
    import duckdb

    from crm_pipeline.identity.resolve import resolve

    path = str(tmp_path / "w.duckdb")
    with duckdb.connect(path) as con:
        con.execute("create schema staging")
        con.execute(
            "create table staging.stg_identifiers as select 'a|customer|1' as record_id, 'a' as system, "
            "'email' as kind, 'ann@mail.example' as value, 1::bigint as first_load, null::timestamp as known_at"
        )
    with duckdb.connect(path, read_only=True) as con:
        result = resolve(con, MatchSettings(), None, None, date(2024, 1, 1))
    assert isinstance(result.person_map, pa.Table)
    assert len(result.person_map) == 1
