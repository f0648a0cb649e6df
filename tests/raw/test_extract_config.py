"""`extract:` in pipeline.yml: a mistake is named with its place, and a secret is refused without being shown."""

import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from crm_pipeline.cli.app import app
from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.raw.extraction.secrets import Secrets

SECRET = "not-to-be-seen"
SQL = {"url_env": "SHOP_DB_URL", "table": "customers"}
REST = {"base_url": "https://api.example.com", "path": "/v1/customers", "paginator": "single_page"}


def load(folder, extract, **source):
    source = {"name": "crm", "channel": "customers", "files": "landing/crm/*.jsonl", "extract": extract} | source
    document = {"sources": [source | {"columns": {"customer_id": "id"}}]}
    (folder / "pipeline.yml").write_text(yaml.safe_dump(document, sort_keys=False))
    return load_dataset(folder).sources[0]


def test_the_file_name_fits_the_pattern(tmp_path):
    assert load(tmp_path, {"sql_table": SQL | {"schema": "public"}}).extract.origin.schema_ == "public"
    assert load(tmp_path, {"rest": REST}, files="landing/crm/crm_*.jsonl.gz").extract.origin.records == "$"


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        ({"sql_table": {"url": SECRET, "table": "t"}}, "line 6, sources[0].extract.sql_table: 'url' is a secret"),
        ({"sql_table": {"url_env": f"postgresql://me:{SECRET}@x/y", "table": "t"}}, "not the name of an environment"),
        (
            {"rest": REST | {"auth": {"type": "bearer", "token": SECRET}}},
            "extract.rest.auth: 'token' is a secret and does not belong in this file. Put it into an environment",
        ),
        ({"rest": REST | {"auth": {"type": "bearer", "token_env": SECRET}}}, "rest.auth.token_env: not the name of"),
        ({"rest": REST | {"auth": {"type": "http_basic", "password": SECRET}}}, "'password' is a secret"),
        ({"rest": REST | {"headers_env": {"X-Key": SECRET}}}, "rest.headers_env: not the name of"),
        ({"rest": REST | {"headers": {"Authorization": SECRET}}}, "'Authorization' looks like a secret"),
        ({"rest": REST | {"params": {"api_key": SECRET}}}, "'api_key' looks like a secret"),
        ({"rest": REST | {"base_url": f"https://me:{SECRET}@api.example.com"}}, "an address with a user"),
        ({"rest": REST | {"base_url": f"https://api.example.com?k={SECRET}"}}, "an address with a user or parameters"),
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_shown(tmp_path, extract, words):
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, extract)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("extract", "source", "words"),
    [
        ({}, {}, "give exactly one of sql_table and rest"),
        ({"sql_table": SQL, "rest": REST}, {}, "give exactly one of sql_table and rest"),
        ({"sql": SQL}, {}, "unknown key 'sql'. Use one of: sql_table, rest"),
        ({"sql_table": SQL | {"colour": 1}}, {}, "unknown key 'colour'. Use one of: url_env, table, schema, cursor"),
        ({"sql_table": SQL | {"tabel": "t"}}, {}, "unknown key 'tabel'. Did you mean 'table'?"),
        ({"rest": REST | {"cursor": {"feld": "f"}}}, {}, "unknown key 'feld'. Did you mean 'field'?"),
        ({"rest": {key: REST[key] for key in ("base_url", "path")}}, {}, "the key 'paginator' is missing"),
        ({"rest": REST | {"base_url": "api.example.com"}}, {}, "not an address. Give one such as https://"),
        ({"rest": REST | {"auth": {"type": "api_key", "api_key_env": "K"}}}, {}, "type api_key needs name"),
        ({"rest": REST | {"auth": {"type": "bearer", "token_env": "K", "name": "n"}}}, {}, "type bearer has no name"),
        (
            {"sql_table": SQL},
            {"files": "landing/*.csv"},
            "files 'landing/*.csv' does not take 'landing/crm__20240101T000000Z.jsonl'. Write landing/crm/*.jsonl",
        ),
        ({"sql_table": SQL}, {"files": "landing/*/crm*.jsonl"}, "Write landing/crm/*.jsonl"),
        ({"sql_table": SQL}, {"read": {"format": "csv"}}, "lands as JSON lines. Set read.format to jsonl"),
    ],
)
def test_a_mistake_is_named_with_a_remedy(tmp_path, extract, source, words):
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, extract, **source)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc/+ d", "for url: /v1?key=abc%2F%2B%20d"),
        ("abc/+ d", "for url: /v1?key=abc%2F%2B+d"),
        ("abc/+ d", "header abc/+ d is bad"),
        ("postgresql://me:p%40ss@db.example.com/x?sslkey=abc", "cannot parse postgresql://me:p%40ss@db.example.com/x"),
        ("postgresql://me:p%40ss@db.example.com/x", "password p@ss is wrong"),
    ],
)
def test_a_secret_is_taken_out_of_a_message_in_whatever_form_it_is_there(value, message):
    secrets = Secrets({"KEY": value})
    assert secrets.get("KEY") == value
    cleaned = secrets.clean(message + "\nsecond line")
    assert "***" in cleaned
    assert not [form for form in ("abc", "p@ss", "p%40ss", "second") if form in cleaned]


def test_dlt_is_imported_only_when_something_is_extracted():
    look = "import sys, crm_pipeline.raw.extraction.land, crm_pipeline.cli; sys.exit('dlt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


@pytest.fixture
def crm(tmp_path, monkeypatch):
    """Run `crm land` on a dataset folder of its own."""
    monkeypatch.setenv("CRM_DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("CRM_STATE_ROOT", str(tmp_path / "state"))
    monkeypatch.setenv("CRM_DATASET", "shop")
    (tmp_path / "data" / "shop").mkdir(parents=True)
    return lambda *arguments: CliRunner().invoke(app, ["land", *arguments])


def test_the_command_tells_what_it_landed(crm, tmp_path, monkeypatch):
    sqlite3 = pytest.importorskip("sqlite3")
    with sqlite3.connect(tmp_path / "shop.db") as file:
        file.execute("create table customers as select 1 as id union all select 2")
    monkeypatch.setenv("SHOP_DB_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(tmp_path / "data" / "shop", {"sql_table": SQL})
    first = crm("crm")
    assert first.output.startswith("crm: 2 rows landed in landing/crm/crm__")
    assert crm().output == "crm: nothing new\n"


def test_the_command_tells_what_went_wrong_and_fails(crm, tmp_path, monkeypatch):
    monkeypatch.delenv("SHOP_DB_URL", raising=False)
    load(tmp_path / "data" / "shop", {"sql_table": SQL})
    told = crm()
    assert told.exit_code == 1
    assert "Source crm: the environment variable SHOP_DB_URL is not set. Set it, and run again." in told.output
    assert "Use one of: crm." in crm("shop").output


def test_the_command_says_when_no_source_is_extracted(crm, tmp_path):
    load(tmp_path / "data" / "shop", None)
    told = crm()
    assert told.exit_code == 0
    assert "has `extract:`: nothing to land." in told.output
