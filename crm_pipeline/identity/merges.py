"""The merge ledger: which record moved from which person to which, and as of when. Appended, never rewritten.

A person into which others merged is written down whole, so that the merge can be taken back: the records that moved
(`merge`), those that were in it before (`stayed`), and those that no person held before and that came with the merge
(`new`, from no person).
"""

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

LEDGER_SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("from_customer_id", pa.string()),
        ("to_customer_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("kind", pa.string()),
    ]
)
# Kept in the Parquet file's metadata: an empty ledger, too, knows how far it has been written.
_WRITTEN_TO = b"written_to"


def written_to(ledger: pa.Table) -> date | None:
    """Return the newest as-of date that the ledger covers, with or without an entry."""
    dates = [pc.max(ledger["as_of_date"]).as_py()] if len(ledger) else []
    noted = (ledger.schema.metadata or {}).get(_WRITTEN_TO)
    if noted:
        dates.append(date.fromisoformat(noted.decode()))
    return max(dates, default=None)


def append_moves(
    ledger: pa.Table | None, previous: pa.Table | None, current: pa.Table, as_of: date, looked_at: pa.Table
) -> pa.Table:
    """Return the ledger with the moves from the previous person map to the current one added at its end.

    A record whose person changed is a `merge` when it now stands with records of another earlier person, and a `split`
    when its earlier person was divided. The other records of a person with a `merge` are `stayed` or `new`. A backdated
    run (as of before what the ledger covers) looks at the past again: it is no news and adds nothing.

    Args:
        ledger: the ledger so far.
        previous: the person map of the run before.
        current: the person map of this run.
        as_of: the date that it is as of.
        looked_at: the rows of `current` that may differ from `previous`.
    """
    past = (ledger if ledger is not None else LEDGER_SCHEMA.empty_table()).select(LEDGER_SCHEMA.names)
    covered = written_to(past)
    past = past.cast(LEDGER_SCHEMA)
    if covered is not None and as_of < covered:
        return _note(past, covered)
    moves = _moves(past, previous, current, looked_at, as_of) if previous is not None else LEDGER_SCHEMA.empty_table()
    return _note(pa.concat_tables([past, moves]), as_of)


def _note(ledger: pa.Table, covered: date) -> pa.Table:
    return ledger.replace_schema_metadata({_WRITTEN_TO: covered.isoformat().encode()})


def _moves(past: pa.Table, previous: pa.Table, current: pa.Table, looked_at: pa.Table, as_of: date) -> pa.Table:
    position = pa.array(range(len(past)), pa.int64())
    with duckdb.connect() as con:
        con.register("past", past.append_column("position", position))
        con.register("previous", previous.select(["record_id", "customer_id"]))
        con.register("current", current.select(["record_id", "customer_id"]))
        con.register("looked_at", looked_at.select(["record_id"]))
        # Where the ledger last put a record counts more than the previous map: that may come from a backdated run.
        moves = con.sql(
            """
            with told as (
                select record_id, arg_max(to_customer_id, position) as customer_id from past group by record_id
            ), suspect as (
                from looked_at union select record_id from told
            ), concerned as (
                select customer_id from current semi join suspect using (record_id)
                union select customer_id from previous semi join suspect using (record_id)
                union select customer_id from told
            ), compared as (
                select record_id, coalesce(told.customer_id, previous.customer_id) as before,
                    current.customer_id as after
                from (from current semi join concerned using (customer_id)) as current
                left join previous using (record_id) left join told using (record_id)
            ), gathered as (
                select after, count(distinct before) > 1 as is_merge from compared group by after
            ), divided as (
                select before, count(distinct after) > 1 as is_split from compared group by before
            ), judged as (
                select record_id, before as from_customer_id, after as to_customer_id,
                    case when before is null then 'new' when before = after then 'stayed'
                        when is_split and not is_merge then 'split' else 'merge' end as kind
                from compared join gathered using (after) left join divided using (before)
            )
            select record_id, from_customer_id, to_customer_id, $as_of::date as as_of_date, kind from judged
            qualify kind = 'split' or bool_or(kind = 'merge') over (partition by to_customer_id)
            order by to_customer_id, kind <> 'stayed', from_customer_id, record_id
            """,
            params={"as_of": as_of},
        ).to_arrow_table()
    return moves.cast(LEDGER_SCHEMA)
