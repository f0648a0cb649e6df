"""Which products of the sources are one: by equal EAN or SKU, else by code, name and brand together. Never by likeness.

What is known to differ stays apart: products with different EANs, and products that one system tells apart by name or
SKU, whichever way links lead. A value that could join such products joins nothing, and says so.
"""

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.identity.cluster import Links, UniqueValues, connected, separate
from crm_pipeline.identity.numbers import Nodes, whole_numbers
from crm_pipeline.identity.overrides import Overrides
from crm_pipeline.identity.product_texts import load_products

#: What joins products, strongest first: the position is the priority of a link.
RULES = ("override", "ean", "sku", "code")
ALONE = "alone"
_NAMED = "case rule when 'code' then 'code and name' else upper(rule) end"
PRODUCT_MAP_SCHEMA = pa.schema(
    [
        ("source_product_key", pa.int64()),
        ("product_key", pa.int64()),
        ("system", pa.string()),
        ("product_id", pa.string()),
        ("source_rank", pa.int64()),
        ("joined_by", pa.string()),
        ("joined_value", pa.string()),
        ("problem", pa.string()),
    ]
)
#: So many SKUs that two systems share show whether the systems mean the same by them.
_ENOUGH_SKUS = 5
#: What more products of one system carry than these, under one name, is no number of theirs.
_MOST_ALIKE = 20
_LETTERS = 3
_NAME_WORDS = f"[word[:{_LETTERS}] for word in string_split({{}}.name, ' ') if length(word) > 1]"


def resolve_products(
    con: duckdb.DuckDBPyConnection, trust: Sequence[str], overrides: Overrides | None = None
) -> pa.Table:
    """Return for each product of `staging.stg_products` the product that it is, and what says so.

    The product of the most trusted system gives a joined one its key.

    Args:
        con: A connection in which temporary tables may be made; none of them stays.
        trust: the systems, the most trusted first.
        overrides: Decisions by hand; they name products as `system|product_id`.
    """
    overrides = overrides or Overrides()
    with con.cursor() as work:
        load_products(work, trust)
        _load_claims(work)
        links, values = _links(work, overrides)
        nodes = int(whole_numbers(work, "select count(*) as products from products")["products"][0])
        node_of = _named(work, overrides)
        by_hand = links[links.priority == 0]
        unique = _unique_values(work, overrides, node_of, connected(nodes, by_hand.a, by_hand.b))
        founders, *_ = separate(connected(nodes, links.a, links.b), links, unique)
        return _product_map(work, founders, links, values)


