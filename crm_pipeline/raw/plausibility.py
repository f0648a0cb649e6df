"""Amounts of orders that cannot be meant: what a run would publish as revenue of 0, or count otherwise than its files.

The checks ask the raw rows that are current and return sentences by channel; no sentence says that all is well.
"""

from collections.abc import Mapping, Sequence

import duckdb

from crm_pipeline.config.contract import AMOUNTS
from crm_pipeline.config.settings import Settings
from crm_pipeline.storage.raw_rows import PLACE, reader, table

EXAMPLES = 5
Findings = dict[str, list[str]]

_TOTAL, _PRICES = (" or ".join(AMOUNTS[channel]) for channel in ("orders", "order_lines"))
_LINE_PRICES = "unit_price looks like the amount of the whole line: map that column to net_amount instead."
_COMPARE = (
    "Compare one of them with the system: unit_price is the price of one unit, net_amount that of the whole line, "
    "discount_amount of a header is deducted from the lines; tax_amount and shipping_amount are parts of its total."
)
_BRINGS_NOTHING = "priced = 0 and not all_cancelled and coalesce(headers.status, 'completed') <> 'cancelled'"

_AMOUNT = "round(coalesce(net_amount, quantity * unit_price - coalesce(discount_amount, 0), 0), 2)"
_BY_ORDER = f"""
    select _system, order_id, count(coalesce(net_amount, unit_price)) as priced,
        coalesce(sum({_AMOUNT}) filter (where not coalesce(is_gift_card, false)), 0) as lines_amount,
        coalesce(sum({_AMOUNT}) filter (where is_gift_card), 0) as gift_cards,
        sum(unit_price - coalesce(discount_amount, 0)) as prices,
        sum(tax_amount) as line_tax, sum(shipping_amount) as line_shipping,
        bool_and(coalesce(status, 'completed') = 'completed') as all_completed,
        bool_and(coalesce(status, 'completed') = 'returned') as all_returned,
        bool_and(coalesce(status, 'completed') = 'cancelled') as all_cancelled,
        min(currency) as least_currency, max(currency) as greatest_currency
    from lines group by _system, order_id
    """
_HEADERS = f"""
    with latest as (select _system, order_id, max({PLACE}) as place from orders group by _system, order_id)
    select _source, _system, order_id, coalesce(status, 'completed') as status, currency, total_amount,
        coalesce(discount_amount, 0) as discount, tax_amount, shipping_amount,
        coalesce(duties_amount, 0) as duties, gift_card_amount, coalesce(refunded_amount, 0) as refund
    from (select *, {PLACE} as place from orders) semi join latest using (_system, order_id, place)
    """
_MOST_TAX, _MOST_SHIPPING = 1.3, 1.5
"""How many times its lines a total may be for the tax, and for the shipping, of which the header says nothing."""


def amount_findings(settings: Settings, quarantined: Mapping[str, int]) -> tuple[Findings, Findings]:
    """Return what stops a run, and what is only warned of.

    Args:
        settings: where the raw rows are.
        quarantined: order lines in quarantine, by system.
    """
    with reader(settings) as con:
        con.execute(f"create temp view orders as from {table(settings, 'orders')}")
        con.execute(f"create temp view lines as from {table(settings, 'order_lines')}")
        con.execute(f"create temp table by_order as {_BY_ORDER}")
        con.execute(f"create temp table headers as {_HEADERS}")
        without = {"orders": _orders_without_amount(con), "order_lines": _lines_without_price(con)}
        beside = _lines_beside_their_total(con, quarantined) + _tax_within_lines(con) + _sold_on_a_credit_note(con)
        some = {"orders": [], "order_lines": []} if any(without.values()) else _some_without_amount(con)
    return without, {"orders": some["orders"], "order_lines": some["order_lines"] + beside}


def shown(ids: Sequence[str | None]) -> str:
    """Return examples of ids for a sentence; an address is personal whatever column it stands in."""
    named = [name for name in ids if name and "@" not in name][:EXAMPLES]
    return f" ({', '.join(named)}{', ...' if len(ids) > len(named) else ''})" if named else ""


