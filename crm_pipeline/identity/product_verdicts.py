"""Does the product map hold each product once, and leave what was sold alone?"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from crm_pipeline.identity.verdicts import Verdict

_TOLD = 5
_AGAIN = "Build the identity stage again from the current staging tables."


def each_product_once(con: duckdb.DuckDBPyConnection, product_map: pa.Table) -> Verdict:
    """Each product of staging stands in the map exactly once, and what it is stands there as itself."""
    con.register("product_map", product_map)
    query = """
        select count(*), count(distinct source_product_key), count(*) filter (staging.product_key is not null),
            (select count(*) from staging.stg_products), count(distinct product_map.product_key),
            count(*) filter (product_map.product_key = source_product_key)
        from product_map left join staging.stg_products as staging on source_product_key = staging.product_key
    """
    rows, distinct, known, products, joined, themselves = con.execute(query).fetchall()[0]
    if rows == distinct == known == products and joined == themselves:
        return Verdict(True, f"The {products:,} products of sources are {joined:,} products, each in the map once.")
    return Verdict(
        False,
        f"Staging has {products:,} products, the product map {rows:,} rows of {distinct:,} products, {known:,} of them "
        f"in staging; it joins them to {joined:,} products, of which {themselves:,} are there as themselves. {_AGAIN}",
    )


def lines_stay(con: duckdb.DuckDBPyConnection, product_map: pa.Table) -> Verdict:
    """No order line is lost or doubled by the join to its product: lines, units and revenue are equal, to the cent."""
    con.register("product_map", product_map)
    totals = (
        "select count(*), coalesce(sum(net_quantity), 0), coalesce(sum(net_amount), 0) from staging.stg_order_lines"
    )
    named = "where stg_order_lines.product_key is not null"
    before, after = (
        con.execute(f"{totals} {joined} {named}").fetchall()[0]
        for joined in ("", "join product_map on stg_order_lines.product_key = source_product_key")
    )
    found = f"{after[0]:,} order lines that name a product, with {after[1]:,} units and a revenue of {after[2]:,}"
    if before == after:
        return Verdict(True, f"{found}, before and after they are joined to their products.")
    return Verdict(
        False,
        f"{found} after the join to their products, {before[0]:,} with {before[1]:,} units and a revenue of "
        f"{before[2]:,} before it. {_AGAIN}",
    )


def named_by_hand(unknown: Sequence[str], file: str) -> Verdict:
    """Each product that is named by hand is one that a source delivers."""
    if not unknown:
        return Verdict(True, f"Each product that {file} names is delivered.")
    told = ", ".join(unknown[:_TOLD]) + (", ..." if len(unknown) > _TOLD else "")
    return Verdict(
        False,
        f"{len(unknown):,} of the products that {file} names are delivered by no source: {told}. They are named as "
        "system|product_id, as in customer.dim_product_sources; correct them or take them out.",
    )
