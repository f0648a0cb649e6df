import hashlib
import random
from datetime import date, datetime

import networkx as nx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.config.identity import KINDS, MatchSettings
from crm_pipeline.identity.merges import LEDGER_SCHEMA
from crm_pipeline.identity.people import EDGE_SCHEMA, PERSON_MAP_SCHEMA
from crm_pipeline.identity.resolve import resolve
from crm_pipeline.identity.review import REVIEW_SCHEMA
from crm_pipeline.identity.rules import CONFLICT_SCHEMA
from tests.identity.conftest import staged

UNLIMITED = MatchSettings(
    people_per_value=dict.fromkeys(KINDS, 10_000), values_per_person=dict.fromkeys(KINDS, 10_000), largest_person=10_000
)
ONE_CARD = MatchSettings(unique_per_person=("loyalty_id",))

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
    for record, kind, value, *_ in rows:
        graph.add_edge(record, ("value", kind, value))
    return {
        frozenset(node for node in component if isinstance(node, str)) for component in nx.connected_components(graph)
    }


def _edge_components(resolution):
    """Connected components of the evidence."""
    graph = nx.Graph()
    graph.add_nodes_from(resolution.person_map["record_id"].to_pylist())
    graph.add_edges_from((edge["record_a"], edge["record_b"]) for edge in resolution.edges.to_pylist())
    return {frozenset(component) for component in nx.connected_components(graph)}


@settings(max_examples=8, deadline=None)
@given(rows=_rows)
def test_people_are_the_connected_components(resolve_rows, groups, rows):
    assert groups(resolve_rows(rows, UNLIMITED)) == _oracle(rows)


@settings(max_examples=8, deadline=None)
@given(rows=_rows, unique=st.booleans(), largest=st.integers(2, 8))
def test_each_person_is_held_together_by_its_evidence_and_by_no_more(resolve_rows, groups, rows, unique, largest):
    limits = MatchSettings(unique_per_person=("loyalty_id",) if unique else (), largest_person=largest)
    result = resolve_rows(rows, limits)
    assert groups(result) == _edge_components(result)
    tied = {record for edge in result.edges.to_pylist() for record in (edge["record_a"], edge["record_b"])}
    alone = {row["record_id"] for row in result.person_map.to_pylist() if row["linked_by"] == "alone"}
    assert alone.isdisjoint(tied)
    assert alone | tied == {row[0] for row in rows}


@settings(max_examples=5, deadline=None)
@given(rows=_rows, seed=st.integers())
def test_the_order_of_rows_does_not_matter(resolve_rows, rows, seed):
    shuffled = random.Random(seed).sample(rows, len(rows))
    one, other = resolve_rows(rows), resolve_rows(shuffled)
    for name, table in one.tables().items():
        assert table.equals(other.tables()[name]), name


@settings(max_examples=8, deadline=None)
@given(rows=_rows, later=_rows)
def test_new_records_never_change_an_untouched_persons_id(resolve_rows, people, groups, rows, later):
    later = [(f"new{record}", kind, value, delivery + 4) for record, kind, value, delivery in later]
    before, after = resolve_rows(rows), resolve_rows(rows + later)
    components = _oracle(rows + later)
    touched = set.union(set(), *(component for component in components if any("new" in r for r in component)))
    for record, person in people(before).items():
        if record not in touched:
            assert people(after)[record] == person
    # A person that only gained records keeps its id, too: the founding record is of the system that joined first.
    for group in groups(before):
        joined = next(g for g in groups(after) if group & g)
        if group <= joined and not any(other <= joined for other in groups(before) - {group}):
            assert {people(after)[record] for record in group} == {people(before)[record] for record in group}


