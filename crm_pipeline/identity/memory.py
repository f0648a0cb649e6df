"""What a resolution remembers, so that the next one compares new records with the old ones only.

Everything here follows from the records and the model: forgetting it costs time, never a link.
"""

import hashlib
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from crm_pipeline.identity.candidates import KEYS
from crm_pipeline.identity.probability import Model
from crm_pipeline.matching import MatchSettings

_SCHEMAS = {
    "profiles": pa.schema([("record_key", pa.int64()), ("content", pa.string())]),
    "crowded": pa.schema([("block", pa.uint64())]),
    "scores": pa.schema([("a", pa.int64()), ("b", pa.int64()), ("weight", pa.float64())]),
}


@dataclass(frozen=True)
class Memory:
    """The profiles that were compared, the blocks that were too crowded to compare, and the scores worth keeping.

    `fingerprint` names what the scores depend on besides the records; a memory of another one is of no use.
    """

    fingerprint: str
    profiles: pa.Table
    crowded: pa.Table
    scores: pa.Table

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the tables."""
        return tuple(_SCHEMAS)

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables by name."""
        return {name: getattr(self, name) for name in _SCHEMAS}


def fingerprint(model: Model, settings: MatchSettings) -> str:
    """Return what scores depend on besides the records, as a hash."""
    # The hash of a block is DuckDB's own and may differ between its versions.
    parts = (model.to_json(), KEYS, settings.records_per_block, settings.review, duckdb.__version__)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def recall(con: duckdb.DuckDBPyConnection, memory: Memory | None, wanted: str) -> None:
    """Make the tables `known_profiles`, `known_crowded` and `known_scores`; empty ones without a fitting memory."""
    fits = memory is not None and memory.fingerprint == wanted
    for name, schema in _SCHEMAS.items():
        con.register("remembered", getattr(memory, name).cast(schema) if fits else schema.empty_table())
        con.execute(f"create temp table known_{name} as from remembered")
        con.unregister("remembered")


def remember(con: duckdb.DuckDBPyConnection, wanted: str) -> Memory:
    """Return what the next resolution can start from; the tables of `candidates` and `probability` are there."""
    queries = {
        "profiles": "select record_key, content from profiles order by record_key",
        "crowded": "select block from crowded order by block",
        "scores": "select a, b, weight from known_scores order by a, b",
    }
    tables = {name: con.sql(query).to_arrow_table().cast(_SCHEMAS[name]) for name, query in queries.items()}
    return Memory(wanted, **tables)
