"""Why records are one person: the best chain, the weights behind a probability, and nobody's values unasked."""

import math
import re
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import networkx as nx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.closeup import Closeup, Weight, look_closely
from crm_pipeline.identity.comparisons import splink_settings
from crm_pipeline.identity.explain import Edge, Explanation, chains, explain
from crm_pipeline.identity.explain_report import percent, render
from crm_pipeline.identity.lookup import UnknownNameError, check_records
from crm_pipeline.identity.people import founder_of
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.review import by_value
from crm_pipeline.identity.rules import LINK_KINDS
from crm_pipeline.identity.waterfall import page, waterfall
from tests.identity.conftest import resolved, staged

PRIOR = 1 / 1024
#: Probability of each level among matches and among others: the weight of a level is the log2 of their ratio.
M_AND_U = {"same": (0.8, 0.0125), "slightly misspelt": (0.4, 0.025), "missing": None}
OTHER_LEVEL = (0.05, 0.4)


def model_by_hand() -> Model:
    """A model over names and birth dates whose weights can be told by heart: 6 bits for what is the same."""
    described = splink_settings(["first_name", "last_name", "birth_date", "phone"])
    for comparison in described["comparisons"]:
        for level in comparison["comparison_levels"]:
            if not level.get("is_null_level"):
                level["m_probability"], level["u_probability"] = M_AND_U.get(level["label_for_charts"]) or OTHER_LEVEL
    described["probability_two_random_records_match"] = PRIOR
    return Model(described, {"first_name": {"ann": 0.0125}, "last_name": {}, "city": {}, "birth_date": {}}, 320)


ANN, ANNE, GUEST, BEA = "till|customer|1", "office|customer|2", "shop|guest|3", "till|customer|4"
CUSTOMERS = [
    {"record_id": ANN, "first_name": "Ann", "last_name": "Miller", "birth_date": date(1980, 5, 17)},
    {"record_id": ANNE, "first_name": "Ann", "last_name": "Miler", "birth_date": date(1980, 5, 17)},
    {"record_id": BEA, "first_name": "Bea", "last_name": "Stone", "postal_code": "B1 2CD"},
]
ROWS = [
    (ANN, "email", "ann@mail.example", 1),
    (GUEST, "email", "ann@mail.example", 1),
    (ANN, "phone", "0000000", 1),
    (BEA, "phone", "0000000", 1),
    (ANNE, "phone", "020 7946 0123", 2),
    ("shop|guest|5", "phone", "+44 20 7946 0123", 2),
    (BEA, "email", "bea@mail.example", 1),
]
SETTINGS = MatchSettings()
#: Start at 1 in 1,024, so -10; first name and birth date are the same, the last name has a slip.
BITS = math.log2(PRIOR / (1 - PRIOR)) + 6 + 4 + 6


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return resolved(ROWS, customers=CUSTOMERS, model=model_by_hand()).tables()


@pytest.fixture(scope="module")
def person(tables) -> str:
    return next(row["customer_id"] for row in tables["person_map"].to_pylist() if row["record_id"] == ANN)


def look(records, pairs=(), model=None) -> Closeup:
    with staged(ROWS, CUSTOMERS) as con:
        return look_closely(con, SETTINGS, "GB", model, records, pairs)


@pytest.fixture(scope="module")
def closeup() -> Closeup:
    return look([ANN, ANNE, GUEST, "shop|guest|5"], [(ANN, ANNE), (ANNE, ANN)], model_by_hand())


@pytest.fixture(scope="module")
def explanation(tables, person, closeup) -> Explanation:
    return explain(tables, person, None, closeup.identifiers)


def test_each_record_is_explained_by_the_link_that_ties_it(explanation):
    kinds = {frozenset((step.record, step.before)): step.edge.kind for step in explanation.steps if step.edge}
    assert kinds == {
        frozenset((ANN, GUEST)): "email",
        frozenset((ANN, ANNE)): "probability",
        frozenset((ANNE, "shop|guest|5")): "phone",
    }


def test_of_a_record_only_its_own_chain_is_told(tables, person):
    founder = founder_of(person, tables["person_map"]["record_id"].to_pylist())
    told = explain(tables, person, ANNE, ())
    assert [step.record for step in told.steps] == [founder, ANN, ANNE]
    assert told.records == 4


def test_the_weights_of_a_link_are_those_of_the_model_and_add_up_to_its_probability(closeup, tables):
    weights = closeup.weights[ANN, ANNE]
    assert [(weight.thing, weight.level, round(weight.bits, 6)) for weight in weights] == [
        ("start", "two records at random", round(math.log2(PRIOR / (1 - PRIOR)), 6)),
        ("first_name", "same", 6),
        ("last_name", "slightly misspelt", 4),
        ("birth_date", "same", 6),
        ("phone", "missing", 0),
    ]
    (edge,) = [row for row in tables["edges"].to_pylist() if row["kind"] == "probability"]
    assert edge["probability"] == pytest.approx(1 / (1 + 2**-BITS))