@settings(max_examples=5, deadline=None)
@given(rows=_rows, seed=st.integers())
def test_the_order_in_which_files_of_known_systems_arrive_changes_nothing(resolve_rows, people, groups, rows, seed):
    """Each system's first file comes at its time; all the others in any order."""
    joined = [(f"s{n}|customer|first", "email", f"first{n}@mail.example", n, datetime(2020, 1, 1)) for n in range(3)]
    known = [(*row[:3], 5, datetime(2020, 2, int(row[0].rsplit("|")[-1]) + 1)) for row in rows]
    rng = random.Random(seed)
    loads = rng.sample(range(5, 5 + len(known)), len(known))
    delivered = [(*row[:3], load, row[4]) for row, load in zip(known, loads, strict=True)]
    result = resolve_rows(joined + delivered, UNLIMITED)
    assert people(result) == people(resolve_rows(joined + known, UNLIMITED))
    # Where the systems themselves join in another order, people are the same, though founded by other records.
    turned = [(*row[:3], 4 - row[3], row[4]) for row in joined]
    assert groups(resolve_rows(turned + delivered, UNLIMITED)) == groups(result)


@settings(max_examples=8, deadline=None)
@given(rows=_rows)
def test_no_person_joins_records_with_different_loyalty_ids(resolve_rows, groups, rows):
    """Unless one record holds several itself, as the source says so."""
    result = resolve_rows(rows, ONE_CARD)
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


def test_two_loyalty_cards_are_one_person_unless_the_settings_say_otherwise(resolve_rows):
    rows = [
        ("a|customer|1", "loyalty_id", "L1", 1),
        ("a|customer|1", "email", "ann@mail.example", 1),
        ("b|customer|1", "loyalty_id", "L2", 1),
        ("b|customer|1", "email", "ann@mail.example", 1),
    ]
    assert (resolve_rows(rows).figures.people, len(resolve_rows(rows).conflicts)) == (1, 0)
    assert resolve_rows(rows, ONE_CARD).figures.people == 2


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


EARLY, LATE = datetime(2020, 1, 1), datetime(2021, 1, 1)


@pytest.mark.parametrize(
    ("web", "till", "founder"),
    [
        # (first load of the system, load of the record, known since)
        ((1, 4, LATE), (2, 2, EARLY), "web|customer|1"),
        ((2, 2, EARLY), (1, 4, LATE), "till|customer|1"),
        ((1, 4, LATE), (1, 2, EARLY), "till|customer|1"),
        ((1, 2, LATE), (1, 4, EARLY), "till|customer|1"),
        ((1, 4, EARLY), (1, 2, LATE), "web|customer|1"),
        ((1, 2, EARLY), (1, 1, EARLY), "till|customer|1"),
    ],
)
def test_the_founder_is_the_oldest_record_of_the_system_that_joined_first(resolve_rows, web, till, founder):
    rows = []
    for system, (joined, load, known) in (("web", web), ("till", till)):
        rows.append((f"{system}|customer|0", "email", f"{system}@mail.example", joined, known))
        rows.append((f"{system}|customer|1", "email", "ann@mail.example", load, known))
    people = {row["record_id"]: row["customer_key"] for row in resolve_rows(rows).person_map.to_pylist()}
    assert people["web|customer|1"] == int(hashlib.md5(founder.encode()).hexdigest()[:15], 16)


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


def test_a_value_that_too_many_people_share_links_nothing_and_is_listed(resolve_rows):
    rows = [(f"s|customer|{i}", "phone", "+447700900123", 1) for i in range(11)]
    assert resolve_rows(rows[:10]).figures.people == 1
    result = resolve_rows(rows)
    assert (result.figures.people, len(result.edges)) == (11, 0)
    (conflict,) = result.conflicts.to_pylist()
    assert (conflict["kind"], conflict["records"]) == ("phone", 11)
    assert conflict["value_hash"] == hashlib.md5(b"+447700900123").hexdigest()
    assert conflict["problem"].startswith("11 people share this phone, more than the limit")


