import subprocess
from dataclasses import replace

import duckdb
import pytest

from crm_pipeline.publish import serving, verify
from crm_pipeline.publish.contents import SHOWN
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.fingerprint import fingerprint
from crm_pipeline.publish.release import publish
from crm_pipeline.publish.serving import open_engine, present

from .conftest import KEYS, PERSONAL


def _columns(path):
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(
            "select table_schema || '.' || table_name, column_name, data_type from information_schema.columns"
        ).fetchall()


@pytest.fixture
def published(settings, build_warehouse, release_info, known):
    build_warehouse()
    publish(settings, release_info(), known)
    return settings.serving_file


def test_public_tables_are_published_and_nothing_else(published):
    assert {table for table, _, _ in _columns(published)} == {
        "main._release",
        "main._columns",
        "main._keys",
        "customer.dim_customers",
        "customer.fct_orders",
        "marts.customer_360",
        "marts.kpi_scorecard",
        "marts.cohort_retention",
    }


def test_personal_data_is_absent_by_name(published):
    assert {column for _, column, _ in _columns(published)} & PERSONAL == set()


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


def test_each_table_and_column_is_described(published):
    with duckdb.connect(str(published), read_only=True) as con:
        assert (
            con.execute(
                "select table_name from duckdb_tables() where coalesce(comment, '') = '' "
                "union all select table_name || '.' || column_name from duckdb_columns() "
                "where database_name = 'crm' and schema_name <> 'information_schema' and coalesce(comment, '') = ''"
            ).fetchall()
            == []
        )
        assert con.execute(
            "select comment from duckdb_columns() where table_name = 'fct_orders' and column_name = 'revenue'"
        ).fetchall() == [("What revenue is, the till's too.",)]


def test_keys_leave_as_text_and_people_as_their_ids(published):
    with duckdb.connect(str(published), read_only=True) as con:
        orders = con.execute(
            "select order_key, customer_id from customer.fct_orders order by order_key::bigint limit 21"
        ).fetchall()
    assert orders[1] == (str(KEYS + 1), "C1")
    assert orders[20] == (str(KEYS + 20), "C0")
    assert not any(column == "customer_key" for _, column, _ in _columns(published))


def test_the_directory_lists_every_column_and_key_of_the_file(published):
    with duckdb.connect(str(published), read_only=True) as con:
        listed = con.execute(
            "select table_schema || '.' || table_name, column_name, data_type from _columns"
        ).fetchall()
        said = con.execute("select key, joins from _columns where column_name = 'customer_id' order by all").fetchall()
        keys = con.execute(
            "select table_name, column_names, kind, to_table, to_columns from _keys order by all"
        ).fetchall()
    assert sorted(listed) == sorted(_columns(published))
    assert said == [
        ("unique", "customer.dim_customers.customer_id"),
        ("unique", None),
        (None, "customer.dim_customers.customer_id"),
    ]
    assert keys == [
        ("cohort_retention", "cohort_month", "unique", None, None),
        ("customer_360", "customer_id", "foreign", "dim_customers", "customer_id"),
        ("customer_360", "customer_id", "unique", None, None),
        ("dim_customers", "customer_id", "unique", None, None),
        ("fct_orders", "customer_id", "foreign", "dim_customers", "customer_id"),
        ("fct_orders", "order_key", "unique", None, None),
        ("kpi_scorecard", "month", "unique", None, None),
    ]


def test_a_column_that_becomes_personal_leaves_the_file(settings, build_warehouse, release_info, known):
    build_warehouse()
    publish(settings, release_info(), known)
    assert ("customer.dim_customers", "city", "VARCHAR") in _columns(settings.serving_file)
    marked = [replace(table, personal=table.personal | ({"city"} & set(table.columns))) for table in known]
    publish(settings, release_info(), marked)
    assert "city" not in {column for _, column, _ in _columns(settings.serving_file)}
    with duckdb.connect(str(settings.serving_file), read_only=True) as con:
        assert con.execute("select count(*) from _columns where column_name = 'city'").fetchall() == [(0,)]


def test_a_column_that_nothing_describes_is_refused(settings, build_warehouse, release_info, known):
    with duckdb.connect(str(build_warehouse())) as con:
        con.execute("alter table customer.fct_orders add column note varchar")
    with pytest.raises(PublishError, match=r"note of customer\.fct_orders"):
        publish(settings, release_info(), known)


