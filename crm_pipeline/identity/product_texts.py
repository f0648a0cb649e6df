"""What each product of a source says of itself, in the form in which it is compared.

An EAN is a number that is given out once in the world: 8, 12, 13 or 14 digits, the last of which checks the others.
What a company prints itself (weighed goods, its own articles, coupons) is a SKU; a placeholder is nothing.
"""

from collections.abc import Sequence

import duckdb

from crm_pipeline.config.identity import STAND_IN

#: The share of a column's numbers that must pass their check before short ones, and ids, count as EANs: of any numbers
#: a tenth does.
_GENUINE = 0.5
#: Numbers that pass their check and stand on everything.
_EXAMPLES = "0*(1234567890128|123456789012|12345670)"
_DIGITS = r"regexp_replace(regexp_replace(trim({}), '\.0+$', ''), '[\s''`-]', '', 'g')"
#: Excel and number columns lose the zeros before a number, which change nothing in its check.
_EAN_LENGTHS, _SURE_LENGTHS = r"\d{8,14}", r"\d{12,14}"
#: What a company may give out itself: 02, 04 and 20 to 29, coupons, and eight digits that begin with 0 or 2.
_IN_HOUSE = r"\d(02|04|05|2\d|98[1-4]|99)\d*|000000[02]\d*"
_FOLDED = r"nullif(trim(regexp_replace(lower(strip_accents({})), '[^\pL\pM\pN]+', ' ', 'g')), '')"
_GIVEN = "case when not regexp_full_match(lower(trim({0})), $stand_in) then lower(trim({0})) end"


def load_products(con: duckdb.DuckDBPyConnection, trust: Sequence[str]) -> None:
    """Make the temporary table `products` of `staging.stg_products`, the products of the most trusted system first.

    `label` is what tells the products of one system apart: two of them can be one only where it is equal. `gtin` is the
    EAN as fourteen digits, `own_number` one that the company gave out itself, `doubt` what is wrong with an EAN.

    Args:
        con: sees the staging tables.
        trust: the systems, the most trusted first.
    """
    con.execute(
        rf"""
        create temp table products as
        with folded as (
            select product_key, system, product_id, ean, {_FOLDED.format("product_name")} as name,
                {_FOLDED.format("brand")} as brand, {_GIVEN.format("sku")} as sku,
                {_GIVEN.format("product_id")} as code, ean is null as by_id,
                {_DIGITS.format("coalesce(ean, product_id)")} as digits,
                row_number() over (
                    order by list_position($trust::varchar[], system) nulls last, is_listed desc, system, product_id
                ) - 1 as node
            from staging.stg_products
        ), padded as (
            select *, case when regexp_full_match(digits, '{_EAN_LENGTHS}') then lpad(digits, 14, '0') end as padded
            from folded
        ), checked as (
            select *, coalesce(
                list_sum([substr(padded, i, 1)::int * (1 + 2 * (i % 2)) for i in range(1, 15)]) % 10 = 0, false
            ) as is_sound
            from padded
        ), judged as (
            select *, avg(is_sound::int) over (partition by system, by_id) >= {_GENUINE} as is_genuine,
                regexp_full_match(digits, '{_EXAMPLES}') or replace(digits, digits[1], '') = ''
                    or regexp_full_match(lower(digits), $stand_in) as is_nobodys,
                regexp_full_match(digits, '{_SURE_LENGTHS}') as is_long,
                coalesce(regexp_full_match(padded, '{_IN_HOUSE}'), false) as is_own
            from checked
        ), told as (
            select *,
                case
                    when is_nobodys or is_own then null
                    when by_id and is_long and is_sound and is_genuine then padded
                    when not by_id and (is_long or (is_sound and is_genuine)) then padded
                end as gtin
            from judged
        )
        select node, product_key, system, product_id, name, brand, sku, code, gtin,
            coalesce(name, 'product ' || node) || '|' || coalesce(sku, '') as label,
            case when not by_id and is_own and not is_nobodys then digits end as own_number,
            case
                when by_id or is_nobodys or is_own or is_sound then null
                when gtin is not null then format('The EAN {{}} fails its check. Correct it in {{}}.', ean, system)
                else format('{{}} is no EAN: those are 8, 12, 13 or 14 digits, the last of which checks the others. '
                    'Correct it in {{}}.', ean, system)
            end as doubt
        from told
        """,
        {"stand_in": STAND_IN, "trust": list(trust)},
    )
