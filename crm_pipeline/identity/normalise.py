"""Identifiers in one form: the same e-mail, phone or loyalty card written in two ways becomes one value.

Text work is SQL. Phone numbers need the numbering plans of `phonenumbers`, at some 40 microseconds a number: only
numbers that could equal another one are parsed, each text once.
"""

from collections.abc import Iterable
from functools import lru_cache

import duckdb
import phonenumbers
import pyarrow as pa

from crm_pipeline.config.identity import KINDS, STAND_INS, MatchSettings
from crm_pipeline.identity.regions import region_of

# What sources write when they know nothing, or when the value is not the person's own. Matched in full, in lower case.
BLOCKED_PATTERNS: tuple[str, ...] = (*STAND_INS, "0?1234567(8(90?)?)?")
PLAIN_PHONE = "^[0-9 +()./-]+$"
# A shorter number (a short code, a slip of the hand) says too little about a person to link two records. It also
# makes the last digits a safe first sieve: two spellings of one longer number always share them.
SHORTEST_PHONE = 7


class IdentityError(ValueError):
    """The identifiers cannot be resolved; the message says what is wrong and what to do."""


_PHONE_SCHEMA = pa.schema(
    [("text", pa.string()), ("region", pa.string()), ("number", pa.string()), ("is_blocked", pa.bool_())]
)
#: The text of a telephone number, and the region whose plan it is read by.
_Phone = tuple[str, str]
_REGION_SCHEMA = pa.schema([("country", pa.string()), ("region", pa.string())])
_DIGITS = "regexp_replace({0}, '[^0-9]', '', 'g')"
#: What all spellings of a telephone number have in common, given its text or its normal form.
ENDING = f"right(case when regexp_matches({{0}}, '{PLAIN_PHONE}') then {_DIGITS} else {{0}} end, {SHORTEST_PHONE})"


