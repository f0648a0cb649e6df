"""What a resolution remembers, so that the next one looks at what has changed only.

Everything here follows from the records, the settings and the model: forgetting it costs time, never a link.
"""

import hashlib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.profiles import COMPARED
from crm_pipeline.identity.rules import CONFLICT_SCHEMA
from crm_pipeline.storage.code_hash import code_hash

_LIBRARIES = ("anyascii", "babel", "duckdb", "nicknames", "phonenumbers", "scipy", "splink")
_KEY = ("record_key", pa.int64())
_SCHEMAS = {
    # Each record, what it held, and the component that it is in.
    "records": pa.schema([_KEY, ("content", pa.uint64()), ("component", pa.int64())]),
    # What records are found by: a hash of each value that may link, and of each thing that makes a pair worth scoring.
    "keys": pa.schema([_KEY, ("key", pa.uint64())]),
    "blocks": pa.schema([_KEY, ("block", pa.uint64())]),
    # Who carries a value that is on many records and links none; `person` as far as stronger kinds tell.
    "silent": pa.schema(
        [_KEY, ("kind", pa.string()), ("value", pa.string()), ("unusable", pa.string()), ("person", pa.int64())]
    ),
    # How telephone numbers were read, at some 40 microseconds each.
    "phones": pa.schema([_KEY, ("text", pa.string()), ("region", pa.string()), ("number", pa.string())]),
    "profiles": pa.schema(
        [
            _KEY,
            *((column, pa.string()) for column in COMPARED),
            ("first_forms", pa.list_(pa.string())),
            ("last_forms", pa.list_(pa.string())),
            ("content", pa.string()),
        ]
    ),
    # Pairs of profiles from the review threshold on.
    "scores": pa.schema([("a", pa.int64()), ("b", pa.int64()), ("weight", pa.float64())]),
    # The listed conflicts with a record that each is about; those about no record in particular are made anew.
    "conflicts": pa.schema([_KEY, *CONFLICT_SCHEMA]),
}
_REMEMBERED = {
    "records": """
        select record_key, content, component from known_records anti join dirty using (record_key)
        union all select record_key, content, component from present join components using (record_key)
    """,
    "keys": "from known_keys anti join dirty using (record_key) union all by name from keys",
    "blocks": "from blocks",
    "silent": """
        from known_silent semi join outside using (kind, value) anti join dirty using (record_key)
        union all by name from silent
    """,
    "phones": "from known_phones anti join dirty using (record_key) union all by name from read_phones",
    "profiles": "from profiles",
    "scores": "from scores",
    "conflicts": "from listed where record_key is not null",
}


@dataclass(frozen=True)
class Memory:
    """What the next resolution starts from.

    Attributes:
        made_of: a hash of what the resolution depends on besides the records.
        version: a hash of that and of all records: the same version has the same tables, in whatever order.
        tables: the tables by name.
    """

    made_of: str
    version: str
    tables: dict[str, pa.Table] = field(compare=False, repr=False)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the tables."""
        return tuple(_SCHEMAS)


def fingerprint(model: Model | None, settings: MatchSettings, region: str) -> str:
    """Return what a resolution depends on besides the records, as a hash: settings, model, libraries and the code."""
    libraries = [version(library) for library in _LIBRARIES]
    stage = code_hash(Path(__file__).parent)
    parts = (model.to_json() if model else None, settings.model_dump_json(), region, libraries, stage)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def recall(con: duckdb.DuckDBPyConnection, memory: Memory | None) -> None:
    """Make the tables `known_...` of what is remembered; empty ones without a memory."""
    for name, schema in _SCHEMAS.items():
        con.register(f"known_{name}", memory.tables[name] if memory else schema.empty_table())


def remember(con: duckdb.DuckDBPyConnection, made_of: str) -> Memory:
    """Return what the next resolution can start from; all tables of this one are there."""
    tables = {
        name: con.sql(query).select(*_SCHEMAS[name].names).to_arrow_table().cast(_SCHEMAS[name])
        for name, query in _REMEMBERED.items()
    }
    con.register("remembered", tables["records"])
    count, content = con.execute("select count(*), sum(hash(record_key, content)) from remembered").fetchall()[0]
    con.unregister("remembered")
    return Memory(made_of, hashlib.sha256(f"{made_of}|{count}|{content}".encode()).hexdigest(), tables)
