"""Tables of a real PostgreSQL server, started for these tests, landed as files and loaded; SQLite where any will do."""

import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from dagster import materialize
from sqlalchemy import create_engine, text

from crm_pipeline.raw.assets import raw_channels
from crm_pipeline.raw.extraction.land import land
from crm_pipeline.raw.extraction.secrets import ExtractionError
from crm_pipeline.resources import Workspace

AT = datetime(2024, 6, 1, 12, tzinfo=UTC)
PASSWORD = "p@ss/w:rd-not-to-be-seen"
TABLE = """
    create table shop.customers (
        id bigint primary key, name text, balance numeric, vip boolean, born date, photo bytea, tags jsonb,
        updated_at timestamptz not null, local_time timestamp
    )
"""


def server_programs():
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


@pytest.fixture(scope="module")
def postgres():
    """The URL of a PostgreSQL server in a temporary folder, on a free port of this machine."""
    pytest.importorskip("psycopg")
    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server program was found; on Debian: apt-get install postgresql")
    # The server refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg") as name, socket.create_server(("127.0.0.1", 0)) as free:
        folder, port = Path(name), free.getsockname()[1]
        free.close()
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)

        def call(program, *arguments):
            command = [programs / program, *map(str, arguments)]
            subprocess.run(command, check=True, user=user and user.pw_uid, cwd=folder, stdout=subprocess.DEVNULL)

        secret = ("-A", "scram-sha-256", "--pwfile", folder / "password")
        call("initdb", "-D", folder / "data", "-U", "tester", "-E", "UTF8", "--no-sync", *secret)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call("pg_ctl", "-D", folder / "data", "-w", "-s", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://tester:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", folder / "data", "-w", "-s", "-m", "immediate", "stop")


@pytest.fixture
def database(postgres, monkeypatch):
    """Run SQL on the server; the schema `shop` is new and has one empty table."""
    monkeypatch.setenv("SHOP_DB_URL", postgres)
    engine = create_engine(postgres)

    def execute(sql, **values):
        with engine.begin() as connection:
            connection.execute(text(sql), values)

    execute("drop schema if exists shop cascade")
    execute("create schema shop")
    execute(TABLE)
    yield execute
    engine.dispose()


def source(**table):
    table = {"url_env": "SHOP_DB_URL", "table": "customers", "schema": "shop", "cursor": "updated_at"} | table
    return {
        "name": "crm",
        "channel": "customers",
        "files": "landing/crm/*.jsonl",
        "extract": {"sql_table": {key: value for key, value in table.items() if value is not None}},
        "columns": {"customer_id": "id", "first_name": "name", "birth_date": "born", "updated_at": "updated_at"},
    }


def fetch(shop, minutes=0):
    """Land what is new; return the rows of each new file."""
    landed = land(shop.settings, shop.dataset, AT + timedelta(minutes=minutes))
    return [[json.loads(line) for line in file.path.read_text().splitlines()] for file in landed]


def ids(files):
    return [[row["id"] for row in rows] for rows in files]


def landing(shop):
    return sorted(path.name for path in (shop.settings.dataset_folder / "landing").rglob("*.*"))


def add(database, number, updated, **values):
    values = {"name": "Ann", "balance": "0"} | values
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    database(
        f"insert into shop.customers (id, updated_at, {names}) values (:id, :updated, {places})",
        id=number,
        updated=updated,
        **values,
    )


@pytest.mark.postgres
def test_every_type_arrives_exactly(shop, database):
    add(
        database,
        9007199254740993,
        "2024-03-31 01:30:00+02",
        name='Zoë "Q"\nO\'Hara, 北京\t\\',
        balance="12345678901234567890.123456789012345",
        vip=True,
        born="1980-02-29",
        photo=b"\x00\xff",
        tags='{"a": [1, null]}',
        local_time="2024-03-31 02:30:00.000001",
    )
    add(database, 2, "2024-03-31 10:00:00+00", name=None, balance=None, vip=False)
    shop.configure(source())
    assert fetch(shop) == [
        [
            {
                "id": 9007199254740993,
                "name": 'Zoë "Q"\nO\'Hara, 北京\t\\',
                "balance": "12345678901234567890.123456789012345",
                "vip": True,
                "born": "1980-02-29",
                "photo": "00ff",
                "tags": {"a": [1, None]},
                "updated_at": "2024-03-30T23:30:00+00:00",
                "local_time": "2024-03-31T02:30:00.000001",
            },
            {"id": 2, "name": None, "balance": None, "vip": False, "born": None, "photo": None, "tags": None}
            | {"updated_at": "2024-03-31T10:00:00+00:00", "local_time": None},
        ]
    ]
    shop.load()
    assert shop.query("select customer_id, first_name, birth_date::varchar, updated_at::varchar from {customers}") == [
        ("9007199254740993", 'Zoë "Q"\nO\'Hara, 北京\t\\', "1980-02-29", "2024-03-30 23:30:00"),
        ("2", None, None, "2024-03-31 10:00:00"),
    ]


@pytest.mark.postgres
def test_a_second_extraction_lands_only_what_was_changed_since(shop, database):
    add(database, 1, "2024-05-01 10:00:00+00")
    add(database, 2, "2024-05-02 10:00:00+00")
    shop.configure(source(chunk_rows=1))
    assert ids(fetch(shop)) == [[1, 2]]
    assert fetch(shop, 1) == []
    database("update shop.customers set name = 'Bea', updated_at = '2024-05-03 10:00:00+00' where id = 1")
    add(database, 3, "2024-05-04 10:00:00+00")
    assert sorted(*ids(fetch(shop, 2))) == [1, 3]
    assert landing(shop) == ["crm__20240601T120000Z.jsonl", "crm__20240601T120200Z.jsonl"]
    shop.load()
    newest = "select customer_id, arg_max(first_name, updated_at) from {customers} group by 1 order by 1"
    assert shop.query(newest) == [("1", "Bea"), ("2", "Ann"), ("3", "Ann")]


@pytest.mark.postgres
def test_late_and_changed_rows_with_the_last_cursor_value_land_once(shop, database):
    add(database, 1, "2024-05-01 10:00:00+00")
    shop.configure(source())
    fetch(shop)
    add(database, 2, "2024-05-01 10:00:00+00")
    assert ids(fetch(shop, 1)) == [[2]]
    database("update shop.customers set name = 'Bea' where id = 1")
    assert ids(fetch(shop, 2)) == [[1]]
    assert fetch(shop, 3) == []


@pytest.mark.postgres
def test_a_row_without_a_cursor_value_is_told_also_when_it_comes_later(shop, database):
    add(database, 1, "2024-05-01 10:00:00+00")
    add(database, 2, "2024-05-01 10:00:00+00", local_time="2024-05-01 10:00:00")
    shop.configure(source(cursor="local_time"))
    with pytest.raises(ExtractionError, match="a row has no value in the cursor's field") as caught:
        fetch(shop)
    assert "Ann" not in str(caught.value)
    database("update shop.customers set local_time = '2024-05-01 09:00:00' where id = 1")
    assert sorted(*ids(fetch(shop, 1))) == [1, 2]
    add(database, 3, "2024-05-01 10:00:00+00")
    with pytest.raises(ExtractionError, match="a row has no value in the cursor's field"):
        fetch(shop, 2)
    assert landing(shop) == ["crm__20240601T120100Z.jsonl"]


@pytest.mark.postgres
def test_a_view_without_a_cursor_lands_again_only_if_it_differs(shop, database):
    add(database, 1, "2024-05-01 10:00:00+00")
    database("create view shop.people as select id, name, born, updated_at from shop.customers order by id")
    shop.configure(source(table="people", cursor=None))
    assert ids(fetch(shop)) == [[1]]
    assert fetch(shop, 1) == []
    add(database, 2, "2020-01-01 00:00:00+00")
    assert ids(fetch(shop, 2)) == [[1, 2]]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": "custommers"}, "there is no table or view shop.custommers"),
        ({"schema": "sop"}, "there is no table or view sop.customers"),
        ({"cursor": "changed_at"}, "the table shop.customers has no column 'changed_at'"),
    ],
)
def test_a_wrong_name_is_told(shop, database, change, words):
    add(database, 1, "2024-05-01 10:00:00+00")
    shop.configure(source(**change))
    with pytest.raises(ExtractionError, match=rf"^Source crm: 127.0.0.1:\d+/postgres: {words}"):
        fetch(shop)


