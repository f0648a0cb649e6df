"""Pairs of records worth scoring: those that agree in two things, found by equal keys instead of all with all."""

import duckdb

_FULL_NAME = (
    "case when first_name < last_name then first_name || ' ' || last_name else last_name || ' ' || first_name end"
)
_YEAR = "left(birth_date, 4)"
#: Each key joins things that a person mostly keeps; two records need one key in common. An empty part makes no key.
KEYS: tuple[tuple[str, ...], ...] = (
    ("birth_date", "left(last_name, 3)"),
    ("birth_date", "left(first_name, 3)"),
    ("birth_date", "postal_code"),
    ("birth_date", "street"),
    (_YEAR, "postal_code"),
    (_YEAR, _FULL_NAME),
    ("right(birth_date, 5)", _FULL_NAME),
    (_FULL_NAME, "city"),
    ("first_name", "postal_code"),
    ("last_name", "postal_code"),
    ("first_name", "street"),
    ("last_name", "street"),
    ("left(last_name, 1)", "split_part(email, '@', 1)"),
)


def load_blocks(con: duckdb.DuckDBPyConnection, records_per_block: int) -> None:
    """Make the temporary tables `blocks` and `crowded`: keys that few enough profiles share, and the others.

    A crowded key, such as a popular name in a large town, tells too little and costs too much. Needs `profiles`, and of
    the run before `known_profiles` (record_key, content) and `known_crowded` (block). `is_new` says that a profile has
    not been compared within the block: its content is new, or the block was crowded before.
    """
    parts = " union all ".join(
        f"select record_key, content, hash({number}, {', '.join(key)}) as block from profiles "
        f"where {' and '.join(f'({part}) is not null' for part in key)}"
        for number, key in enumerate(KEYS)
    )
    con.execute(f"""
        create temp table keyed as
        select *, count(*) over (partition by block) as records from ({parts})
        qualify records > 1
    """)
    con.execute("create temp table crowded as select distinct block from keyed where records > ?", [records_per_block])
    con.execute(
        """
        create temp table blocks as
        select keyed.block, keyed.record_key,
            known_profiles.record_key is null or known_crowded.block is not null as is_new
        from keyed
        left join known_profiles using (record_key, content)
        left join known_crowded using (block)
        where keyed.records <= ?
        """,
        [records_per_block],
    )
    con.execute("drop table keyed")


def load_pairs(con: duckdb.DuckDBPyConnection) -> int:
    """Make the temporary table `pairs` (a, b) of the profiles that share a block and have not been scored; count them.

    Needs the tables of `load_blocks`, and of the run before `known_scores` (a, b, weight). Leaves in `known_scores` the
    pairs that still share a block and whose profiles are what they were.
    """
    con.execute("""
        create temp table pairs as
        select distinct l.record_key as a, r.record_key as b
        from blocks as l join blocks as r using (block)
        where l.record_key < r.record_key and (l.is_new or r.is_new)
    """)
    con.execute("""
        create or replace temp table known_scores as
        select distinct scores.a, scores.b, scores.weight
        from known_scores as scores
        join blocks as l on l.record_key = scores.a
        join blocks as r on r.record_key = scores.b and r.block = l.block
        anti join pairs on pairs.a = scores.a and pairs.b = scores.b
    """)
    return int(con.execute("select count(*) from pairs").fetchall()[0][0])
