"""Expressions run apart from the load, within limits: what exceeds them is refused, and everything else goes on."""

import duckdb
import pytest

from crm_pipeline.config.preset import LINE
from crm_pipeline.raw import sandbox as sandbox_module
from crm_pipeline.raw.sandbox import EXPRESSION_VALUES, Sandbox, sandbox, value_column
from crm_pipeline.raw.source_rows import PROBLEM, RAW, REMEDY, SOURCE_ROWS, create_source_rows
from crm_pipeline.raw.textfile import Refused

KEY = "columns.status"


@pytest.fixture(scope="module")
def box():
    with sandbox() as one:
        yield one


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        create_source_rows(connection, ["a", "First Name", f"{PROBLEM.strip()}"])
        own = ", ".join(f'"{name}"' for name in (LINE, PROBLEM, REMEDY, RAW))
        connection.execute(
            f'insert into {SOURCE_ROWS} ({own}, a, "First Name") values '
            "(2, null, null, null, 'x', 'Ann'), (3, null, null, null, null, 'Bo'), (4, 'bad', null, 'raw', 'y', 'Cy')"
        )
        yield connection


def values(box: Sandbox, con, tmp_path, sql, kind="varchar"):
    box.evaluate(con, {KEY: (sql, kind)}, "shop", tmp_path)
    query = f'select "{LINE}", {value_column(KEY)} from {EXPRESSION_VALUES} order by 1'
    return con.execute(query).fetchall()


def refusal(box: Sandbox, con, tmp_path, sql):
    with pytest.raises(Refused) as caught:
        values(box, con, tmp_path, sql)
    assert KEY in caught.value.remedy
    assert "the source shop in pipeline.yml" in caught.value.remedy
    return caught.value.problem


def test_each_row_without_a_problem_gets_its_value(box, con, tmp_path):
    assert values(box, con, tmp_path, """coalesce(a, 'none') || "first name" """) == [(2, "xAnn"), (3, "noneBo")]
    assert values(box, con, tmp_path, "a = 'x'", "boolean") == [(2, True), (3, None)]
    assert values(box, con, tmp_path, "a.upper()") == [(2, "X"), (3, None)]


@pytest.mark.parametrize("sql", ["repeat('x', 2000000000)", "repeat(a, 1000000000)"])
def test_an_expression_that_takes_too_much_memory_is_refused(box, con, tmp_path, sql):
    assert "takes more memory than the 2 GB that it may" in refusal(box, con, tmp_path, sql)
    assert values(box, con, tmp_path, "a") == [(2, "x"), (3, None)]


def test_an_expression_that_takes_too_long_is_ended(box, con, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox_module, "SECONDS", 0.5)
    inner = "list_sum(list_transform(range(100), lambda y: x * y))"
    endless = f"list_sum(list_transform(range(1000000), lambda x: {inner}))::varchar"
    assert "takes longer than the" in refusal(box, con, tmp_path, endless)
    monkeypatch.undo()
    assert values(box, con, tmp_path, "a") == [(2, "x"), (3, None)]


def test_a_text_many_times_as_long_as_its_row_is_refused(box, con, tmp_path):
    assert "makes a text of more than 100,000 characters" in refusal(box, con, tmp_path, "repeat(a, 100001)")


def test_the_expression_that_fails_is_named_among_several(box, con, tmp_path):
    several = {"columns.one": ("a", "varchar"), KEY: ("a::integer", "varchar"), "where": ("a = 'x'", "boolean")}
    with pytest.raises(Refused) as caught:
        box.evaluate(con, several, "shop", tmp_path)
    assert caught.value.problem == f"The expression of {KEY} fails on a row (ConversionException)."


def test_what_does_not_fit_the_file_is_named_without_the_names_of_its_columns(box, con, tmp_path):
    assert refusal(box, con, tmp_path, "b || a") == (
        f"The expression of {KEY} does not fit the file: it has no column 'b'."
    )


def test_a_process_that_dies_is_replaced(con, tmp_path):
    with sandbox() as box:
        values(box, con, tmp_path, "a")
        assert box._process is not None
        box._process.kill()
        box._process.wait()
        assert "takes more memory" in refusal(box, con, tmp_path, "a")
        assert values(box, con, tmp_path, "a") == [(2, "x"), (3, None)]


def test_duckdb_has_no_access_to_files_there(box, con, tmp_path, monkeypatch):
    """The static check refuses such an expression before; this is the second wall."""
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(sandbox_module, "columns_read", lambda _: ())
    problem = refusal(box, con, tmp_path, f"(select content from read_text('{tmp_path}/secret.txt'))")
    assert "fails on a row (PermissionException)" in problem