def test_people_whom_nobody_knows_are_refused(settings, build_warehouse, release_info, known):
    with duckdb.connect(str(build_warehouse())) as con:
        con.execute("update customer.fct_orders set customer_key = 1 where order_key % 100 = 0")
    with pytest.raises(PublishError, match=r"fct_orders has 2 rows of people who are not in"):
        publish(settings, release_info(), known)


def test_a_warehouse_without_the_needed_tables_is_refused(settings, build_warehouse, release_info, known):
    with duckdb.connect(str(build_warehouse())) as con:
        con.execute("drop table marts.customer_360")
    with pytest.raises(PublishError, match=r"marts\.customer_360"):
        publish(settings, release_info(), known)


def test_a_warehouse_that_is_being_written_is_refused(settings, build_warehouse, release_info, known, tmp_path):
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
            publish(settings, release_info(), known)
    finally:
        writer.communicate(b"\n")


def _content(settings, known):
    with open_engine(settings) as con:
        return fingerprint(con, SHOWN, present(con, known))


def test_the_fingerprint_ignores_row_order_and_float_noise(settings, build_warehouse, known):
    build_warehouse()
    before = _content(settings, known)
    build_warehouse(reverse=True, noise=1e-13)
    assert _content(settings, known) == before


@pytest.mark.parametrize(
    "change",
    [
        "update customer.fct_orders set revenue = revenue + 0.01 where order_key % 100 = 7",
        "update marts.customer_360 set clv_predicted = clv_predicted * (1 + 1e-8) where customer_key % 10 = 7",
        "update customer.fct_orders set sales_channel = null where order_key % 100 = 7",
        "insert into customer.fct_orders from customer.fct_orders limit 1",
        "alter table customer.fct_orders alter column revenue type decimal(20, 2)",
        "update customer.dim_customers set city = 'City' where customer_key % 10 = 1",
    ],
)
def test_the_fingerprint_sees_a_change(settings, build_warehouse, known, change):
    path = build_warehouse()
    before = _content(settings, known)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
    assert _content(settings, known) != before


def test_the_fingerprint_does_not_see_what_is_not_published(settings, build_warehouse, known):
    path = build_warehouse()
    before = _content(settings, known)
    with duckdb.connect(str(path)) as con:
        con.execute("update customer.dim_customers set email = 'other'")
    assert _content(settings, known) == before


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("alter table customer.dim_customers add column email varchar", "email, which is not to be published"),
        ("drop table marts.kpi_scorecard", r"marts\.kpi_scorecard is missing"),
        ("create table main.notes as select 1 as a", r"main\.notes does not belong"),
        (
            "delete from customer.fct_orders where order_key = (select min(order_key) from customer.fct_orders)",
            "199 rows, 200 in the warehouse",
        ),
        ("update customer.fct_orders set revenue = 1", "content differs"),
        ("insert into main._release from main._release", "one row"),
        ("delete from main._release", "one row"),
    ],
)
def test_verification_finds_what_is_wrong_with_a_built_file(
    settings, build_warehouse, release_info, known, tmp_path, damage, complaint
):
    build_warehouse()
    info = release_info(fingerprint=_content(settings, known), release="r000001")
    built = tmp_path / "built.duckdb"
    serving.build(settings, info, known, built)
    verify.verify(settings, built, info, known)
    with duckdb.connect(str(built)) as con:
        con.execute(damage)
    with pytest.raises(PublishError, match=complaint):
        verify.verify(settings, built, info, known)


def test_verification_refuses_a_newer_storage_format_and_a_log(
    settings, build_warehouse, release_info, known, tmp_path, monkeypatch
):
    build_warehouse()
    info = release_info(fingerprint=_content(settings, known), release="r000001")
    with monkeypatch.context() as patched:
        patched.setattr(serving, "STORAGE_VERSION", "v1.4.0")
        serving.build(settings, info, known, tmp_path / "newer.duckdb")
    with pytest.raises(PublishError, match="storage version"):
        verify.verify(settings, tmp_path / "newer.duckdb", info, known)
    (tmp_path / "newer.duckdb.wal").write_bytes(b"rows")
    with pytest.raises(PublishError, match="write-ahead log"):
        verify.verify(settings, tmp_path / "newer.duckdb", info, known)
