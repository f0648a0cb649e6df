import subprocess

import duckdb
import pytest
import yaml

from crm_pipeline.config.contract import pii_columns
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.publish import serving, verify
from crm_pipeline.publish.contents import is_pii, published_tables
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.fingerprint import fingerprint
from crm_pipeline.publish.release import publish
from crm_pipeline.publish.serving import open_engine
from crm_pipeline.storage.warehouse import WAREHOUSE


def _columns(path):
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(
            "select table_schema || '.' || table_name, column_name, data_type from information_schema.columns"
        ).fetchall()


def test_no_mart_names_a_column_as_the_contracts_name_a_personal_one():
    # It would be taken for personal data, and left out.
    documents = [yaml.safe_load(path.read_text()) for path in (PROJECT / "dbt_project/models/marts").rglob("*.yml")]
    models = [model for document in documents for model in document.get("models", [])]
    named = {column["name"] for model in models for column in model["columns"]}
    assert named
    assert named & pii_columns() == set()


def test_each_column_that_a_customer_model_marks_as_personal_data_is_left_out():
    documents = [yaml.safe_load(path.read_text()) for path in (PROJECT / "dbt_project/models/customer").glob("*.yml")]
    columns = [column for document in documents for model in document.get("models", []) for column in model["columns"]]
    marked = {column["name"] for column in columns if column.get("config", {}).get("meta", {}).get("pii")}
    assert "attribute_value" in marked
    assert {name for name in marked if not is_pii(name, pii_columns())} == set()


@pytest.fixture
def published(settings, build_warehouse, release_info, pii):
    build_warehouse()
    publish(settings, release_info(), pii)
    return settings.serving_file


def test_marts_dimensions_and_facts_are_published_and_nothing_else(published):
    assert {table for table, _, _ in _columns(published)} == {
        "main._release",
        "customer.dim_customers",
        "customer.fct_orders",
        "marts.customer_360",
        "marts.kpi_scorecard",
        "marts.cohort_retention",
    }


def test_personal_data_is_absent_by_name(published, pii):
    assert {column for _, column, _ in _columns(published)} & (pii | {"full_name"}) == set()


def test_personal_data_is_absent_by_value(published):
    with duckdb.connect(str(published), read_only=True) as con:
        for table, column, kind in _columns(published):
            if kind == "VARCHAR":
                personal = "@|Firstname|Lastname|[+]44|Street|secret"
                found = con.execute(
                    f'select count(*) from {table} where regexp_matches("{column}", ?)', [personal]
                ).fetchall()
                assert found == [(0,)], f"{table}.{column}"
    content = published.read_bytes()
    for value in (b"mail.example", b"Firstname", b"Lastname", b"secret"):
        assert value not in content


def test_an_older_client_can_open_it(published, settings):
    """DuckDB 1.2 wrote storage version 65; ours writes a newer one unless told otherwise."""
    assert verify.storage_number(published) == 65
    assert verify.storage_number(settings.warehouse) > 65


def test_comments_travel_along(published):
    with duckdb.connect(str(published), read_only=True) as con:
        assert con.execute("select comment from duckdb_tables() where table_name = 'fct_orders'").fetchall() == [
            ("One row per order; the till's, too.",)
        ]
        assert con.execute(
            "select comment from duckdb_columns() where table_name = 'fct_orders' and column_name = 'revenue'"
        ).fetchall() == [("Net of discounts",)]


def test_a_warehouse_without_the_needed_tables_is_refused(settings, build_warehouse, release_info, pii):
    with duckdb.connect(str(build_warehouse())) as con:
        con.execute("drop table marts.customer_360")
    with pytest.raises(PublishError, match=r"marts\.customer_360"):
        publish(settings, release_info(), pii)


def test_a_warehouse_that_is_being_written_is_refused(settings, build_warehouse, release_info, pii, tmp_path):
    import sys

    path = build_warehouse()
    writer = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(PublishError, match="cannot be read"):
            publish(settings, release_info(), pii)
    finally:
        writer.communicate(b"\n")


def _content(settings, pii):
    with open_engine(settings) as con:
        return fingerprint(con, WAREHOUSE, published_tables(con, WAREHOUSE, pii))


def test_the_fingerprint_ignores_row_order_and_float_noise(settings, build_warehouse, pii):
    build_warehouse()
    before = _content(settings, pii)
    build_warehouse(reverse=True, noise=1e-13)
    assert _content(settings, pii) == before


@pytest.mark.parametrize(
    "change",
    [
        "update customer.fct_orders set revenue = revenue + 0.01 where order_key = 7",
        "update marts.customer_360 set clv_predicted = clv_predicted * (1 + 1e-8) where customer_key = 7",
        "update customer.fct_orders set sales_channel = null where order_key = 7",
        "insert into customer.fct_orders from customer.fct_orders limit 1",
        "alter table customer.fct_orders rename column revenue to income",
        "create table marts.another as select 1 as a",
        "update customer.dim_customers set city = 'City' where customer_key = 1",
    ],
)
def test_the_fingerprint_sees_a_change(settings, build_warehouse, pii, change):
    path = build_warehouse()
    before = _content(settings, pii)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
    assert _content(settings, pii) != before


def test_the_fingerprint_does_not_see_what_is_not_published(settings, build_warehouse, pii):
    path = build_warehouse()
    before = _content(settings, pii)
    with duckdb.connect(str(path)) as con:
        con.execute("update customer.dim_customers set email = 'other'")
    assert _content(settings, pii) == before


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("alter table customer.dim_customers add column email varchar", "email, which is personal data"),
        ("drop table marts.kpi_scorecard", r"marts\.kpi_scorecard is missing"),
        ("create table main.notes as select 1 as a", r"main\.notes does not belong"),
        ("delete from customer.fct_orders where order_key = 1", "199 rows, 200 in the warehouse"),
        ("update customer.fct_orders set revenue = 1", "content differs"),
        ("insert into main._release from main._release", "one row"),
        ("delete from main._release", "one row"),
    ],
)
def test_verification_finds_what_is_wrong_with_a_built_file(
    settings, build_warehouse, release_info, pii, tmp_path, damage, complaint
):
    build_warehouse()
    info = release_info(fingerprint=_content(settings, pii), release="r000001")
    built = tmp_path / "built.duckdb"
    serving.build(settings, info, pii, built)
    verify.verify(settings, built, info, pii)
    with duckdb.connect(str(built)) as con:
        con.execute(damage)
    with pytest.raises(PublishError, match=complaint):
        verify.verify(settings, built, info, pii)


def test_verification_refuses_a_newer_storage_format_and_a_log(
    settings, build_warehouse, release_info, pii, tmp_path, monkeypatch
):
    build_warehouse()
    info = release_info(fingerprint=_content(settings, pii), release="r000001")
    with monkeypatch.context() as patched:
        patched.setattr(serving, "STORAGE_VERSION", "v1.4.0")
        serving.build(settings, info, pii, tmp_path / "newer.duckdb")
    with pytest.raises(PublishError, match="storage version"):
        verify.verify(settings, tmp_path / "newer.duckdb", info, pii)
    (tmp_path / "newer.duckdb.wal").write_bytes(b"rows")
    with pytest.raises(PublishError, match="write-ahead log"):
        verify.verify(settings, tmp_path / "newer.duckdb", info, pii)
