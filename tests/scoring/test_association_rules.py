"""Association rules: the counts of a brute-force search, planted pairs on top, and no rule that chance could give."""

from collections import Counter
from datetime import date, timedelta
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.products import association_rules
from crm_pipeline.scoring.products.association_rules import TABLE, basket_rules, measures
from crm_pipeline.scoring.products.basket_chance import expected_together

AS_OF = date(2023, 6, 30)
SETTINGS = ScoringSettings(as_of=AS_OF)
PRODUCTS = 30
PLANTED = {(3, 17), (8, 21)}


def baskets(seed=1, count=1500):
    """Return sets of products drawn at random; 3 brings 17 and 8 brings 21 in every second basket."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        basket = set(random.choice(PRODUCTS, size=random.integers(1, 6), replace=False).tolist()) - {17, 21}
        basket |= {second for first, second in PLANTED if first in basket and random.random() < 0.5}
        made.append(basket)
    return [basket for basket in made if basket]


def warehouse(made, day=AS_OF, statuses=None, threads=2):
    connection = duckdb.connect(config={"threads": threads})
    rows = [(order, product, (statuses or {}).get(order, "completed")) for order, b in enumerate(made) for product in b]
    order, product, status = zip(*rows, strict=True) if rows else ((), (), ())
    lines = pa.table(
        {
            "order_key": pa.array(order, pa.int64()),
            "product_key": pa.array(product, pa.int64()),
            "status": pa.array(status, pa.string()),
            "ordered_on": pa.array([day] * len(rows), pa.date32()),
        }
    )
    connection.register("arrived", lines)
    connection.execute(
        "create schema customer;"
        "create table customer.fct_order_lines as select *, 'sale' as kind from arrived;"
        "create table customer.dim_products as select i as product_key, 'P' || i as product_id, "
        f"case when i <> 5 then 'Product ' || i end as product_name, 'Group ' || (i % 3) as category "
        f"from range({PRODUCTS}) as t(i)"
    )
    return connection


def counted(made):
    """Return the baskets of each item and of each pair, by looking at every pair of every basket."""
    return Counter(item for b in made for item in b), Counter(p for b in made for p in combinations(sorted(b), 2))


@pytest.fixture(scope="module")
def made():
    return baskets()


@pytest.fixture(scope="module")
def rules(made):
    return basket_rules(warehouse(made), SETTINGS)[0]


def products(table):
    frame = table.to_pandas().query("level == 'product'")
    return frame[frame["second_antecedent"].isna()]


def triples(table):
    frame = table.to_pandas().query("level == 'product'")
    return frame[frame["second_antecedent"].notna()]


def test_planted_pairs_have_the_highest_lift(rules):
    frame = products(rules)
    top = frame.head(4)[["antecedent_key", "consequent_key"]].astype(int)
    assert {tuple(sorted(pair)) for pair in top.to_numpy().tolist()} == PLANTED
    assert rules.schema.equals(TABLE.schema)


def test_every_figure_is_that_of_a_brute_force_count(made, rules):
    items, pairs = counted(made)
    assert len(rules)
    for rule in products(rules).to_dict("records"):
        one, other = int(rule["antecedent_key"]), int(rule["consequent_key"])
        both, share = pairs[tuple(sorted((one, other)))], items[other] / len(made)
        assert (rule["baskets"], rule["antecedent_baskets"]) == (both, items[one])
        assert (rule["consequent_baskets"], rule["all_baskets"]) == (items[other], len(made))
        assert rule["support"] == pytest.approx(both / len(made))
        assert rule["confidence"] == pytest.approx(both / items[one])
        assert rule["lift"] == pytest.approx(both / items[one] / share)
        if both == items[one]:
            assert np.isnan(rule["conviction"])
        else:
            assert rule["conviction"] == pytest.approx((1 - share) / (1 - both / items[one]))


def test_no_pair_that_passes_is_missing(made, monkeypatch):
    monkeypatch.setattr(association_rules, "MAX_CONSEQUENTS", 10**6)
    items, pairs = counted(made)
    tested = sorted(pair for pair, number in pairs.items() if number >= association_rules.MIN_BASKETS_OF_RULE)
    sizes = np.array(sorted(Counter(map(len, made)).items()), dtype=float)
    given = (np.array(sorted(items.values()), dtype=float), sizes[:, 0], sizes[:, 1])
    chance = []
    for one, other in tested:
        few, many = sorted((items[one], items[other]))
        by_size = expected_together(np.array([items[one]]), np.array([items[other]]), *given)[0]
        share = max(many / len(made), by_size / few)
        chance.append(stats.binomtest(pairs[one, other], few, share, alternative="greater").pvalue)
    kept = {
        pair
        for pair, q in zip(tested, stats.false_discovery_control(chance), strict=True)
        if q <= 0.01 and pairs[pair] * len(made) > items[pair[0]] * items[pair[1]]
    }
    frame = products(basket_rules(warehouse(made), SETTINGS)[0])
    found = {tuple(pair) for pair in frame[["antecedent_key", "consequent_key"]].astype(int).to_numpy().tolist()}
    assert found == kept | {pair[::-1] for pair in kept}


def test_the_test_is_never_laxer_than_fishers_exact_one():
    pairs = pa.table(
        {
            "antecedent": [1, 1, 2],
            "consequent": [2, 3, 3],
            "baskets": [18, 25, 60],
            "antecedent_baskets": [100, 100, 120],
            "consequent_baskets": [120, 90, 90],
            "all_baskets": [1000] * 3,
            "expected": [0.0] * 3,
        }
    )
    exact = stats.false_discovery_control(stats.hypergeom.sf([17, 24, 59], 1000, [100, 100, 120], [120, 90, 90]))
    kept = {tuple(sorted((rule["antecedent"], rule["consequent"]))) for rule in measures(pairs).to_pylist()}
    assert kept <= {(1, 2), (1, 3), (2, 3)} - {((1, 2), (1, 3), (2, 3))[i] for i in np.flatnonzero(exact > 0.01)}
    assert (2, 3) in kept


@given(
    st.integers(50, 5000).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(1, n), st.integers(1, n)).flatmap(
            lambda t: st.tuples(*map(st.just, t), st.integers(max(1, t[1] + t[2] - t[0]), min(t[1], t[2])))
        )
    )
)
def test_lift_is_the_same_both_ways_and_confidence_and_support_are_shares(counts):
    whole, left, right, both = counts
    names = ("antecedent", "consequent", "baskets", "antecedent_baskets", "consequent_baskets", "all_baskets")
    pairs = pa.table({name: [value] for name, value in zip(names, (1, 2, both, left, right, whole), strict=True)})
    pairs = pairs.append_column("expected", pa.array([0.0]))
    found = measures(pairs).to_pylist()
    assert len({rule["lift"] for rule in found}) <= 1
    assert {(rule["antecedent"], rule["consequent"]) for rule in found} in (set(), {(1, 2), (2, 1)})
    for rule in found:
        assert 0 < rule["support"] <= rule["confidence"] <= 1
        assert rule["conviction"] is None if rule["confidence"] == 1 else rule["conviction"] > 1


def test_independent_purchases_give_no_rule():
    random = np.random.default_rng(5)
    made = [set(np.flatnonzero(random.random(PRODUCTS) < 0.15).tolist()) for _ in range(2000)]
    assert len(products(basket_rules(warehouse(made), SETTINGS)[0])) == 0


def test_what_chance_lets_expect_is_what_shuffled_baskets_of_the_same_sizes_hold():
    random = np.random.default_rng(9)
    shares = np.arange(1, 13) ** -0.8
    sizes = random.integers(1, 8, 20000)
    made = [random.choice(12, size=size, replace=False, p=shares / shares.sum()) for size in sizes]
    held = np.zeros((len(made), 12))
    held[np.repeat(np.arange(len(made)), sizes), np.concatenate(made)] = 1
    together, counts = held.T @ held, held.sum(axis=0)
    one, other = np.triu_indices(12, 1)
    given = (np.sort(counts), np.arange(1.0, 8), np.bincount(sizes)[1:].astype(float))
    ratio = expected_together(counts[one], counts[other], *given) / together[one, other]
    assert ratio.min() > 0.9
    assert ratio.max() < 1.25


def test_baskets_of_very_different_sizes_alone_give_no_rule():
    random = np.random.default_rng(7)
    sizes = np.minimum(random.lognormal(1, 0.9, 3000).astype(int) + 1, PRODUCTS - 5)
    shares = (np.arange(1, PRODUCTS + 1) ** -0.7) / (np.arange(1, PRODUCTS + 1) ** -0.7).sum()
    made = [set(random.choice(PRODUCTS, size=size, replace=False, p=shares).tolist()) for size in sizes]
    table = basket_rules(warehouse(made), SETTINGS)[0]
    assert (len(products(table)), len(triples(table))) == (0, 0)


def test_a_third_that_only_two_together_bring_is_a_rule_of_three_and_what_pairs_tell_is_none():
    random = np.random.default_rng(8)
    made = []
    for _ in range(6000):
        basket = set(np.flatnonzero(random.random(PRODUCTS) < 0.08).tolist()) - {12, 20, 22}
        if random.random() < 0.1:
            basket |= {10, 11}
        if {10, 11} <= basket and random.random() < 0.6:
            basket |= {12}
        if random.random() < 0.15:  # 20 brings 21 and 22, each by itself
            basket |= {20} | {item for item in (21, 22) if random.random() < 0.5}
        made.append(basket)
    frame = triples(basket_rules(warehouse([basket for basket in made if basket]), SETTINGS)[0])
    items = ["antecedent_key", "second_antecedent_key", "consequent_key"]
    assert [10, 11, 12] in frame[items].astype(int).to_numpy().tolist()
    assert not set(frame["consequent_key"]) & {21, 22}
    assert {tuple(sorted(row)) for row in frame[items].astype(int).to_numpy().tolist()} <= {(10, 11, 12), (20, 21, 22)}
    rule = frame[frame["consequent_key"] == 12].iloc[0]
    both = [basket for basket in made if {10, 11} <= basket]
    assert (rule["antecedent_baskets"], rule["baskets"]) == (len(both), sum(12 in basket for basket in both))


def test_categories_form_rules_without_keys():
    random = np.random.default_rng(6)
    made = [{0, 1} if random.random() < 0.5 else {2} for _ in range(800)]
    frame = basket_rules(warehouse(made), SETTINGS)[0].to_pandas().query("level == 'category'")
    assert set(zip(frame["antecedent"], frame["consequent"], strict=True)) == {
        ("Group 0", "Group 1"),
        ("Group 1", "Group 0"),
    }
    assert frame["antecedent_key"].isna().all()
    assert frame["conviction"].isna().all()


def test_a_wholesale_basket_counts_for_nothing(made, rules, monkeypatch):
    monkeypatch.setattr(association_rules, "MAX_BASKET_ITEMS", 10)
    wholesale = [set(range(PRODUCTS))] * 50
    assert basket_rules(warehouse(made + wholesale), SETTINGS)[0].equals(rules)


def test_what_was_not_sold_or_lies_outside_the_window_counts_for_nothing(made, rules):
    order = len(made)
    cancelled = warehouse([*made, {1, 2}], statuses={order: "cancelled"})
    assert basket_rules(cancelled, SETTINGS)[0].equals(rules)
    for day in (AS_OF + timedelta(days=1), AS_OF - timedelta(days=730)):
        connection = warehouse(made)
        connection.execute(
            "insert into customer.fct_order_lines select $order, i, 'completed', $day, 'sale' from range(5) as t(i)",
            {"order": order, "day": day},
        )
        assert basket_rules(connection, SETTINGS)[0].equals(rules)


def test_a_line_twice_in_a_basket_counts_once(made, rules):
    connection = warehouse(made)
    connection.execute("insert into customer.fct_order_lines select * from customer.fct_order_lines")
    assert basket_rules(connection, SETTINGS)[0].equals(rules)


def test_each_antecedent_keeps_its_best_consequents(made, monkeypatch):
    monkeypatch.setattr(association_rules, "MAX_Q", 1.0)
    monkeypatch.setattr(association_rules, "MAX_CONSEQUENTS", 10**6)
    every = products(basket_rules(warehouse(made), SETTINGS)[0])
    monkeypatch.setattr(association_rules, "MAX_CONSEQUENTS", 2)
    best = products(basket_rules(warehouse(made), SETTINGS)[0])
    expected = every.groupby("antecedent_key").head(2).reset_index(drop=True)
    assert len(every) > len(best)
    assert best.reset_index(drop=True).equals(expected)


def test_threads_and_order_of_rows_change_nothing(made, rules):
    again = warehouse(made, threads=4)
    again.execute("create or replace table customer.fct_order_lines as from customer.fct_order_lines order by random()")
    assert basket_rules(again, SETTINGS)[0].equals(rules)


def test_a_product_without_a_name_goes_by_its_id(made):
    paired = [basket | ({6} if 5 in basket else set()) for basket in made]
    frame = products(basket_rules(warehouse(paired), SETTINGS)[0])
    assert set(frame.loc[frame["antecedent_key"] == 5, "antecedent"]) == {"P5"}


def test_too_few_baskets_are_insufficient_data(made):
    table, status, plots = basket_rules(warehouse(made[:60]), SETTINGS)
    assert status.status is Status.INSUFFICIENT_DATA
    assert status.reason.startswith("Needs 500 baskets in the last 730 days; has ")
    assert (len(table), plots) == (0, {})
    assert table.schema.equals(TABLE.schema)