def _ids(column: str = "order_id") -> str:
    """Return SQL for the first ids of a group, and one more where there are more of them."""
    return f"list_sort(min({column}, {EXAMPLES + 1}))"


def _orders_without_amount(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the sources of which no order says what it brought, itself or by lines of its system."""
    rows = con.execute(
        f"""
        select _source, _system, count(*), {_ids()}
        from headers left join by_order using (_system, order_id) where headers.status <> 'cancelled'
        group by _source, _system having count(total_amount) = 0 and coalesce(max(priced), 0) = 0 order by 1
        """
    ).fetchall()
    return [
        f"Source {source}: none of its {count:,} orders{shown(ids)} has an amount, or a line with a price in the "
        f"system {system}, so that all of them would bring 0. Map {_TOTAL} under columns of the source {source} "
        f"in pipeline.yml, or add a source of the lines with `system: {system}`; what was really free says so by 0."
        for source, system, count, ids in rows
    ]


def _lines_without_price(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the sources of lines without any price whose orders would bring 0, though none is said to be free."""
    rows = con.execute(
        f"""
        with unpriced as (
            select _source, _system from lines group by all having count(coalesce(net_amount, unit_price)) = 0
        ),
        sold as (select distinct _source, _system, order_id from lines semi join unpriced using (_source, _system))
        select sold._source, count(*), count(total_amount), {_ids()}
        from sold join by_order using (_system, order_id) left join headers using (_system, order_id)
        where {_BRINGS_NOTHING} and total_amount is distinct from 0
        group by sold._source order by 1
        """
    ).fetchall()
    return [
        f"Source {source}: none of its lines has a price, so that {count:,} orders{shown(ids)} would bring 0, "
        f"{hidden:,} of them although their header has a total. Map {_PRICES} under columns of the source {source} in "
        f"pipeline.yml{', or take the source out, so that orders count by their header' if hidden else ''}."
        for source, count, hidden, ids in rows
    ]


def _some_without_amount(con: duckdb.DuckDBPyConnection) -> Findings:
    """Count the single orders that would bring 0, where the others of their source have amounts."""
    bare = con.execute(
        f"""
        select count(*), {_ids()} from headers left join by_order using (_system, order_id)
        where headers.status <> 'cancelled' and total_amount is null and coalesce(priced, 0) = 0
        """
    ).fetchall()
    unpriced = con.execute(
        f"""
        select count(*), {_ids()}, count(total_amount) from by_order left join headers using (_system, order_id)
        where {_BRINGS_NOTHING} and (total_amount <> 0 or headers.order_id is null)
        """
    ).fetchall()
    return {
        "orders": [
            f"{count:,} orders{shown(ids)} have neither an amount nor a line with a price and bring 0. "
            f"Deliver them with {_TOTAL}; what was really free says so by 0."
            for count, ids in bare
            if count
        ],
        "order_lines": [
            f"{count:,} orders{shown(ids)} have lines without any price and bring 0, {hidden:,} of them although their "
            f"header has a total. Deliver their lines with {_PRICES}; what was really free says so by 0."
            for count, ids, hidden in unpriced
            if count
        ],
    }


def _lines_beside_their_total(con: duckdb.DuckDBPyConnection, quarantined: Mapping[str, int]) -> list[str]:
    """Count the orders whose lines cannot be what their header says: revenue goes by the lines.

    Only orders that were sold as they stand are compared. Lines may be with tax or shipping or without; where a header
    does not tell them, a difference that could be theirs is none. Lines that fall short of their total are not told
    where as many lines are in quarantine, which is told already.
    """
    rows = con.execute(
        f"""
        with compared as (
            select _system, order_id, prices - discount as prices, lines_amount - discount as net, tax_amount as tax,
                shipping_amount as shipping, refund, greatest(0.02, 0.005 * abs(total_amount)) as slack,
                total_amount - duties - coalesce(gift_card_amount, gift_cards) as total,
                total - coalesce(tax, 0) - coalesce(shipping, 0) as goods,
                if(tax is null, {_MOST_TAX}, 1) * if(shipping is null, {_MOST_SHIPPING}, 1) as most
            from headers join by_order using (_system, order_id)
            where headers.status = 'completed' and all_completed and priced > 0 and total_amount is not null
                and coalesce(least_currency = currency, true) and coalesce(greatest_currency = currency, true)
        ),
        odd as (
            select *, net < goods as is_short from compared
            where not goods between net - slack and net * most + slack
                and not (tax is null and net between goods - slack and goods * {_MOST_TAX} + slack)
                and not abs(net - refund - goods) <= slack
                and not abs(net - goods - coalesce(tax, 0)) <= slack
                and not abs(net - goods - coalesce(shipping, 0)) <= slack
                and not abs(net - goods - coalesce(tax, 0) - coalesce(shipping, 0)) <= slack
        )
        select _system, is_short, count(*), {_ids()}, sum(net), sum(goods),
            count(*) filter (where abs(prices - goods) <= slack) * 2 > count(*)
        from odd group by all order by all
        """
    ).fetchall()
    return [
        f"System {system}: the lines of {count:,} orders{shown(ids)} do not add up to their headers: {net:,.2f} "
        f"against {goods:,.2f}, and revenue goes by the lines. {_LINE_PRICES if are_lines else _COMPARE}"
        for system, is_short, count, ids, net, goods, are_lines in rows
        if not is_short or count > quarantined.get(system, 0)
    ]


def _tax_within_lines(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Count the orders whose totals say that the amounts of their lines hold the tax that is told beside them."""
    rows = con.execute(
        f"""
        select _system, count(*), {_ids()}, sum(coalesce(nullif(line_tax, 0), tax_amount))
        from headers join by_order using (_system, order_id)
        where headers.status = 'completed' and all_completed and coalesce(nullif(line_tax, 0), tax_amount) > 0.05
            and coalesce(least_currency = currency, true) and coalesce(greatest_currency = currency, true)
            and abs(total_amount - duties - coalesce(gift_card_amount, gift_cards)
                - coalesce(shipping_amount, line_shipping, 0) - (lines_amount - discount)) <= 0.02
        group by _system order by _system
        """
    ).fetchall()
    return [
        f"System {system}: the totals of {count:,} orders{shown(ids)} say that the amounts of their lines hold tax, "
        f"{tax:,.2f} in all, which then counts as revenue. Map net_amount of the lines to what is left without it."
        for system, count, ids, tax in rows
    ]


def _sold_on_a_credit_note(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Count the lines that look sold on a credit note, in sources that write what came back with a minus."""
    rows = con.execute(
        f"""
        with notes as (
            select _system, order_id from by_order left join headers using (_system, order_id)
            where coalesce(headers.status, if(all_returned, 'returned', 'completed')) = 'returned'
        ),
        counted as (
            select _source, order_id, {_AMOUNT} as amount, quantity > 0 and amount > 0 as is_sold,
                quantity < 0 or amount < 0 as came_back
            from lines semi join notes using (_system, order_id)
            where coalesce(status, 'completed') <> 'cancelled' and not coalesce(is_gift_card, false)
        )
        select _source, count(*) filter (where is_sold) as sold, sum(amount) filter (where is_sold),
            list_sort(min(order_id, {EXAMPLES + 1}) filter (where is_sold)), count(*) filter (where came_back) as back
        from counted group by _source having sold > 0 and back >= sold order by 1
        """
    ).fetchall()
    return [
        f"Source {source}: {count:,} {'line' if count == 1 else 'lines'} with a positive quantity and amount, "
        f"{amount:,.2f} in all, on credit notes{shown(ids)}, whose other lines are negative: deducted like what came "
        f"back. If it was sold, deliver it as an order of its own; if it came back, deliver it with a minus."
        for source, count, amount, ids, _ in rows
    ]