@pytest.mark.postgres
def test_a_user_without_the_right_to_read_is_told(shop, database, postgres, monkeypatch):
    database("drop role if exists guest")
    database("create role guest login password 'guest-not-to-be-seen'")
    database("grant usage on schema shop to guest")
    url = postgres.replace(f"tester:{quote(PASSWORD, safe='')}", "guest:guest-not-to-be-seen")
    monkeypatch.setenv("SHOP_DB_URL", url)
    shop.configure(source())
    with pytest.raises(ExtractionError, match=r"permission denied for table customers\. Grant the user select"):
        fetch(shop)


@pytest.mark.postgres
def test_a_wrong_password_is_told_and_not_shown(shop, postgres, monkeypatch):
    monkeypatch.setenv("SHOP_DB_URL", postgres.replace("not-to-be-seen", "wrong-not-to-be-seen"))
    shop.configure(source())
    with pytest.raises(ExtractionError, match="password authentication failed") as caught:
        fetch(shop)
    assert "not-to-be-seen" not in str(caught.value)
    assert "See that the server runs and that SHOP_DB_URL is right" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_does_not_run_is_told_without_the_password(shop, monkeypatch):
    pytest.importorskip("psycopg")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("SHOP_DB_URL", f"postgresql://me:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/db")
    shop.configure(source())
    with pytest.raises(
        ExtractionError, match=f"^Source crm: 127.0.0.1:{port}/db: the database cannot be asked"
    ) as told:
        fetch(shop)
    assert "not-to-be-seen" not in str(told.value)
    assert landing(shop) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "the environment variable SHOP_DB_URL is not set. Set it"),
        ("not-to-be-seen", "the URL cannot be used"),
        ("postgres://me:not-to-be-seen@db.example.com/x", "the URL cannot be used"),
        ("mssql+pyodbc://me:not-to-be-seen@db.example.com/x", "the driver of the URL, pyodbc, is not installed"),
        ("postgresql+psycopg://me:not-to-be-seen@db.example.com:port/x", "the URL cannot be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_and_not_shown(shop, monkeypatch, url, words):
    monkeypatch.delenv("SHOP_DB_URL", raising=False)
    if url:
        monkeypatch.setenv("SHOP_DB_URL", url)
    shop.configure(source())
    with pytest.raises(ExtractionError) as caught:
        fetch(shop)
    assert str(caught.value).startswith("Source crm: ")
    assert words in str(caught.value)
    assert "not-to-be-seen" not in str(caught.value)


@pytest.fixture
def sqlite(shop, monkeypatch, tmp_path):
    """A table in an SQLite file."""
    with sqlite3.connect(tmp_path / "shop.db") as file:
        file.execute("create table customers (id, name, born, updated_at)")
        file.execute("insert into customers values ('007', 'Ann', null, '2024-05-01T10:00:00Z')")
    monkeypatch.setenv("SHOP_DB_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    shop.configure(source(schema=None))


def test_a_database_of_another_kind_works_the_same(shop, sqlite):
    assert ids(fetch(shop)) == [["007"]]
    assert fetch(shop, 1) == []
    shop.load()
    assert shop.query("select customer_id, first_name from {customers}") == [("007", "Ann")]


def test_a_run_lands_first_and_stops_at_what_cannot_be_fetched(shop, sqlite, monkeypatch, tmp_path):
    monkeypatch.setenv("CRM_DATASET", "shop")
    monkeypatch.setenv("CRM_DATA_ROOT", str(shop.settings.data_root))
    monkeypatch.setenv("CRM_STATE_ROOT", str(shop.settings.state_root))

    def run():
        return materialize([raw_channels], resources={"workspace": Workspace()}, raise_on_error=False)

    assert run().success
    assert shop.query("select customer_id from {customers}") == [("007",)]
    before = shop.version()
    (tmp_path / "shop.db").unlink()
    monkeypatch.delenv("SHOP_DB_URL")
    failed = run()
    assert not failed.success
    (failure,) = [event for event in failed.all_events if event.is_step_failure]
    told = failure.step_failure_data.error.to_string()
    assert "Source crm: the environment variable SHOP_DB_URL is not set" in told
    assert shop.version() == before
