"""How probable it is that two records are one person: a Splink model, trained once and kept until it is trained anew.

The method is that of Fellegi and Sunter, with weights by term frequency; see the documentation of Splink 5. A kept
model gives the same pair the same probability whatever other records arrive, so that a day's new records can be
compared with the old ones alone and an untouched person stays as it is.
"""

import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from splink import DuckDBAPI, Linker

from crm_pipeline.identity import comparisons
from crm_pipeline.identity.profiles import COMPARED

# More profiles teach the model nothing further; pairs of random profiles that are compared for it.
_TRAINED_ON = 150_000
_RANDOM_PAIRS = 200_000
_FEWEST_PAIRS = 50
_FEWEST_VALUES = 50
# How many of the true pairs the conditions of `comparisons.same_person` are thought to find.
_RECALL = 0.8
# A level that training has not seen says nothing for or against a match.
_UNSEEN = 0.01
# What a match is said to have of any level at least: about ten bits against it, of a level that nearly all others have.
_LEAST = 0.001
# Pairs below that weight count for nothing; the rounds are enough to settle, and the share stays within that factor.
_HOPELESS = -10
_ROUNDS = 25
_FARTHEST = 8
_SEEN_TWICE = 2
_WEIGHTS = """
    select least(record_key_l, record_key_r) as a, greatest(record_key_l, record_key_r) as b, match_weight as weight
    from {}
"""


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes:
        settings: the Splink settings with the trained probabilities.
        frequencies: column -> value -> share of the profiles that have it, of the values that stand more than once.
        profiles: profiles that there were.
    """

    settings: dict[str, Any]
    frequencies: dict[str, dict[str, float]]
    profiles: int

    @property
    def prior(self) -> float:
        """Log2 of the odds that two random profiles are one person."""
        return to_weight(self.settings["probability_two_random_records_match"])

    def to_json(self) -> str:
        """Return the model as text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Model":
        """Return the model that `to_json` wrote down."""
        return cls(**json.loads(text))


def to_probability(weight: float) -> float:
    """Turn a match weight (log2 of the odds) into a probability."""
    return 1 / (1 + 2.0**-weight)


def to_weight(probability: float) -> float:
    """Turn a probability above 0 and below 1 into a match weight (log2 of the odds)."""
    return math.log2(probability / (1 - probability))


def train(con: duckdb.DuckDBPyConnection, seed: int) -> Model | None:
    """Train a model on the table `profiles`: u from random pairs, m by expectation maximisation.

    Returns:
        The model, or None where too few pairs agree in anything to learn from.
    """
    count = int(con.execute("select count(*) from profiles").fetchall()[0][0])
    con.execute(
        f"""
        create or replace temp table training_profiles as
        select * exclude (content), {comparisons.DERIVED} from profiles where (record_key + $seed) % $count < $most
        """,
        {"seed": seed, "count": max(count, 1), "most": _TRAINED_ON},
    )
    filled = _filled(con)
    learnt_from = [rule for rule in comparisons.learnt_from(filled) if _pairs(con, rule) >= _FEWEST_PAIRS]
    same_person = [rule for rule in comparisons.same_person(filled) if _pairs(con, rule)]
    if not learnt_from or not same_person:
        return None
    linker = _linker(DuckDBAPI(con), "training_profiles", comparisons.splink_settings(filled))
    linker.training.estimate_probability_two_random_records_match([*same_person], recall=_RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS, seed=seed, num_chunks=1)
    for rule in learnt_from:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    settings = linker.misc.save_model_to_json()
    settings["probability_two_random_records_match"] = _prevalence(con, linker, settings)
    linker.table_management.delete_tables_created_by_splink_from_db()
    con.execute("drop table training_profiles")
    completed = _completed(settings, min(count, _TRAINED_ON))
    shares = {column: _shares(con, column, least) for column, least in comparisons.BY_FREQUENCY.items()}
    return Model(completed, shares, count)


def _prevalence(con: duckdb.DuckDBPyConnection, linker: Linker, settings: dict[str, Any]) -> float:
    """Return how rare a match is, so that as many are found as are expected among the pairs worth a look.

    What `comparisons.same_person` finds is where it begins: of dirty records that is too little.
    """
    first: float = settings["probability_two_random_records_match"]
    found = linker.inference.predict(threshold_match_weight=_HOPELESS, warning_mode="never").physical_name
    weights = con.sql(f"select match_weight from {found}").fetchnumpy()["match_weight"] - to_weight(first)
    records = int(con.execute("select count(*) from training_profiles").fetchall()[0][0])
    pairs = records * (records - 1) / 2
    share = first
    for _ in range(_ROUNDS):
        share = float((1 / (1 + np.exp2(-(weights + to_weight(share))))).sum() / pairs)
    return min(max(share, first / _FARTHEST), first * _FARTHEST)


