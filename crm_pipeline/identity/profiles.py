"""What customer records say about a person besides identifiers, in a form in which two records can be compared."""

import duckdb
import pyarrow as pa
from anyascii import anyascii
from nicknames import NickNamer

#: The columns that are compared, beside `record_key` and `node`. Empty is null.
COMPARED = (
    "first_name", "last_name", "birth_date", "gender", "street", "postal_code", "city", "email", "phone", "loyalty_id",
)  # fmt: skip
#: A value on more records than that is nobody's own: it says nothing of a person, and to compare all of them is slow.
MOST_CARRIERS = 100
_PHONE_DIGITS = 9
_NAME_SCHEMA = pa.schema([("text", pa.string()), ("plain", pa.string()), ("forms", pa.list_(pa.string()))])


def plain_name(text: str) -> str:
    """Return a name in Latin letters from a to z, without accents, blanks and hyphens; Chinese becomes pinyin."""
    return "".join(letter for letter in anyascii(text).casefold() if "a" <= letter <= "z")


def name_forms(plain: str, nicknames: NickNamer) -> list[str]:
    """Return a first name with the full forms that it may be short for: `liz` is `elizabeth` as well."""
    return sorted({plain, *nicknames.canonicals_of(plain)})


def load_profiles(con: duckdb.DuckDBPyConnection) -> int:
    """Make the temporary table `profiles` of all customer records with a name; those looked at are read anew.

    Needs the tables of `load_identifiers` and of `changes`. `content` is a hash of the compared columns: where it stays
    the same, so does the probability that the record and another one are the same person. `fresh` and `stale`
    (record_key) name the profiles that are not what they were and those that are no longer.

    Returns:
        The number of profiles.
    """
    con.register("names", _read_names(con))
    # What is empty keeps its place, so that a text in another column makes another hash.
    texts = ", ".join(f"coalesce({column}, '')" for column in COMPARED)
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
            select customers.record_key, first.plain as first_name, first.forms as first_forms,
                last.plain as last_name, strftime(customers.birth_date, '%Y-%m-%d') as birth_date, customers.gender,
                nullif(trim(regexp_replace(lower(strip_accents(street)), '[^\\pL\\pN]+', ' ', 'g')), '') as street,
                nullif(regexp_replace(upper(postal_code), '[^A-Z0-9]', '', 'g'), '') as postal_code,
                nullif(trim(lower(strip_accents(city))), '') as city,
                identified.email, identified.phone, identified.loyalty_id
            from customers
            left join identified using (node)
            left join names as first on first.text = trim(customers.first_name)
            left join names as last on last.text = trim(customers.last_name)
        )
        select *, md5(concat_ws(chr(31), {texts})) as content
        from compared where first_name is not null or last_name is not null
    """)
    con.unregister("names")
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


def _read_names(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return each text that stands for a name once, in plain letters and with the forms of a first name."""
    texts = con.execute("""
        with customers as (from staging.stg_customers semi join records using (record_id))
        select trim(first_name) from customers where first_name is not null
        union select trim(last_name) from customers where last_name is not null
    """).fetchall()
    nicknames = NickNamer()
    plain = {text: plain_name(text) for (text,) in texts}
    rows = [(text, name, name_forms(name, nicknames)) for text, name in plain.items() if name]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, _NAME_SCHEMA, strict=True)],
                    schema=_NAME_SCHEMA)  # fmt: skip