def unknown_products(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> list[str]:
    """Return the products that the overrides name and no source delivers."""
    names = sorted(overrides.records())
    query = """
        select name from (select unnest($names::varchar[]) as name)
        where name not in (select system || '|' || product_id from staging.stg_products) order by name
    """
    return [str(name) for (name,) in con.execute(query, {"names": names}).fetchall()]


def _load_claims(con: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary tables `claims` and `claimed`: what each product carries, and the values that several carry.

    Under several brands a code and a name are several products; a product without a brand could be any of them.
    """
    con.execute("""
        create temp table claims as
        with codes as (
            select node, code from products where code is not null
            union select node, sku from products where sku is not null
        ), named as (
            select codes.*, name, brand,
                min(brand) over each is distinct from max(brand) over each as has_several_brands
            from codes join products using (node) where name is not null
            window each as (partition by codes.code, name)
        )
        select 'ean' as rule, gtin as value, node from products where gtin is not null
        union all select 'sku', sku, node from products where sku is not null
        union select 'sku', own_number, node from products where own_number is not null
        union all
        select 'code', concat_ws('|', code, name, case when has_several_brands then coalesce(brand, '#' || node) end),
            node
        from named
    """)
    con.execute(
        f"""
        create temp table claimed as
        with told as (
            select rule, value, count(*) as products, min(node) as first_node, count(distinct gtin) as eans,
                count(distinct (system, label)) - count(distinct system) as more_labels,
                count(*) > {_MOST_ALIKE} * count(distinct system) as is_crowded
            from claims join products using (node) group by rule, value having count(*) > 1
        ), skus_of_two as (
            select least(a.system, b.system) as system_a, greatest(a.system, b.system) as system_b,
                list_has_any({_NAME_WORDS.format("a")}, {_NAME_WORDS.format("b")}) or a.brand = b.brand
                    or a.gtin = b.gtin as is_alike
            from told join claims using (rule, value) join products as a using (node)
            join claims as others using (rule, value) join products as b on b.node = others.node
            where rule = 'sku' and more_labels = 0 and not is_crowded and a.node < b.node
                and a.system <> b.system and a.name is not null and b.name is not null
        ), strangers as (
            select system_a, system_b from skus_of_two group by all
            having count(*) >= {_ENOUGH_SKUS} and avg(coalesce(is_alike, false)::int) < 0.5
        ), carriers as (
            select distinct rule, value, system from claims join products using (node) where rule = 'sku'
        ), mistaken as (
            select rule, value, min(system_a) as system_a, min(system_b) as system_b
            from carriers join carriers as others using (rule, value)
            join strangers on carriers.system = system_a and others.system = system_b
            group by rule, value
        )
        select row_number() over (order by list_position($rules::varchar[], rule), value) - 1 as number,
            rule, value, first_node,
            case
                when more_labels > 0 then format('Products that one system tells apart share this {{}}: it joins none '
                    'of the {{}} that carry it.', {_NAMED}, products)
                when is_crowded then format('More products carry this {{}} than one product has in a system: it joins '
                    'none of the {{}} that do.', {_NAMED}, products)
                when eans > 1 then format('Products of different EANs share this {{}}: it joins none of the {{}} that '
                    'carry it.', {_NAMED}, products)
                when system_a is not null then format('Most SKUs that {{}} and {{}} share are on unlike products: they '
                    'join nothing.', system_a, system_b)
            end as problem
        from told left join mistaken using (rule, value)
        """,
        {"rules": list(RULES)},
    )


def _links(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> tuple[Links, Nodes]:
    """Return the links, strongest first, and for each the number of the value that makes it, -1 by hand."""
    found = whole_numbers(
        con,
        """
        select first_node as a, node as b, list_position($rules::varchar[], rule) - 1 as priority, number
        from claimed join claims using (rule, value) where problem is null and node <> first_node
        """,
        {"rules": list(RULES)},
    )
    node_of = _named(con, overrides)
    stars = [[node_of[name] for name in link.records if name in node_of] for link in overrides.link]
    by_hand = np.array([(star[0], other) for star in stars for other in star[1:]], dtype=np.int64).reshape(-1, 2)
    none, nothing = np.zeros(len(by_hand), dtype=np.int64), np.zeros(len(by_hand))
    links = Links.joined(
        Links(by_hand.min(axis=1, initial=np.iinfo(np.int64).max), by_hand.max(axis=1, initial=-1), none, nothing),
        Links(found["a"], found["b"], found["priority"], np.zeros(len(found["a"]))),
    )
    order = links.order()
    return links[order], np.concatenate([none - 1, found["number"]])[order]


def _named(con: duckdb.DuckDBPyConnection, overrides: Overrides) -> dict[str, int]:
    """Return the number of each product that the overrides name, of those that are there."""
    query = "select system || '|' || product_id as called, node from products where list_contains(?::varchar[], called)"
    return {str(name): int(node) for name, node in con.execute(query, [sorted(overrides.records())]).fetchall()}


def _unique_values(
    con: duckdb.DuckDBPyConnection, overrides: Overrides, node_of: dict[str, int], joined: Nodes
) -> UniqueValues:
    """Return what a product holds once: an EAN, one label of each system, and of each unlink entry the group.

    What is joined by hand (`joined`) holds its different values as one.
    """
    rows = whole_numbers(
        con,
        """
        with held as (
            select node, 'ean' as kind, gtin as value from products where gtin is not null
            union all select node, 'system ' || system, label from products
        )
        select node, dense_rank() over (order by kind) - 1 as kind,
            dense_rank() over (order by kind, value) - 1 as value
        from held order by all
        """,
    )
    kinds = len(np.unique(rows["kind"]))
    value = _one_by_hand(rows["value"], joined[rows["node"]] * kinds + rows["kind"])
    apart = np.array(
        [
            (node_of[name], kinds + entry, group_number)
            for entry, unlink in enumerate(overrides.unlink)
            for group_number, group in enumerate(unlink.groups)
            for name in group
            if name in node_of
        ],
        dtype=np.int64,
    ).reshape(-1, 3)
    held = np.concatenate([np.column_stack([rows["node"], rows["kind"], value]), apart])
    return UniqueValues(held[:, 0], held[:, 1], held[:, 2])


def _one_by_hand(value: Nodes, holder: Nodes) -> Nodes:
    """Return the values with those that one holder has several of made one, wherever else they are."""
    values = int(value.max(initial=-1)) + 1
    _, place = np.unique(holder, return_inverse=True)
    return connected(values + int(place.max(initial=-1)) + 1, value, place + values)[value]


def _product_map(con: duckdb.DuckDBPyConnection, founders: Nodes, links: Links, values: Nodes) -> pa.Table:
    """Return the product of each product of a source; of several links the strongest one is shown."""
    con.register("membership", pa.table({"node": np.arange(len(founders)), "founder": founders}))
    is_kept = founders[links.a] == founders[links.b]
    con.register(
        "links",
        pa.table({"a": links.a, "b": links.b, "priority": links.priority, "number": values, "is_kept": is_kept}),
    )
    table = con.sql(
        f"""
        with ends as (
            select a as node, b as other, * exclude (a, b) from links union all select b, a, * exclude (a, b) from links
        ), strongest as (
            select ends.node, ends.priority, claimed.value, rule = 'sku'
                and not list_has_any({_NAME_WORDS.format("one")}, {_NAME_WORDS.format("two")}) as is_odd,
                two.system || '|' || two.product_id as other
            from ends left join claimed using (number) join products as one on one.node = ends.node
            join products as two on two.node = ends.other
            where is_kept
            qualify row_number() over (partition by ends.node order by priority, other) = 1
        ), problems as (
            select ends.node, 1 as place, format(
                    'Shares a {{}} with {{}}|{{}}, but is apart: by their EANs, as products of one system, or by hand.',
                    {_NAMED}, products.system, products.product_id
                ) as problem
            from ends join claimed using (number) join products on products.node = ends.other where not is_kept
            union all select node, 2, problem from claims join claimed using (rule, value) where problem is not null
            union all select node, 3, format('Joined to {{}} by SKU, though their names have no word in common.', other)
            from strongest where is_odd
            union all select node, 4, doubt from products where doubt is not null
        ), told as (
            select node, string_agg(problem, ' ' order by place, problem) as problem
            from (select distinct * from problems) group by node
        )
        select products.product_key as source_product_key, founder.product_key, products.system, products.product_id,
            row_number() over (partition by founder.node order by products.node) as source_rank,
            case when priority is null then '{ALONE}' else ($rules::varchar[])[priority + 1] end as joined_by,
            strongest.value as joined_value, told.problem
        from membership join products using (node) join products as founder on founder.node = membership.founder
        left join strongest on strongest.node = products.node left join told on told.node = products.node
        order by products.system, products.product_id
        """,
        params={"rules": list(RULES)},
    ).to_arrow_table()
    con.unregister("membership")
    con.unregister("links")
    return table.cast(PRODUCT_MAP_SCHEMA)