def score_nobody(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table `found` without rows, where there is no model or nothing to score."""
    con.execute("create temp table found as from known_scores limit 0")


def score(con: duckdb.DuckDBPyConnection, model: Model, least_weight: float) -> None:
    """Make the table `found` (a, b, weight) of the pairs in `pairs` whose weight is at least `least_weight`."""
    with _predicted(con, model, least_weight, detailed=False) as scored:
        con.execute(f"create temp table found as {_WEIGHTS.format(scored)}")


def weights(con: duckdb.DuckDBPyConnection, model: Model, pairs: str) -> pa.Table:
    """Return a, b and weight of all pairs (a, b) of a query."""
    with _predicted(con, model, None, detailed=False, pairs=pairs) as scored:
        return con.sql(_WEIGHTS.format(scored)).to_arrow_table()


def weigh(con: duckdb.DuckDBPyConnection, model: Model) -> list[dict[str, Any]]:
    """Return a row for each pair of the table `pairs` with all that its weight is the sum of, as Splink names it."""
    with _predicted(con, model, None, detailed=True) as scored:
        return list(con.sql(f"from {scored} order by record_key_l, record_key_r").to_arrow_table().to_pylist())


@contextmanager
def _predicted(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    least_weight: float | None,
    *,
    detailed: bool,
    pairs: str = "from pairs",
) -> Iterator[str]:
    """Yield the name of a table with the scored pairs (a, b) of a query."""
    retained = {"retain_intermediate_calculation_columns": detailed, "retain_matching_columns": detailed}
    con.execute(f"""
        create temp table paired as
        select *, {comparisons.DERIVED}
        from profiles semi join (select unnest([a, b]) as record_key from ({pairs})) using (record_key)
    """)
    api = DuckDBAPI(con)
    linker = _linker(api, "paired", {**model.settings, **retained})
    for column, shares in model.frequencies.items():
        table = _frequencies(con, column, shares, model.profiles)
        linker.table_management.register_term_frequency_lookup(api.register(table), column)
    con.execute(
        f"create temp table blocked as select a as join_key_l, b as join_key_r, '0' as match_key from ({pairs})"
    )
    linker.table_management.register_blocked_pairs_for_predict(api.register("blocked"))
    yield linker.inference.predict(threshold_match_weight=least_weight, warning_mode="never").physical_name
    linker.table_management.delete_tables_created_by_splink_from_db()
    con.execute("drop table blocked")
    con.execute("drop table paired")


def _linker(api: DuckDBAPI, table: str, settings: dict[str, Any]) -> Linker:
    logging.getLogger("splink").setLevel(logging.ERROR)
    return Linker(api.register(table), settings, log_level=None)


def _filled(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the compared columns that enough profiles have, and in more than one value."""
    counted = ", ".join(f"count({column}), count(distinct {column})" for column in COMPARED)
    counts = con.execute(f"select {counted} from training_profiles").fetchall()[0]
    return [
        column
        for column, values, distinct in zip(COMPARED, counts[::2], counts[1::2], strict=True)
        if values >= _FEWEST_VALUES and distinct > 1
    ]


def _pairs(con: duckdb.DuckDBPyConnection, rule: str) -> int:
    query = f"""
        select count(*) from (
            select 1 from training_profiles as l join training_profiles as r on {rule} and l.record_key < r.record_key
            limit {_FEWEST_PAIRS}
        )
    """
    return int(con.execute(query).fetchall()[0][0])


def _completed(settings: dict[str, Any], records: int) -> dict[str, Any]:
    """Bound what one thing can say, let levels that training has not seen say nothing, and take out what is random.

    A level that no random pair had is about as rare as one among all that were looked at; one that no match had is not
    impossible, so that no single slip keeps two records apart for good.
    """
    settings.pop("linker_uid", None)
    rarest = 1 / min(_RANDOM_PAIRS, max(records * (records - 1) // 2, 1))
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            among_matches, among_others = level.get("m_probability"), level.get("u_probability")
            if among_matches or among_others:
                level["u_probability"] = max(among_others or 0, rarest)
                level["m_probability"] = max(among_matches or 0, _LEAST, 0 if among_matches else among_others or 0)
            else:
                level["m_probability"] = level["u_probability"] = _UNSEEN
    return settings


def _shares(con: duckdb.DuckDBPyConnection, column: str, least: int) -> dict[str, float]:
    query = f"""
        select {column}, count(*) / sum(count(*)) over () as share from profiles where {column} is not null
        group by {column} qualify count(*) >= {least} order by {column}
    """
    return dict(con.execute(query).fetchall())


def _frequencies(con: duckdb.DuckDBPyConnection, column: str, shares: dict[str, float], profiles: int) -> str:
    """Make a table of the kept frequencies.

    A value that the model has not seen often counts as seen once, or where few values are common as any other.
    """
    kept = pa.table({"value": pa.array(shares, pa.string()), "share": pa.array(shares.values(), pa.float64())})
    con.register("kept_shares", kept)
    rare = "1 / $profiles" if comparisons.BY_FREQUENCY[column] <= _SEEN_TWICE else "null"
    con.execute(
        f"""
        create or replace temp table frequencies_{column} as
        select distinct paired.{column}, coalesce(kept_shares.share, {rare}) as tf_{column}
        from paired left join kept_shares on paired.{column} = kept_shares.value
        where paired.{column} is not null and coalesce(kept_shares.share, {rare}) is not null
        """,
        {"profiles": profiles} if rare != "null" else {},
    )
    con.unregister("kept_shares")
    return f"frequencies_{column}"
