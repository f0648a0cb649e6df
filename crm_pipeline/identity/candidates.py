"""Pairs of records worth scoring: those that agree in two things, found by equal keys instead of all with all."""

import duckdb


def _either_way(name: str) -> str:
    """Return both names, or what `name` makes of each, whichever of them comes first; null where one is missing."""
    one, other = name.format("first_name"), name.format("last_name")
    return f"case when {one} < {other} then {one} || ' ' || {other} else {other} || ' ' || {one} end"


_FULL_NAME = _either_way("{0}")
_STARTS_OF_NAMES = _either_way("left({0}, 3)")
_YEAR = "left(birth_date, 4)"
#: Each key joins things that a person mostly keeps; two records need one key in common. An empty part makes no key.
KEYS: tuple[tuple[str, ...], ...] = (
    ("birth_date", "left(last_name, 3)"),
    ("birth_date", "left(first_name, 3)"),
    ("birth_date", "postal_code"),
    ("birth_date", "street"),
    ("birth_date", "city"),
    (_YEAR, "postal_code"),
    (_YEAR, _STARTS_OF_NAMES),
    ("right(birth_date, 5)", _FULL_NAME),
    (_STARTS_OF_NAMES, "city"),
    (_STARTS_OF_NAMES, "left(postal_code, 2)"),
    ("last_name", "city"),
    ("left(first_name, 3)", "postal_code"),
    ("left(last_name, 3)", "postal_code"),
    ("postal_code", "street"),
    ("postal_code", "nullif(regexp_extract(street, '[0-9]+'), '')"),
    ("first_name", "street"),
    ("last_name", "street"),
    ("left(last_name, 1)", "split_part(email, '@', 1)"),
)


def load_blocks(con: duckdb.DuckDBPyConnection, records_per_block: int) -> None:
    """Make the temporary tables `blocks` (record_key, block) of all profiles, and `members` of what may make new pairs.

    Needs the tables of `load_profiles`, and of the run before `known_blocks`. A block of more profiles than the limit
    is crowded: a key such as a popular name in a large town tells too little and costs too much. `members` holds the
    profiles of the blocks that have changed and are not crowded; `is_new` says that a profile has not been compared
    within the block: it is fresh, or the block was crowded before. `filled` names the blocks that are crowded now and
    were not before.
    """
    parts = " union all ".join(
        f"select record_key, hash({number}, {', '.join(key)}) as block from fresh_profiles "
        f"where {' and '.join(f'({part}) is not null' for part in key)}"
        for number, key in enumerate(KEYS)
    )
    con.execute(f"""
        create temp table fresh_blocks as
        with fresh_profiles as materialized (from profiles semi join fresh using (record_key))
        {parts}
    """)
    con.execute("""
        create temp table blocks as
        select record_key, block from known_blocks anti join stale using (record_key)
        union all select record_key, block from fresh_blocks
    """)
    con.execute("""
        create temp table changed_blocks as
        with changed as (
            select block from fresh_blocks union select block from known_blocks semi join stale using (record_key)
        ), earlier as (
            select block, count(*) as earlier from known_blocks semi join changed using (block) group by block
        ), now as (
            select block, count(*) as records from blocks semi join changed using (block) group by block
        )
        select block, coalesce(earlier, 0) as earlier, records from now left join earlier using (block)
    """)
    con.execute(
        """
        create temp table members as
        select blocks.block, blocks.record_key,
            changed_blocks.earlier > $most or fresh.record_key is not null as is_new
        from blocks join changed_blocks using (block) left join fresh using (record_key)
        where changed_blocks.records between 2 and $most
        """,
        {"most": records_per_block},
    )
    con.execute(
        "create temp table filled as select block from changed_blocks where earlier <= $most and records > $most",
        {"most": records_per_block},
    )


def load_pairs(con: duckdb.DuckDBPyConnection, records_per_block: int) -> int:
    """Make the temporary table `pairs` (a, b) of the profiles that are to be scored; count them.

    Needs the tables of `load_blocks`, and of the run before `known_scores` (a, b, weight). Makes `lost` as well: the
    scored pairs that no longer share a block.
    """
    con.execute("""
        create temp table pairs as
        select distinct l.record_key as a, r.record_key as b
        from members as l join members as r using (block)
        where l.record_key < r.record_key and (l.is_new or r.is_new)
    """)
    con.execute(
        """
        create temp table lost as
        with crowd as (
            select record_key, block from blocks semi join filled using (block)
        ), doubtful as (
            select distinct a, b from known_scores
            join crowd as l on l.record_key = a join crowd as r on r.record_key = b and r.block = l.block
        ), in_common as (
            select a, b, l.block from doubtful
            join blocks as l on l.record_key = a join blocks as r on r.record_key = b and r.block = l.block
        ), roomy as (
            select block from blocks semi join in_common using (block) group by block having count(*) <= ?
        )
        select a, b from doubtful anti join (from in_common semi join roomy using (block)) as kept using (a, b)
        """,
        [records_per_block],
    )
    return int(con.execute("select count(*) from pairs").fetchall()[0][0])