def test_a_rare_name_says_more():
    rare = model_by_hand()
    rare.frequencies["first_name"]["ann"] = 0.0125 / 4
    (weight,) = [
        weight
        for weight in look([ANN, ANNE], [(ANN, ANNE)], rare).weights[ANN, ANNE]
        if weight.thing == "first_name, how frequent"
    ]
    assert (weight.level, weight.bits) == ("rarer than usual", pytest.approx(2))


def test_values_stand_in_the_order_of_the_pair(closeup):
    for pair, names in (((ANN, ANNE), ("miller", "miler")), ((ANNE, ANN), ("miler", "miller"))):
        (weight,) = [weight for weight in closeup.weights[pair] if weight.thing == "last_name"]
        assert weight.values == names


def test_a_phone_is_read_as_in_the_whole_though_its_twin_is_on_another_record(tables):
    hashes = {row["value_hash"] for row in tables["edges"].to_pylist() if row["kind"] == "phone"}
    assert {value_hash for kind, value_hash in look([ANNE]).identifiers if kind == "phone"} == hashes


def test_a_value_that_too_many_carry_says_as_little_as_in_the_whole():
    """The phones of the two records agree; the other carriers, who are not asked about, decide what that means."""
    phones = {}
    for carriers in (2, 102):
        rows = [(record, "phone", "+44 20 7946 0777", 1) for record in (ANN, ANNE)]
        rows += [(f"shop|guest|many{number}", "phone", "020 79460777", 1) for number in range(2, carriers)]
        with staged(rows, CUSTOMERS) as con:
            seen = look_closely(con, SETTINGS, "GB", model_by_hand(), [ANN, ANNE], [(ANN, ANNE)])
        phones[carriers] = [weight.level for weight in seen.weights[ANN, ANNE] if weight.thing == "phone"]
    assert phones == {2: ["same"], 102: ["missing"]}


def test_conflicts_of_what_the_records_carry_are_listed_and_no_others(explanation, tables, person):
    assert len(explanation.conflicts) == 1
    assert "placeholder" in explanation.conflicts[0]
    assert explain(tables, person, None, look([GUEST]).identifiers).conflicts == ()


def test_a_conflict_over_several_values_concerns_whoever_carries_one(tables, person):
    conflict = {"kind": "loyalty_id", "value_hash": "aaa+bbb", "records": 2, "problem": "two cards"}
    conflicts = pa.Table.from_pylist([conflict], tables["conflicts"].schema)
    told = explain({**tables, "conflicts": conflicts}, person, None, {("loyalty_id", "bbb")})
    assert told.conflicts == ("two cards",)
    assert explain({**tables, "conflicts": conflicts}, person, None, {("email", "bbb")}).conflicts == ()


def test_pairs_for_review_name_the_other_person(tables, person):
    pair = {
        "record_a": BEA,
        "record_b": GUEST,
        "customer_id_a": "Cother",
        "customer_id_b": person,
        "probability": 0.7,
        "reason": "Between the thresholds.",
    }
    review = pa.Table.from_pylist([pair, {**pair, "customer_id_b": "Cthird"}], tables["review"].schema)
    (doubt,) = explain({**tables, "review": review}, person, None, ()).doubts
    assert (doubt.record, doubt.other_record, doubt.other_customer_id) == (GUEST, BEA, "Cother")


PERSONAL = re.compile(r"ann@|miller|miler|7946|1980", re.IGNORECASE)


@pytest.mark.parametrize("write", [render, lambda told, seen, values: page(told, seen, 0.95, values)])
def test_no_value_of_a_record_is_told_unless_it_is_asked_for(explanation, closeup, write):
    assert not PERSONAL.search(write(explanation, closeup, False))
    shown = write(explanation, closeup, True)
    assert {"ann@mail.example", "miler", "+442079460123", "1980-05-17"} <= set(re.findall(r"[\w@.+-]+", shown))


def test_the_text_reads_as_a_tree_with_kinds_and_percents(explanation, closeup):
    lines = render(explanation, closeup, False).splitlines()
    text = "\n".join(lines)
    assert lines[0] == f"{explanation.customer_id}: 4 records, the founding one first"
    assert lines[2] == explanation.steps[0].record
    assert sum(line.lstrip("│ ").startswith(("├─", "└─")) for line in lines) == 3
    assert f"by probability, {100 / (1 + 2**-BITS):.1f} %" in text
    assert re.search(r"last name: slightly misspelt +\+4\.0", text)
    assert f"{BITS:+.1f} bits" in text


def test_without_the_model_the_text_says_so(explanation):
    assert "No weights" in render(explanation, Closeup(), False)


def test_weights_of_another_model_than_the_link_are_told_to_be_so(explanation, closeup):
    (edge,) = (step.edge for step in explanation.steps if step.edge and step.edge.kind == "probability")
    pair = (edge.record_a, edge.record_b)
    changed = Closeup(closeup.identifiers, {pair: (Weight("start", "two records at random", 1.0),)})
    assert "have changed" in render(explanation, changed, False)
    assert "have changed" not in render(explanation, closeup, False)