def test_the_records_of_one_person_count_once_against_the_limit(resolve_rows):
    """One person's thirty guest orders with one address are no crowd."""
    rows = [(f"s|guest|{i}", "phone", "+447700900123", 1) for i in range(30)]
    by_mail = [(f"s|guest|{i}", "email", f"p{i % 10}@mail.example", 1) for i in range(30)]
    assert resolve_rows(rows).figures.people == 30
    assert resolve_rows(rows + by_mail).figures.people == 1
    assert resolve_rows([*rows, *by_mail, ("s|guest|99", "phone", "+447700900123", 1)]).figures.people == 11


def test_a_person_with_too_many_values_loses_the_weakest_links(resolve_rows, groups):
    rows = [("a|customer|1", "email", "ann@mail.example", 1)]
    for number in range(4):
        rows += [
            (f"b|customer|{number}", "email", "ann@mail.example", 1),
            (f"b|customer|{number}", "phone", f"+4477009001{number:02d}", 1),
            (f"c|customer|{number}", "phone", f"+4477009001{number:02d}", 1),
        ]
    assert resolve_rows(rows).figures.people == 1
    result = resolve_rows(rows, MatchSettings(values_per_person={"phone": 3}))
    assert result.figures.people == 9, "neither links by phone nor, as four numbers are left, those by e-mail"
    assert {row["kind"]: row["records"] for row in result.conflicts.to_pylist()} == {"phone": 9, "email": 5}


def test_a_shared_value_costs_one_edge_per_further_record(resolve_rows):
    rows = [(f"s|customer|{i:02d}", "email", "ann@mail.example", 1) for i in range(20)]
    edges = resolve_rows(rows).edges.to_pylist()
    assert len(edges) == 19
    assert {edge["record_a"] for edge in edges} == {"s|customer|00"}
    assert {edge["value_hash"] for edge in edges} == {hashlib.md5(b"ann@mail.example").hexdigest()}
    assert {edge["probability"] for edge in edges} == {None}


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
    result = resolve_rows(household, ONE_CARD)
    assert groups(result) == {frozenset({"a|customer|1", "b|customer|1"}), frozenset({"c|customer|1"})}
    assert [edge["kind"] for edge in result.edges.to_pylist()] == ["loyalty_id"]
    assert sorted(result.person_map["linked_by"].to_pylist()) == ["alone", "loyalty_id", "loyalty_id"]
    (conflict,) = result.conflicts.to_pylist()
    assert (conflict["kind"], conflict["records"]) == ("loyalty_id", 3)
    assert "2 people" in conflict["problem"]


def test_a_record_with_two_loyalty_cards_is_listed_though_nothing_can_be_cut(resolve_rows):
    rows = [("a|customer|1", "loyalty_id", "L1", 1), ("a|customer|1", "loyalty_id", "L2", 1)]
    result = resolve_rows(rows, ONE_CARD)
    assert result.figures.people == 1
    assert "no link could be cut" in result.conflicts["problem"][0].as_py()


FAMILY = [("web|customer|1", "Anna"), ("web|customer|2", "Bernard"), ("till|customer|1", "Ann"), ("till|guest|9", None)]


@pytest.mark.parametrize(("kind", "value"), [("email", "home@mail.example"), ("phone", "+447700900123")])
def test_what_a_family_shares_links_only_those_whose_names_agree(resolve_rows, groups, kind, value):
    rows = [(record, kind, value, 1) for record, _ in FAMILY]
    named = [{"record_id": record, "first_name": name, "last_name": "Holt"} for record, name in FAMILY if name]
    result = resolve_rows(rows, customers=named)
    assert groups(result) == {
        frozenset({"web|customer|1", "till|customer|1"}),
        frozenset({"web|customer|2"}),
        frozenset({"till|guest|9"}),
    }
    (conflict,) = result.conflicts.to_pylist()
    assert (conflict["kind"], conflict["records"]) == (kind, 4)
    assert "different names share this" in conflict["problem"]
    without_bernard = [row for row in rows if row[0] != "web|customer|2"]
    assert resolve_rows(without_bernard, customers=named).figures.people == 1