# One run reads some texts again, as it finds more records to look at.
@lru_cache(maxsize=2**16)
def normalise_phone(text: str, region: str) -> str | None:
    """Return the number in E.164 (with its extension, if it has one), or None when it cannot be a phone number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    digits = str(number.national_number)
    # One digit over and over is what a form is filled with, whatever country code stands before it.
    if len(digits) < SHORTEST_PHONE or len(set(digits)) == 1 or not phonenumbers.is_possible_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{written};ext={number.extension}" if number.extension else written


def read_phone(text: str, region: str, default_region: str) -> str | None:
    """Return a number of a region in E.164; one that its plan does not know may be of the default region."""
    number = normalise_phone(text, region)
    if number or region == default_region:
        return number
    number = normalise_phone(text, default_region)
    # That it could be a number is not enough: a number of the region that lacks a digit often could.
    return number if number and phonenumbers.is_valid_number(phonenumbers.parse(number)) else None


def load_identifiers(con: duckdb.DuckDBPyConnection, settings: MatchSettings, region: str) -> None:
    """Make the temporary tables `records` and `identifiers` of the records that are looked at.

    Needs the tables of `changes`. `records` numbers the records so that the smallest `node` of a group is its founding
    record, and names each by its `record_key`. A record of a system that joined earlier comes first, then the one that
    came to be first. So neither a further system nor the order in which the files of a known one arrive changes who
    founded a person. `identifiers` holds each (node, kind, value) once; `unusable` says why a value may not link.
    `read_phones` (record_key, text, region, number) holds the telephone numbers that were parsed, each by the plan of
    its record's country, or of the region given where that is not known.

    Raises:
        IdentityError: if there is a kind of identifier that no rule knows.
    """
    _refuse_unknown_kinds(con)
    con.execute("""
        create or replace temp table records as
        select record_id, first_load, record_key,
            row_number() over (order by joined_at nulls last, known_at nulls first, record_id) - 1 as node
        from present semi join dirty using (record_key)
    """)
    con.register("regions", _read_countries(con))
    con.execute(
        """
        create temp table texts as
        select distinct records.node, identifiers.kind, trim(identifiers.value) as text,
            case when identifiers.kind = 'phone' then coalesce(regions.region, $region) end as region
        from staging.stg_identifiers as identifiers join records using (record_id) left join regions using (country)
        """,
        {"region": region},
    )
    con.unregister("regions")
    # Not a condition of the join: that would trim the values of all records to find those of the few looked at.
    con.execute("delete from texts where text = ''")
    con.register("phones", _parse_phones(con, settings.blocked, region))
    patterns = "|".join(f"({pattern})" for pattern in BLOCKED_PATTERNS)
    blocked = [value.strip().lower() for value in settings.blocked]
    con.execute(
        """
        create or replace temp table identifiers as
        with judged as (
            select texts.node, texts.kind, texts.text, phones.number,
                -- The id proper: a source id is written as `system|id`.
                lower(case when texts.kind = 'source_id' then regexp_replace(texts.text, '^[^|]*[|]', '')
                    else texts.text end) as bare,
                coalesce(phones.is_blocked, false) or regexp_full_match(bare, $patterns)
                    or list_contains($blocked::varchar[], bare) as is_blocked
            from texts left join phones using (text, region)
        )
        select distinct node, kind,
            case kind when 'email' then lower(text) when 'loyalty_id' then upper(text)
                when 'phone' then coalesce(number, text) else text end as value,
            case when is_blocked then 'blocked'
                when kind = 'phone' and number is null then 'malformed'
                when kind = 'email' and not regexp_full_match(text, '[^@\\s]+@[^@\\s]+[.][^@\\s]+') then 'malformed'
            end as unusable
        from judged
        """,
        {"patterns": patterns, "blocked": blocked},
    )
    con.execute("""
        create or replace temp table read_phones as
        select record_key, text, region, number from texts join records using (node) join phones using (text, region)
    """)
    con.execute("drop table texts")
    con.unregister("phones")


def _refuse_unknown_kinds(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute("select distinct kind from staging.stg_identifiers order by kind").fetchall()
    unknown = [str(kind) for (kind,) in found if kind not in KINDS]
    if unknown:
        raise IdentityError(
            f"staging.stg_identifiers holds the unknown kind {', '.join(unknown)}; "
            f"the match rules know {', '.join(KINDS)}. Correct the staging model or add a rule."
        )


def _read_countries(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the region of each country that a record with a telephone number names, where it is known."""
    rows = con.execute("""
        select distinct country from staging.stg_identifiers semi join records using (record_id)
        where kind = 'phone' and country is not null
    """).fetchall()
    regions = {country: region_of(country) for (country,) in rows}
    return pa.table({"country": list(regions), "region": list(regions.values())}, schema=_REGION_SCHEMA)


def _parse_phones(con: duckdb.DuckDBPyConnection, blocked_values: tuple[str, ...], default_region: str) -> pa.Table:
    """Parse the phone texts that could link two records: the others need no normal form."""
    con.execute(f"""
        create temp table phone_texts as
        select text, region, count(*) as records,
            case when regexp_matches(text, '{PLAIN_PHONE}') then {ENDING.format("text")} end as ending
        from texts where kind = 'phone' group by text, region
    """)
    remembered = con.execute(
        "select text, region, number from known_phones semi join dirty using (record_key)"
    ).fetchall()
    known = {(text, region): number for text, region, number in remembered}

    def parsed(phones: Iterable[_Phone]) -> dict[_Phone, str | None]:
        return {phone: known[phone] if phone in known else read_phone(*phone, default_region) for phone in phones}

    numbers = parsed(con.execute("select text, region from phone_texts where ending is null").fetchall())
    endings = [number[-SHORTEST_PHONE:] for number in numbers.values() if number]
    plain = con.execute(
        f"""
        select text, region from phone_texts where ending is not null
        qualify records > 1 or count(*) over (partition by ending) > 1 or list_contains($endings::varchar[], ending)
            or ending in (select {ENDING.format("value")} from outside where kind = 'phone')
        """,
        {"endings": sorted(set(endings))},
    ).fetchall()
    con.execute("drop table phone_texts")
    numbers |= parsed(plain)
    blocked = {normalise_phone(value, default_region) for value in blocked_values} - {None}
    texts, regions = zip(*numbers, strict=True) if numbers else ((), ())
    return pa.table(
        {
            "text": texts,
            "region": regions,
            "number": list(numbers.values()),
            "is_blocked": [number in blocked for number in numbers.values()],
        },
        schema=_PHONE_SCHEMA,
    )