@pytest.mark.parametrize(("probability", "text"), [(0.5, "50.0 %"), (0.9994, "99.9 %"), (1.0, "over 99.9 %")])
def test_no_probability_is_shown_as_certainty(probability, text):
    assert percent(probability) == text


class Resources(HTMLParser):
    """What a page asks the network for."""

    def __init__(self):
        super().__init__()
        self.asked, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.asked += [value for name, value in attributes if name in ("src", "href", "action", "data")]


def test_the_page_needs_no_network_and_has_a_waterfall_per_probability(explanation, closeup):
    parser = Resources()
    parser.feed(page(explanation, closeup, 0.95, True))
    assert parser.asked == []
    assert parser.tags.count("svg") == 1
    assert not {"script", "link", "img", "iframe"} & set(parser.tags)


def test_what_records_hold_is_escaped(explanation, closeup):
    pair = next(iter(closeup.weights))
    nasty = tuple(Weight("last_name", "same", 1.0, ("<script>", "&")) for _ in range(2))
    both = {pair: nasty, pair[::-1]: nasty}
    assert "<script>" not in page(explanation, Closeup({}, both), 0.95, True)


def test_bars_of_a_waterfall_begin_where_the_one_before_ends():
    weights = [Weight("start", "random", -8.0), Weight("email", "same", 12.0), Weight("phone", "different", -1.5)]
    bars = re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', waterfall(weights, 0.95))
    (start, email, phone, total) = [(float(x), float(x) + float(width)) for x, width in bars]
    assert email[0] == start[0], "the way down from even odds ends where the way up begins"
    assert phone[1] == pytest.approx(email[1], abs=0.2)
    assert total == pytest.approx((start[1], phone[0]), abs=0.2)
    scale = (start[1] - start[0]) / 8
    assert (email[1] - email[0]) / scale == pytest.approx(12, abs=0.1)


EDGES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from(LINK_KINDS), st.floats(0.5, 1.0)), max_size=20
)


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_chains_reach_all_linked_records_and_avoid_weak_links_where_they_can(drawn):
    """The weakest link of a chain is no weaker than on the path through the strongest links, which networkx finds."""
    edges = [
        Edge(f"r{a}", f"r{b}", kind, None, share if kind == "probability" else None) for a, b, kind, share in drawn
    ]
    graph = nx.Graph([("r0", "r0")])
    for edge in edges:
        rank = LINK_KINDS.index(edge.kind)
        known = graph.get_edge_data(edge.record_a, edge.record_b, {}).get("rank", rank)
        graph.add_edge(edge.record_a, edge.record_b, rank=min(rank, known))
    reached = nx.node_connected_component(graph, "r0")
    steps = {step.record: step for step in chains("r0", edges)}
    assert set(steps) == reached
    tree = nx.minimum_spanning_tree(graph.subgraph(reached), weight="rank")
    for record in reached - {"r0"}:
        path = nx.shortest_path(tree, "r0", record)
        weakest = max(tree.edges[pair]["rank"] for pair in pairwise(path))
        at, worst = steps[record], 0
        while at.edge:
            worst, at = max(worst, LINK_KINDS.index(at.edge.kind)), steps[at.before]
        assert worst == weakest


def test_among_chains_of_the_same_kinds_the_more_probable_one_counts():
    edges = [
        Edge("a", "b", "probability", None, 0.96),
        Edge("b", "d", "probability", None, 0.96),
        Edge("a", "c", "probability", None, 0.99),
        Edge("c", "d", "probability", None, 0.99),
    ]
    assert {step.record: step.before for step in chains("a", edges)}["d"] == "c"


def test_review_is_ordered_by_the_smaller_of_the_two_revenues_then_by_probability(tables):
    def pair(one, other, probability):
        return {
            "record_a": f"{one}|1",
            "record_b": f"{other}|1",
            "customer_id_a": one,
            "customer_id_b": other,
            "probability": probability,
            "reason": "",
        }

    pairs = [pair("A", "B", 0.6), pair("B", "C", 0.7), pair("A", "C", 0.8), pair("A", "D", 0.9)]
    stakes = by_value(pa.Table.from_pylist(pairs, tables["review"].schema), {"A": 900.0, "B": 50.0, "C": 70.0})
    assert [(stake.customer_id_a, stake.customer_id_b, stake.value) for stake in stakes] == [
        ("A", "C", 70.0),
        ("B", "C", 50.0),
        ("A", "B", 50.0),
        ("A", "D", 0.0),
    ]


def test_of_close_names_the_one_that_ends_with_the_given_one_comes_first():
    names = ["12a", "12b", "till|customer|12", "till|customer|99"]
    person_map = pa.table({"record_id": names, "customer_id": ["C1"] * len(names)})
    with pytest.raises(UnknownNameError, match=r"Did you mean 'till\|customer\|12' or '12a' or '12b'\?"):
        check_records(person_map, ["12"])
