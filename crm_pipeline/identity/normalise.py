"""Identifiers in one form: the same e-mail, phone or loyalty card written in two ways becomes one value.

Text work is SQL. Phone numbers need the numbering plans of `phonenumbers`, at some 40 microseconds a number: only
numbers that could equal another one are parsed, each text once.
"""

from collections.abc import Iterable
from functools import lru_cache

import duckdb
import phonenumbers
import pyarrow as pa

from crm_pipeline.matching import KINDS, STAND_INS, MatchSettings

# What sources write when they know nothing, or when the value is not the person's own. Matched in full, in lower case.
BLOCKED_PATTERNS: tuple[str, ...] = (*STAND_INS, "0?1234567(8(90?)?)?")
PLAIN_PHONE = "^[0-9 +()./-]+$"
# A shorter number (a short code, a slip of the hand) says too little about a person to link two records. It also
# makes the last digits a safe first sieve: two spellings of one longer number always share them.
SHORTEST_PHONE = 7


class IdentityError(ValueError):
    """The identifiers cannot be resolved; the message says what is wrong and what to do."""


_PHONE_SCHEMA = pa.schema([("text", pa.string()), ("number", pa.string()), ("is_blocked", pa.bool_())])
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


def load_identifiers(con: duckdb.DuckDBPyConnection, settings: MatchSettings, region: str) -> None:
    """Make the temporary tables `records` and `identifiers` of the records that are looked at.

    Needs the tables of `changes`. `records` numbers the records so that the smallest `node` of a group is its founding
    record, and names each by its `record_key`. A record of a system that joined earlier comes first, then the one that
    came to be first. So neither a further system nor the order in which the files of a known one arrive changes who
    founded a person. `identifiers` holds each (node, kind, value) once; `unusable` says why a value may not link.
    `read_phones` (record_key, text, number) holds the telephone numbers that were parsed.

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
    con.execute("""
        create temp table texts as
        select distinct records.node, identifiers.kind, trim(identifiers.value) as text
        from staging.stg_identifiers as identifiers join records using (record_id)
    """)
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
            from texts left join phones on texts.kind = 'phone' and texts.text = phones.text
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
        select record_key, text, number from texts join records using (node) join phones using (text)
        where texts.kind = 'phone'
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


def _parse_phones(con: duckdb.DuckDBPyConnection, blocked_values: tuple[str, ...], region: str) -> pa.Table:
    """Parse the phone texts that could link two records: the others need no normal form."""
    con.execute(f"""
        create temp table phone_texts as
        select text, count(*) as records,
            case when regexp_matches(text, '{PLAIN_PHONE}') then {ENDING.format("text")} end as ending
        from texts where kind = 'phone' group by text
    """)
    known = dict(con.execute("select text, number from known_phones semi join dirty using (record_key)").fetchall())

    def parsed(texts: Iterable[tuple[str]]) -> dict[str, str | None]:
        return {text: known[text] if text in known else normalise_phone(text, region) for (text,) in texts}

    numbers = parsed(con.execute("select text from phone_texts where ending is null").fetchall())
    endings = [number[-SHORTEST_PHONE:] for number in numbers.values() if number]
    plain = con.execute(
        f"""
        select text from phone_texts where ending is not null
        qualify records > 1 or count(*) over (partition by ending) > 1 or list_contains($endings::varchar[], ending)
            or ending in (select {ENDING.format("value")} from outside where kind = 'phone')
        """,
        {"endings": sorted(set(endings))},
    ).fetchall()
    con.execute("drop table phone_texts")
    numbers |= parsed(plain)
    blocked = {normalise_phone(value, region) for value in blocked_values} - {None}
    return pa.table(
        {
            "text": list(numbers),
            "number": list(numbers.values()),
            "is_blocked": [number in blocked for number in numbers.values()],
        },
        schema=_PHONE_SCHEMA,
    )
