"""Association rules: which products, and which categories, are bought in one basket more often than by chance.

A basket is an order with its completed sales of the last `WINDOW_DAYS`. Support = share of baskets with both sides,
confidence = share of the antecedent's baskets that hold the consequent too, lift = confidence / share of baskets with
the consequent, conviction = (1 - that share) / (1 - confidence) (Brin et al., Dynamic Itemset Counting, SIGMOD 1997).
A rule is kept when its lift is above 1 and a one-sided binomial test says so at a false discovery rate of `MAX_Q` over
all pairs tested (Benjamini and Hochberg, 1995); of an antecedent's rules the `MAX_CONSEQUENTS` of highest lift. The
test asks for more than baskets of the same sizes would hold by chance: where some baskets are large, everything meets
everything more often than its share. Rules of two antecedents are those of `basket_triples`.

What it costs is bounded: only the `MAX_ITEMS` items in most baskets form pairs, and baskets with more than
`MAX_BASKET_ITEMS` different ones, which are wholesale and say little of what goes together, are left out of all counts.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy import stats

from crm_pipeline.faults import guard
from crm_pipeline.scoring.model import Floats, ScoringSettings
from crm_pipeline.scoring.outcome import ModelStatus, Status
from crm_pipeline.scoring.products import basket_triples
from crm_pipeline.scoring.products.basket_chance import expected_together
from crm_pipeline.scoring.table import AS_OF, Column, Mart, ScoreTable
from crm_pipeline.show.plots import curve

TABLE = ScoreTable(
    "basket_rules",
    "One row per rule of products or categories: who takes one also takes the other.",
    (
        AS_OF,
        Column.text("level", "product or category.", required=True),
        Column.integer("antecedent_key", "Product that is bought; empty for categories."),
        Column.text("antecedent", "Product or category that is bought.", required=True),
        Column.integer("second_antecedent_key", "Product that is bought too, where two things lead to a third."),
        Column.text("second_antecedent", "Product or category that is bought too; empty where one leads to another."),
        Column.integer("consequent_key", "Product that is bought with it or them; empty for categories."),
        Column.text("consequent", "Product or category that is bought with it or them.", required=True),
        Column.integer("baskets", "Baskets that hold all of the rule."),
        Column.integer("antecedent_baskets", "Baskets that hold the antecedent, or both antecedents."),
        Column.integer("consequent_baskets", "Baskets that hold the consequent."),
        Column.integer("all_baskets", "All baskets of the window."),
        Column.number("support", "Share of all baskets that hold all of the rule."),
        Column.number("confidence", "Share of the antecedents' baskets that hold the consequent."),
        Column.number("lift", "Confidence against the consequent's share of all baskets."),
        Column.number("conviction", "How much more often the rule would fail by chance; empty where it never fails."),
        Column.number("q_value", "False discovery rate at which the rule still counts."),
    ),
    key=(
        "level",
        "antecedent_key",
        "antecedent",
        "second_antecedent_key",
        "second_antecedent",
        "consequent_key",
        "consequent",
    ),
    mart=Mart("products"),
)
"""One row per rule and level (`product` or `category`), the highest lift first; the keys are those of products and
empty for categories. `conviction` is empty where the consequent is never missing."""

NAME = "basket_rules"
LEVELS = ("product", "category")
WINDOW_DAYS = 730
MAX_ITEMS, MAX_BASKET_ITEMS = 2_000, 100
MIN_BASKETS, MIN_BASKETS_OF_RULE, MAX_Q, MAX_CONSEQUENTS, MAX_TRIPLES = 500, 10, 0.01, 5, 2_000
_DIGITS = 12

_TURNED = {
    "antecedent": "consequent",
    "consequent": "antecedent",
    "antecedent_baskets": "consequent_baskets",
    "consequent_baskets": "antecedent_baskets",
}
_ITEM = {"product": "lines.product_key", "category": "products.category"}
_SIDES = ("antecedent", "second_antecedent", "consequent")
# One row per item of a basket that counts, and of those the items in most baskets.
_KEPT = """
    create or replace temp table kept as
    with items as (
        select distinct lines.order_key, {item} as item
        from customer.fct_order_lines as lines
        inner join customer.dim_products as products on lines.product_key = products.product_key
        where lines.kind = 'sale' and lines.status = 'completed' and {item} is not null
            and lines.ordered_on <= $cutoff and lines.ordered_on > $cutoff::date - $window::int
    ),
    small as (
        select order_key from items group by order_key having count(*) <= $most
    )
    select items.* from items semi join small on items.order_key = small.order_key
