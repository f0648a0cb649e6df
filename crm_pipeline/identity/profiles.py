"""What customer records say about a person besides identifiers, in a form in which two records can be compared."""

from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.identity import names

#: The columns that are compared, beside `record_key` and `node`. Empty is null.
COMPARED = (
    "first_name", "last_name", "birth_date", "gender", "street", "postal_code", "city", "email", "phone", "loyalty_id",
)  # fmt: skip
#: A value on more records than that is nobody's own: it says nothing of a person, and to compare all of them is slow.
MOST_CARRIERS = 100
_PHONE_DIGITS = 9
_FORMS = pa.list_(pa.string())
_NAMES = pa.schema([("text", pa.string()), ("plain", pa.string()), ("forms", _FORMS)])
_WHOLE = pa.schema(
    [("text", pa.string()), *((f"{name}_{what}", kind) for name in ("first", "last") for what, kind in
                              (("plain", pa.string()), ("forms", _FORMS)))]
)  # fmt: skip


_FIRST, _LAST = (f"nullif(trim({name}), '')" for name in ("first_name", "last_name"))
#: Where one column only is filled it may hold the whole name.
_ALONE = f"case when ({_FIRST} is null) <> ({_LAST} is null) then coalesce({_FIRST}, {_LAST}) end"
_TEXTS = {"first_names": _FIRST, "last_names": _LAST, "whole_names": _ALONE}


def load_profiles(con: duckdb.DuckDBPyConnection) -> int:
    """Make the temporary table `profiles` of all customer records that can be compared; those looked at are read anew.

    Such a record has a name, or else a birth date and an address.

    Needs the tables of `load_identifiers` and of `changes`. `content` is a hash of the compared columns: where it stays
    the same, so does the probability that the record and another one are the same person. `fresh` and `stale`
    (record_key) name the profiles that are not what they were and those that are no longer.

    Returns:
        The number of profiles.
    """
    for name, table in _read_names(con).items():
        con.register(name, table)
    # What is empty keeps its place, so that a text in another column makes another hash.
    forms = ("array_to_string(first_forms, ' ')", "array_to_string(last_forms, ' ')")
    texts = ", ".join(f"coalesce({column}, '')" for column in (*COMPARED, *forms))
    con.execute(f"""
        create temp table read_profiles as
        with customers as (
            select records.node, records.record_key, stg_customers.*
            from staging.stg_customers join records using (record_id)
        ), crowded as (
            select kind, value from identifiers group by kind, value having count(*) > {MOST_CARRIERS}
            union all select kind, value from outside
        ), telling as (
            select node, kind, value from identifiers
            semi join customers using (node) anti join crowded using (kind, value)
            where unusable is distinct from 'blocked' and kind <> 'source_id'
        ), identified as (
            select node, min(value) filter (where kind = 'email') as email,
                -- Its last digits, however it is written: the same number with and without its country code.
                min(right(regexp_replace(value, '[^0-9]', '', 'g'), {_PHONE_DIGITS})) filter (where kind = 'phone')
                    as phone,
                min(value) filter (where kind = 'loyalty_id') as loyalty_id
            from telling group by node
        ), compared as (
            select customers.record_key,
                coalesce(whole.first_plain, first.plain) as first_name,
                coalesce(whole.first_forms, first.forms) as first_forms,
                coalesce(whole.last_plain, last.plain) as last_name,
                coalesce(whole.last_forms, last.forms) as last_forms,
                strftime(customers.birth_date, '%Y-%m-%d') as birth_date, customers.gender,
                nullif(trim(regexp_replace(lower(strip_accents(street)), '[^\\pL\\pN]+', ' ', 'g')), '') as street,
                nullif(regexp_replace(upper(postal_code), '[^A-Z0-9]', '', 'g'), '') as postal_code,
                nullif(trim(lower(strip_accents(city))), '') as city,
                identified.email, identified.phone, identified.loyalty_id
            from customers
            left join identified using (node)
            left join first_names as first on first.text = {_FIRST}
            left join last_names as last on last.text = {_LAST}
            left join whole_names as whole on whole.text = {_ALONE}
        )
        select *, md5(concat_ws(chr(31), {texts})) as content
        from compared where coalesce(first_name, last_name) is not null
            or birth_date is not null and coalesce(street, postal_code) is not null
    """)
    for name in _TEXTS:
        con.unregister(name)
    con.execute("""
        create temp table profiles as
        from known_profiles anti join dirty using (record_key) union all by name from read_profiles
    """)
    con.execute("""
        create temp table fresh as
        select record_key from read_profiles anti join known_profiles using (record_key, content)
    """)
    con.execute("""
        create temp table stale as
        select record_key from known_profiles semi join dirty using (record_key)
        anti join read_profiles using (record_key, content)
    """)
    con.execute("drop table read_profiles")
    return int(con.execute("select count(*) from profiles").fetchall()[0][0])


def _read_names(con: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    """Return each text that stands for a name once, as it is compared; a text that may hold both names, as both."""
    query = "select distinct {0} from staging.stg_customers semi join records using (record_id) where {0} is not null"
    texts = {name: [text for (text,) in con.execute(query.format(text)).fetchall()] for name, text in _TEXTS.items()}
    first = [(text, *names.read_first(text)) for text in texts["first_names"]]
    last = [(text, *names.read_last(text)) for text in texts["last_names"]]
    both = [(text, names.split_whole(text)) for text in texts["whole_names"]]
    whole = [(text, *names.read_first(one[0]), *names.read_last(one[1])) for text, one in both if one]
    return {
        "first_names": _table([row for row in first if row[1]], _NAMES),
        "last_names": _table([row for row in last if row[1]], _NAMES),
        "whole_names": _table([row for row in whole if row[1] and row[3]], _WHOLE),
    }


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
                    schema=schema)  # fmt: skip
