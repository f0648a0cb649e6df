"""Staging tables of the identity stage in a warehouse in memory, and records that are resolved from them."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.overrides import Overrides
from crm_pipeline.identity.probability import Model
from crm_pipeline.identity.resolve import Previous, Resolution, resolve

#: record_id, kind, value, first_load, and known_at and country where they matter.
Row = tuple[Any, ...]
Customer = Mapping[str, Any]
AS_OF = date(2024, 3, 31)
IDENTIFIERS = pa.schema(
    [
        ("record_id", pa.string()),
        ("system", pa.string()),
        ("kind", pa.string()),
        ("value", pa.string()),
        ("first_load", pa.int64()),
        ("known_at", pa.timestamp("us")),
        ("country", pa.string()),
    ]
)
CUSTOMERS = pa.schema(
    [
        ("record_id", pa.string()),
        *((name, pa.string()) for name in ("first_name", "last_name")),
        ("birth_date", pa.date32()),
        *((name, pa.string()) for name in ("gender", "street", "postal_code", "city")),
    ]
)


@cache
def _database(threads: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": threads})
    con.execute("create schema staging")
    return con


@contextmanager
def staged(
    rows: Iterable[Row] = (), customers: Iterable[Customer] = (), threads: int = 1
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory with the two staging tables that the stage reads."""
    names = ("record_id", "kind", "value", "first_load", "known_at", "country")
    identifiers = [{"system": row[0].split("|")[0], **dict(zip(names, row, strict=False))} for row in rows]
    with _database(threads).cursor() as con:
        for name, schema, given in (
            ("stg_identifiers", IDENTIFIERS, identifiers),
            ("stg_customers", CUSTOMERS, list(customers)),
        ):
            con.register("given", pa.Table.from_pylist(given, schema=schema))
            con.execute(f"create or replace table staging.{name} as from given")
            con.unregister("given")
        yield con


def resolved(
    rows: Iterable[Row],
    settings: MatchSettings | None = None,
    previous: Resolution | Previous | None = None,
    as_of: date = AS_OF,
    *,
    customers: Iterable[Customer] = (),
    overrides: Overrides | None = None,
    model: Model | None = None,
    region: str = "GB",
    threads: int = 1,
) -> Resolution:
    """Resolve rows of identifiers and profiles, after a previous resolution or with a model that there is."""
    if isinstance(previous, Resolution):
        previous = previous_of(previous)
    with staged(rows, customers, threads) as con:
        resolution = resolve(
            con,
            settings or MatchSettings(),
            region,
            as_of,
            overrides,
            previous or Previous(model=model),
            seed=1,
        )
        assert con.execute("select count(*) from duckdb_tables()").fetchall() == [(2,)], "a table was left"
        return resolution


def previous_of(resolution: Resolution) -> Previous:
    """Return what the next run starts from."""
    return Previous(resolution.tables(), resolution.model, resolution.memory)


def person_of(resolution: Resolution) -> dict[str, str]:
    """The person of each record."""
    return dict(zip(*(resolution.person_map[name].to_pylist() for name in ("record_id", "customer_id")), strict=True))


def groups_of(resolution: Resolution) -> set[frozenset[str]]:
    """The records of each person."""
    found: dict[str, set[str]] = {}
    for record, person in person_of(resolution).items():
        found.setdefault(person, set()).add(record)
    return {frozenset(records) for records in found.values()}


def invented(people: int, seed: int) -> tuple[list[Row], list[Customer]]:
    """Invent identifiers and profiles: about 1.6 records a person, in two systems, with slips of the hand.

    Loads run from 1 to 4. What agrees by chance is rare, so that a model learns what an agreement means.
    """
    rng = random.Random(seed)
    rows: list[Row] = []
    customers: list[Customer] = []
    for number in range(people):
        first, last = _word(rng), _word(rng)
        person = {
            "first_name": first.title(),
            "last_name": last.title(),
            "birth_date": date(1940, 1, 1) + timedelta(days=rng.randrange(25_000)),
            "gender": rng.choice(["female", "male"]),
            "street": f"{rng.randrange(1, 200)} {_word(rng)} Road",
            "postal_code": f"{rng.choice('ABCDE')}{rng.randrange(1, 99)} {rng.randrange(1, 9)}XY",
            "city": rng.choice(["Leeds", "York", "Hull", "Bath", "Ely"]),
        }
        email, phone = f"{first}.{last}@mail.example", f"+44 7700 {number:06d}"
        for copy in range(rng.choice([1, 1, 2, 2, 2])):
            record = f"{'web' if copy == 0 else 'till'}|customer|{seed}-{number}"
            known, load = datetime(2023, 1, 1) + timedelta(hours=number), rng.randrange(1, 5)
            kept = dict(person)
            if copy and rng.random() < 0.4:
                kept["last_name"] = _slip(rng, kept["last_name"])
            if copy and rng.random() < 0.3:
                kept |= {"street": f"{rng.randrange(1, 200)} {_word(rng)} Road", "postal_code": None}
            customers.append({"record_id": record, **kept})
            rows.append((record, "source_id", record.replace("|customer", ""), load, known))
            if rng.random() < 0.6:
                rows.append((record, "email", email, load, known))
            if rng.random() < 0.5:
                rows.append((record, "phone", phone, load, known))
    return rows, customers


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(3))


def _slip(rng: random.Random, text: str) -> str:
    place = rng.randrange(1, len(text))
    return text[:place] + rng.choice("aeiou") + text[place + 1 :]


@pytest.fixture(scope="session", autouse=True)
def _closed() -> Iterator[None]:
    """Close the databases at the end."""
    yield
    for threads in (1, 2):
        _database(threads).close()
    _database.cache_clear()


@pytest.fixture(scope="session")
def resolve_rows() -> Callable[..., Resolution]:
    """Resolve rows of (record_id, kind, value, first_load)."""
    return resolved


@pytest.fixture(scope="session")
def people() -> Callable[[Any], dict[str, str]]:
    """The person of each record."""
    return person_of


@pytest.fixture(scope="session")
def groups() -> Callable[[Any], set[frozenset[str]]]:
    """The records of each person."""
    return groups_of


@pytest.fixture(scope="session")
def model() -> Model:
    """A model of probability, trained once on some 1,500 invented profiles."""
    rows, customers = invented(900, seed=1)
    trained = resolved(rows, customers=customers).model
    assert trained is not None
    return trained