@pytest.mark.parametrize("kind", ["source_id", "loyalty_id"])
def test_a_stronger_identifier_links_whatever_the_names(resolve_rows, kind):
    rows = [(record, kind, "s|17", 1) for record, _ in FAMILY]
    named = [{"record_id": record, "first_name": name, "last_name": "Holt"} for record, name in FAMILY if name]
    assert resolve_rows(rows, customers=named).figures.people == 1


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ({"first_name": "Elizabeth"}, {"first_name": "Liz"}, True),
        ({"first_name": "José"}, {"first_name": "Jose"}, True),
        ({"first_name": "Jonathan"}, {"first_name": "Jonathon"}, True),
        ({"first_name": "Mary", "last_name": "Holt"}, {"first_name": "Holt", "last_name": "Mary"}, True),
        ({"first_name": "Mary", "last_name": "Holt"}, {"first_name": "Holt", "last_name": "Ott"}, True),
        ({"first_name": "Holt", "last_name": "Ott"}, {"first_name": "Mary", "last_name": "Holt"}, True),
        ({"first_name": "Mary"}, {"first_name": "Bernard"}, False),
        ({"first_name": "Mary"}, {"first_name": None}, True),
        (
            {"first_name": "Mary", "birth_date": date(1980, 1, 2)},
            {"first_name": "Bob", "birth_date": date(1980, 1, 2)},
            True,
        ),
        (
            {"first_name": "Mary", "birth_date": date(1980, 1, 2)},
            {"first_name": "Bob", "birth_date": date(1980, 1, 3)},
            True,
        ),
        (
            {"first_name": "Mary", "birth_date": date(1980, 1, 2)},
            {"first_name": "Bob", "birth_date": date(1995, 7, 9)},
            False,
        ),
        ({"first_name": "Mary", "birth_date": date(1980, 1, 2)}, {"first_name": "Bob"}, False),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_names_contradict_each_other_only_where_nothing_speaks_for_one_person(resolve_rows, one, other, agree, turned):
    named = [
        {"last_name": "Holt", **who, "record_id": f"s|customer|{n}"}
        for n, who in enumerate([other, one] if turned else [one, other])
    ]
    rows = [(f"s|customer|{n}", "email", "home@mail.example", 1) for n in range(2)]
    assert (resolve_rows(rows, customers=named).figures.people == 1) == agree


def test_without_identifiers_the_tables_are_empty_and_keep_their_schema(resolve_rows, model):
    result = resolve_rows([], model=model)
    assert result.person_map.schema.equals(PERSON_MAP_SCHEMA)
    assert result.edges.schema.equals(EDGE_SCHEMA)
    assert result.conflicts.schema.equals(CONFLICT_SCHEMA)
    assert result.review.schema.equals(REVIEW_SCHEMA)
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


def test_without_enough_profiles_the_rules_work_alone(resolve_rows):
    result = resolve_rows(
        [("a|customer|1", "email", "ann@mail.example", 1), ("b|customer|1", "email", "ann@mail.example", 1)],
        customers=[{"record_id": "a|customer|1", "first_name": "Ann"}],
    )
    assert (result.model, result.figures.people) == (None, 1)


def test_resolving_writes_nothing_into_the_staging_tables():
    rows = [(f"a|customer|{n}", "email", "ann@mail.example", 1) for n in range(3)]
    with staged(rows, [{"record_id": "a|customer|1", "first_name": "Ann"}]) as con:
        before = [con.sql(f"from staging.{name}").to_arrow_table() for name in ("stg_identifiers", "stg_customers")]
        result = resolve(con, MatchSettings(), "GB", date(2024, 1, 1))
        after = [con.sql(f"from staging.{name}").to_arrow_table() for name in ("stg_identifiers", "stg_customers")]
    assert before == after
    assert isinstance(result.person_map, pa.Table)
