"""Rules of three: who takes two things together also takes a third, more often than either of the two alone tells.

A triple is looked for among three items of which each two are linked as a pair, so that what it costs follows from the
pairs found. It is a rule only where it adds to both of its pairs (productive rules: Webb, Discovering Significant
Patterns, 2007): the third has to be there more often than it is beside either of the two in baskets of the same size.
"""

import duckdb
import pyarrow as pa

# One row per rule: three items, which of them follows from the other two, and the counts that all measures follow from.
_TRIPLES = """
    with edges as (
        select one.order_key, one.item as low, other.item as high
        from linked
        inner join baskets as one on linked.antecedent = one.item
        inner join baskets as other on linked.consequent = other.item and one.order_key = other.order_key
    ),
    sizes as (
        select order_key, count(*) as size from kept group by order_key
    ),
    triples as (
        select one.order_key, one.low as first, one.high as second, two.high as third
        from edges as one
        inner join edges as two on one.order_key = two.order_key and one.low = two.low and one.high < two.high
        semi join linked on one.high = linked.antecedent and two.high = linked.consequent
    ),
    counted as (
        select first, second, third, count(*) as baskets from triples group by all having count(*) >= $least
    ),
    ways as (
        select first as one, second as other, third as consequent, baskets from counted
        union all
        select first, third, second, baskets from counted
        union all
        select second, third, first, baskets from counted
    ),
    item_sizes as (
        select baskets.item, sizes.size, count(*) as n from baskets inner join sizes using (order_key) group by all
    ),
    item_counts as (
        select item, sum(n) as n from item_sizes group by item
    ),
    pair_sizes as (
        select edges.low, edges.high, sizes.size, count(*) as n
        from edges
        inner join sizes using (order_key)
        group by all
    ),
    pair_counts as (
        select low, high, sum(n) as n from pair_sizes group by low, high
    ),
    sides as (
        select one, other, consequent, one as known, other as added from ways
        union all
        select one, other, consequent, other, one from ways
    ),
    either as (
        select low as one, high as other, size, n from pair_sizes
        union all
        select high, low, size, n from pair_sizes
    ),
    -- What the known one of the two, and the size of the basket, let expect of the third where the other is added.
    known_with_added as materialized (
        select sides.*, either.size, either.n, item_sizes.n as alone
        from sides
        inner join either on sides.known = either.one and sides.added = either.other
        inner join item_sizes on sides.known = item_sizes.item and either.size = item_sizes.size
    ),
    expected as (
        select known.one, known.other, known.consequent, known.known, sum(known.n * either.n / known.alone) as expected
        from known_with_added as known
        inner join either
            on known.known = either.one and known.consequent = either.other and known.size = either.size
        group by known.one, known.other, known.consequent, known.known
    ),
    strictest as (
        select one, other, consequent, max(expected) as expected from expected group by one, other, consequent
    )
    select ways.one as antecedent, ways.other as second_antecedent, ways.consequent, ways.baskets,
        pair_counts.n::bigint as antecedent_baskets, item_counts.n::bigint as consequent_baskets,
        (select count(*) from sizes) as all_baskets, strictest.expected
    from ways
    inner join pair_counts on ways.one = pair_counts.low and ways.other = pair_counts.high
    inner join item_counts on ways.consequent = item_counts.item
    inner join strictest
        on ways.one = strictest.one and ways.other = strictest.other and ways.consequent = strictest.consequent
    order by 1, 2, 3
"""


def triples(connection: duckdb.DuckDBPyConnection, linked: pa.Table, least: int) -> pa.Table:
    """Return the rules of three to be tested, with their counts and what pairs and basket sizes let expect.

    Args:
        connection: where the temporary tables `kept` and `baskets` hold the items of all baskets, and those that count.
        linked: the pairs that passed their test, the lesser item as antecedent.
        least: baskets that all three have to share.
    """
    connection.register("linked", linked.select(["antecedent", "consequent"]))
    try:
        return connection.sql(_TRIPLES, params={"least": least}).to_arrow_table()
    finally:
        connection.unregister("linked")