"""
_BASKETS = """
    create or replace temp table baskets as
    with counted as (
        select item, count(*) as baskets from kept group by item having count(*) >= $least
        order by baskets desc, item
        limit $top
    )
    select kept.* from kept semi join counted on kept.item = counted.item
"""
_SIZES = """
    select size::double as size, count(*)::double as baskets
    from (select count(*) as size from kept group by order_key)
    group by size order by size
"""
# One row per pair of items that meet often enough, with the counts that all measures follow from.
_PAIRS = """
    with counted as (
        select item, count(*) as baskets from baskets group by item
    ),
    pairs as (
        select one.item as antecedent, other.item as consequent, count(*) as baskets
        from baskets as one
        inner join baskets as other on one.order_key = other.order_key and one.item < other.item
        group by one.item, other.item
        having count(*) >= $least
    )
    select pairs.*, one.baskets as antecedent_baskets, other.baskets as consequent_baskets,
        (select count(distinct order_key) from kept) as all_baskets
    from pairs
    inner join counted as one on pairs.antecedent = one.item
    inner join counted as other on pairs.consequent = other.item
    order by pairs.antecedent, pairs.consequent
"""
_PAIRS_AT_ONCE = 50_000


def basket_rules(
    connection: duckdb.DuckDBPyConnection, settings: ScoringSettings
) -> tuple[pa.Table, ModelStatus, Mapping[str, str]]:
    """Return the table `basket_rules`, its status, and plots by title."""
    baskets = connection.sql(
        "select count(distinct order_key) from customer.fct_order_lines where kind = 'sale' and status = 'completed' "
        "and product_key is not null and ordered_on <= $cutoff and ordered_on > $cutoff::date - $window::int",
        params={"cutoff": settings.as_of, "window": WINDOW_DAYS},
    ).fetchall()[0][0]
    if baskets < MIN_BASKETS:
        reason = f"Needs {MIN_BASKETS} baskets in the last {WINDOW_DAYS} days; has {baskets}."
        return TABLE.empty(), ModelStatus(NAME, Status.INSUFFICIENT_DATA, reason), {}
    names = _product_names(connection)
    table = pa.concat_tables([_rules(connection, level, settings.as_of, names) for level in LEVELS])
    points = {
        level: sorted({(one["support"], one["lift"]) for one in table.to_pylist() if one["level"] == level})
        for level in LEVELS
    }
    title = f"{NAME}: lift by support"
    plots = guard.drawn({title: lambda: curve(title, "support", "lift", points)} if len(table) else {})
    return table, ModelStatus(NAME, Status.OK, champion="pairs", trained_on=settings.as_of), plots


def measures(pairs: pa.Table) -> pa.Table:
    """Return the rules of the pairs that pass the test, in both directions, the highest lift first, ties by the items.

    Args:
        pairs: columns antecedent, consequent, baskets, antecedent_baskets, consequent_baskets, all_baskets, expected.
    """
    forward = passed(pairs)
    turned = [_TURNED.get(name, name) for name in forward.column_names]
    rules = pa.concat_tables([forward, forward.rename_columns(turned).select(forward.column_names)])
    return _measured(_best_of_each(rules))


def passed(rules: pa.Table) -> pa.Table:
    """Return the rules that chance and the sizes of baskets do not explain, with lift and false discovery rate."""
    both, left, right, whole = _counts(rules)
    fewer = np.minimum(left, right) if "second_antecedent" not in rules.column_names else left
    # The test draws the baskets with replacement: a little stricter than Fisher's, and for pairs the same both ways.
    share = np.maximum(rules["expected"].to_numpy(), left * right / whole) / fewer
    chance = stats.binom.sf(both - 1, fewer, np.minimum(share, 1))
    q_value = stats.false_discovery_control(chance) if len(chance) else chance
    lift = np.round(both * whole / (left * right), _DIGITS)
    rules = rules.append_column("lift", pa.array(lift)).append_column("q_value", pa.array(q_value))
    return rules.filter(pa.array((lift > 1) & (q_value <= MAX_Q)))


def _measured(rules: pa.Table) -> pa.Table:
    both, left, right, whole = _counts(rules)
    with np.errstate(divide="ignore"):
        conviction = (1 - right / whole) / (1 - both / left)
    return (
        rules.append_column("support", pa.array(both / whole))
        .append_column("confidence", pa.array(both / left))
        .append_column("conviction", pa.array(conviction, mask=both == left))
    )


def _counts(pairs: pa.Table) -> tuple[Floats, Floats, Floats, Floats]:
    both, left, right, whole = (
        pairs[name].to_numpy().astype(np.float64)
        for name in ("baskets", "antecedent_baskets", "consequent_baskets", "all_baskets")
    )
    return both, left, right, whole


def _best_of_each(rules: pa.Table) -> pa.Table:
    """Return the `MAX_CONSEQUENTS` rules of highest lift of each antecedent, or two, all of them by lift."""
    items = [(name, "ascending") for name in _SIDES if name in rules.column_names]
    order = [("lift", "descending"), *items]
    rules = rules.sort_by(order)
    antecedents = rules.select([name for name, _ in items[:-1]]).to_pylist()
    seen: Counter[tuple[Any, ...]] = Counter()
    keep = []
    for row in antecedents:
        seen[tuple(row.values())] += 1
        keep.append(seen[tuple(row.values())] <= MAX_CONSEQUENTS)
    return rules.filter(pa.array(keep, pa.bool_()))


def _rules(connection: duckdb.DuckDBPyConnection, level: str, as_of: date, names: Mapping[int, str]) -> pa.Table:
    baskets = {"cutoff": as_of, "window": WINDOW_DAYS, "most": MAX_BASKET_ITEMS}
    connection.execute(_KEPT.format(item=_ITEM[level]), baskets)
    connection.execute(_BASKETS, {"least": MIN_BASKETS_OF_RULE, "top": MAX_ITEMS})
    pairs = _with_expected(connection, connection.sql(_PAIRS, params={"least": MIN_BASKETS_OF_RULE}).to_arrow_table())
    found = [measures(pairs)] if len(pairs) else []
    if len(pairs):
        triples = basket_triples.triples(connection, passed(pairs), MIN_BASKETS_OF_RULE)
        found.append(_measured(_best_of_each(passed(triples)).slice(0, MAX_TRIPLES)))
    return pa.concat_tables([TABLE.empty(), *(_named(rules, level, as_of, names) for rules in found)])


def _with_expected(connection: duckdb.DuckDBPyConnection, pairs: pa.Table) -> pa.Table:
    """Add how many baskets would hold both items by chance."""
    counts = connection.sql("select count(*)::double as n from kept group by item order by n").to_arrow_table()["n"]
    sizes = connection.sql(_SIZES).to_arrow_table()
    given = (counts.to_numpy(), sizes["size"].to_numpy(), sizes["baskets"].to_numpy())
    _, left, right, _ = _counts(pairs)
    parts = [slice(start, start + _PAIRS_AT_ONCE) for start in range(0, len(pairs), _PAIRS_AT_ONCE)]
    expected = [expected_together(left[part], right[part], *given) for part in parts]
    return pairs.append_column("expected", pa.array(np.concatenate([np.zeros(0), *expected])))


def _named(rules: pa.Table, level: str, as_of: date, names: Mapping[int, str]) -> pa.Table:
    columns = {name: rules[name] for name in rules.column_names if name not in _SIDES}
    for side in _SIDES:
        items = rules[side].to_pylist() if side in rules.column_names else [None] * len(rules)
        keys = items if level == "product" else [None] * len(items)
        texts = [names.get(item, str(item)) if item is not None else None for item in items]
        columns[f"{side}_key"] = pa.array(keys, pa.int64())
        columns[side] = pa.array(texts if level == "product" else items, pa.string())
    columns["as_of_date"] = pa.repeat(pa.scalar(as_of, pa.date32()), len(rules))
    columns["level"] = pa.repeat(pa.scalar(level), len(rules))
    return TABLE.typed(pa.table(columns))


def _product_names(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    rows = connection.sql("select product_key, coalesce(product_name, product_id) from customer.dim_products")
    return dict(rows.fetchall())
