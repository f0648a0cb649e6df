"""Whether orders name customers that the same system knows, and ids that would if both sides wrote them alike."""

import duckdb

from crm_pipeline.config.contract import AMOUNTS
from crm_pipeline.config.identity import STAND_IN
from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.plausibility import EXAMPLES
from crm_pipeline.storage.raw_rows import reader, table
from crm_pipeline.storage.sql import literal

WITH_CUSTOMERS = (*AMOUNTS, "customers")
#: A source of fewer orders, or with a larger share of ids that are known, is like others.
FEWEST_ORDERS, HARDLY_ANY = 20, 0.2
#: A number that a spreadsheet program has rounded, an id with a fraction of nothing, and one of digits alone.
_SHORTENED, _FRACTION, _DIGITS = r"\d(\.\d+)?e\+?\d+", r"\d+\.0+", r"\d+"


def id_findings(settings: Settings) -> dict[str, list[str]]:
    """Return what is odd about customer ids, as sentences by channel."""
    with reader(settings) as con:
        prepare(con)
        for channel in WITH_CUSTOMERS:
            add_ids(con, channel, table(settings, channel))
        return {
            channel: unknown_customers(con, channel) + other_writings(con, channel) + shortened_ids(con, channel)
            for channel in WITH_CUSTOMERS
        }


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table of customer ids."""
    con.execute("create temp table named (channel varchar, source varchar, system varchar, id varchar, orders bigint)")


def add_ids(con: duckdb.DuckDBPyConnection, channel: str, rows: str) -> None:
    """Keep the customer ids of some rows: who bought, and who is known. Stand-ins are nobody's."""
    orders = "count(distinct order_id)" if channel == "order_lines" else "count(*)"
    con.execute(
        f"""
        insert into named
        select {literal(channel)}, _source, _system, trim(customer_id) as id, {orders} from {rows}
        where not regexp_full_match(lower(trim(customer_id)), {literal(STAND_IN)}) group by all
        """
    )


def unknown_customers(con: duckdb.DuckDBPyConnection, channel: str) -> list[str]:
    """Name the sources of orders of which hardly any customer id is that of a customer of the same system."""
    rows = con.execute(
        f"""
        with customers as (select distinct system, id, true as is_known from named where channel = 'customers'),
        sources as (select system, string_agg(distinct source, ', ' order by source) as source
            from named where channel = 'customers' group by system)
        select named.source, sources.source, system, sum(orders), count(*), count(is_known)
        from named join sources using (system) left join customers using (system, id)
        where channel = {literal(channel)} and channel <> 'customers' group by all
        having sum(orders) >= {FEWEST_ORDERS} and count(is_known) < {HARDLY_ANY} * count(*) order by 1
        """
    ).fetchall()
    return [
        f"Source {source}: of {ids:,} customer ids on {orders:,} orders {known:,} are those of a customer of "
        f"{customers}. Map customer_id of both sources to the same id; where they are ids of different systems, "
        f"give the source {source} a `system` other than {system}."
        for source, customers, system, orders, ids, known in rows
    ]


def other_writings(con: duckdb.DuckDBPyConnection, channel: str) -> list[str]:
    """Count the ids on orders that name nobody, and would if one side were written otherwise."""
    rows = con.execute(
        f"""
        with customers as (select distinct source, system, id from named where channel = 'customers'),
        strangers as (
            select source, system, id, orders from named anti join customers using (system, id)
            where channel = {literal(channel)} and channel <> 'customers'
        )
        select strangers.source, customers.source,
            regexp_full_match(strangers.id, '{_FRACTION}') as is_fraction,
            regexp_full_match(customers.id, '{_FRACTION}') as was_fraction,
            length(strangers.id) < length(customers.id) as is_shorter,
            count(*), sum(orders), min_by(strangers.id, strangers.id), min_by(customers.id, strangers.id),
            max(greatest(length(strangers.id), length(customers.id)))
        from (select *, {_plain("id")} as plain from strangers) as strangers
        join (select *, {_plain("id")} as plain from customers) as customers using (system, plain)
        group by all order by all
        """
    ).fetchall()
    found = []
    for source, known, is_fraction, was_fraction, is_shorter, count, orders, here, there, length in rows:
        if is_fraction or was_fraction:
            remedy = _remedy(source if is_fraction else known, r"regexp_replace(the column, '\.0+$', '')")
        else:
            remedy = _remedy(source if is_shorter else known, f"lpad(the column, {length}, '0')")
        found.append(
            f"Source {source}: {count:,} customer ids on {orders:,} orders are written otherwise than those of the "
            f"source {known}{_shown(here, there)}, so that they name nobody there. {remedy}"
        )
    return found


def shortened_ids(con: duckdb.DuckDBPyConnection, channel: str) -> list[str]:
    """Count the ids that a spreadsheet program has rounded: different customers may have become one."""
    rows = con.execute(
        f"""
        select source, count(*), list_sort(min(id, {EXAMPLES})) from named
        where channel = {literal(channel)} and regexp_full_match(lower(id), '{_SHORTENED}') group by source order by 1
        """
    ).fetchall()
    return [
        f"Source {source}: {count:,} customer ids were rounded by a spreadsheet program ({', '.join(ids)}): their last "
        f"digits are lost, and different customers become one. Export customer_id of the source {source} as text, and "
        "do not save the file from a spreadsheet program."
        for source, count, ids in rows
    ]


def _plain(name: str) -> str:
    """Return SQL for a number without leading zeros and without a fraction of nothing; null for other ids."""
    return (
        f"case when regexp_full_match({name}, '{_DIGITS}|{_FRACTION}') "
        f"then ltrim(regexp_replace({name}, '\\.0+$', ''), '0') end"
    )


def _remedy(source: str, expression: str) -> str:
    return (
        f"Export customer_id of the source {source} as text, or map it in pipeline.yml with `sql:` as "
        f"{expression}, with the name of the file's column in double quotes."
    )


def _shown(here: str, there: str) -> str:
    """Return two writings of an id for a sentence; a long number may be a telephone number."""
    return "" if max(len(here), len(there)) >= 9 else f" ({here} against {there})"
