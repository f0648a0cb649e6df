"""A few records as the stage sees them: the identifiers they carry, and what a probability is the sum of."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity import changes, probability
from crm_pipeline.identity.comparisons import COMPARISONS
from crm_pipeline.identity.normalise import PLAIN_PHONE, SHORTEST_PHONE, load_identifiers
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.profiles import COMPARED, load_profiles

Pair = tuple[str, str]


@dataclass(frozen=True)
class Weight:
    """What one thing says for (above 0) or against a match.

    Attributes:
        thing: what is compared; `start` for the odds of two records taken at random.
        level: how far the two agree.
        bits: weight; 1 doubles the odds.
        values: what the two records hold, in the order of the pair.
    """

    thing: str
    level: str
    bits: float
    values: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Closeup:
    """A few records seen closely.

    Attributes:
        identifiers: (kind, hash) -> normalised value of the identifiers that the records carry.
        weights: pair of records -> what the probability of their link is the sum of.
    """

    identifiers: dict[tuple[str, str], str] = field(default_factory=dict)
    weights: dict[Pair, tuple[Weight, ...]] = field(default_factory=dict)


def look_closely(
    con: duckdb.DuckDBPyConnection,
    settings: MatchSettings,
    region: str,
    model: Model | None,
    records: Collection[str],
    pairs: Collection[Pair],
) -> Closeup:
    """Look at records as a whole resolution does, without resolving all.

    Args:
        con: has the schema `staging`.
        settings: the limits and exceptions of the rules.
        region: ISO country of phone numbers that are written without a country code.
        model: the kept model; without one there are no weights.
        records: the records.
        pairs: pairs of them whose weights are wanted.
    """
    with _records_alone(con, records) as few:
        changes.look_at_all(few, settings)
        load_identifiers(few, settings, region)
        load_profiles(few)
        identifiers = few.execute(
            """
            select kind, md5(value), value from identifiers join records using (node)
            where list_contains($records::varchar[], record_id)
            """,
            {"records": list(records)},
        ).fetchall()
        weights = _weights(few, model, pairs) if model and pairs else {}
    return Closeup({(kind, value_hash): value for kind, value_hash, value in identifiers}, weights)


@contextmanager
def _records_alone(con: duckdb.DuckDBPyConnection, records: Collection[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database with the staging rows of the records, and of others that carry what they carry.

    How a phone is read and whether a value is anybody's own depends on who else carries it.
    """
    identifiers = con.sql(
        f"""
        with marked as (
            select *, list_contains($records::varchar[], record_id) as is_wanted,
                case when kind <> 'phone' then lower(trim(value))
                    when regexp_matches(trim(value), '{PLAIN_PHONE}')
                        then right(regexp_replace(value, '[^0-9]', '', 'g'), {SHORTEST_PHONE})
                    else 'odd' end as alike
            from staging.stg_identifiers
        )
        select * exclude (is_wanted, alike) from marked
        where is_wanted or kind = 'phone' and alike = 'odd'
            or (kind, alike) in (select (kind, alike) from marked where is_wanted)
        """,
        params={"records": list(records)},
    ).to_arrow_table()
    customers = con.sql(
        "from staging.stg_customers where list_contains($records::varchar[], record_id)",
        params={"records": list(records)},
    ).to_arrow_table()
    with duckdb.connect() as few:
        few.execute("create schema staging")
        for name, rows in (("stg_identifiers", identifiers), ("stg_customers", customers)):
            few.register("rows_of_records", rows)
            few.execute(f"create table staging.{name} as from rows_of_records")
            few.unregister("rows_of_records")
        yield few


def _weights(con: duckdb.DuckDBPyConnection, model: Model, pairs: Collection[Pair]) -> dict[Pair, tuple[Weight, ...]]:
    con.register("wanted", pa.table(list(zip(*pairs, strict=True)), names=["record_a", "record_b"]))
    con.execute("""
        create temp table pairs as
        select distinct least(one.record_key, other.record_key) as a, greatest(one.record_key, other.record_key) as b
        from wanted
        join records as one on one.record_id = record_a join profiles as first on first.record_key = one.record_key
        join records as other on other.record_id = record_b
        join profiles as second on second.record_key = other.record_key
    """)
    key_of = dict(con.execute("select record_id, record_key from records").fetchall())
    rows = {frozenset((row["record_key_l"], row["record_key_r"])): row for row in probability.weigh(con, model)}
    found = {}
    for one, other in pairs:
        row = rows.get(frozenset((key_of[one], key_of[other])))
        if row:
            sides = "lr" if row["record_key_l"] == key_of[one] else "rl"
            found[one, other] = tuple(_read(row, model.settings, sides))
    return found


def _read(row: dict[str, Any], settings: dict[str, Any], sides: str) -> Iterator[Weight]:
    """Yield what the weight of a scored pair is the sum of."""
    prior = settings["probability_two_random_records_match"]
    yield Weight("start", "two records at random", probability.to_weight(prior))
    for comparison in settings["comparisons"]:
        thing = comparison["output_column_name"]
        yield Weight(thing, _level(row, comparison), row[f"mw_{thing}"], _values(row, thing, sides))
        rarity = row.get(f"mw_tf_adj_{thing}") or 0.0
        if rarity:
            level = "rarer than usual" if rarity > 0 else "more common than usual"
            yield Weight(f"{thing}, how frequent", level, rarity)


def _level(row: dict[str, Any], comparison: dict[str, Any]) -> str:
    """Return the label of the level that two records reach: Splink counts from the last one up, missing is -1."""
    levels = comparison["comparison_levels"]
    telling = [level for level in levels if not level.get("is_null_level")]
    reached = row[f"gamma_{comparison['output_column_name']}"]
    return str(telling[-1 - reached]["label_for_charts"]) if reached >= 0 else "missing"


def _values(row: dict[str, Any], thing: str, sides: str) -> tuple[str, str]:
    columns = (thing,) if thing in COMPARED else COMPARISONS[thing][0]
    one, other = (", ".join(str(row[f"{column}_{side}"] or "") for column in columns).strip(", ") for side in sides)
    return one, other
