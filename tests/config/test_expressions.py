"""An expression of pipeline.yml makes one value from the values of its own row, and a wrong one gets a sentence."""

import pytest

from crm_pipeline.config.expressions import ExpressionError, check_expression, columns_read
from crm_pipeline.config.preset import preset_expressions


@pytest.mark.parametrize(
    "sql",
    [
        "case when Invoice like 'C%' then 'returned' else 'completed' end",
        "concat_ws(' ', first, last)",
        "nullif(trim(split_part(email, ';', 1)), '')",
        "try_cast(replace(total, ',', '.') as decimal(18, 2)) * -1",
        "strftime(try_strptime(day, '%d.%m.%Y') at time zone 'UTC', '%Y-%m-%d')",
        "list_string_agg(list_filter(string_split(tags, ','), lambda tag: tag like 'vip%'))",
        "coalesce(a, b) in ('x', 'y') and not c is null",
        "rating ->> '$.score'",
        "age(a::date, b::date)",
        "lpad(store, 4, '0') -- four digits",
        '"current_date"',
        "(" * 400 + "a" + ")" * 400,
    ],
)
def test_an_expression_over_a_row_is_taken(sql):
    check_expression(sql)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("(select content from read_text('/etc/passwd'))", "holds a query of its own"),
        ("a in (select 1)", "holds a query of its own"),
        ("exists (from read_csv('x'))", "holds a query of its own"),
        ("(with recursive t as (select 1 union all select 1 from t) select 1 from t)", "a query of its own"),
        ("read_text('/etc/passwd')", "read_text() reaches beyond the row"),
        ("glob('*')", "glob() reaches beyond the row"),
        ("query('select 1')", "query() reaches beyond the row"),
        ("current_setting('threads')", "current_setting() reaches beyond the row"),
        ("getvariable('x')", "getvariable() reaches beyond the row"),
        ("nextval('x')", "nextval() reaches beyond the row"),
        ("json_serialize_plan('from read_text(1)')", "reaches beyond the row"),
        ("unnest([a])", "reaches beyond the row"),
        ("pg_sleep(1)", "reaches beyond the row"),
        ("getenv('HOME')", "there is no function getenv()"),
        ("concatt(a)", "there is no function concatt(). Did you mean concat()?"),
        ("sum(a)", "sum() goes over several rows"),
        ("max(a) over ()", "looks at other rows"),
        ("row_number() over ()", "looks at other rows"),
        ("grouping(a)", "goes over several rows"),
        ("abs(a) filter (where a)", "sees one row"),
        ("*", "several columns"),
        ("columns(*)", "several columns"),
        ("t.*", "several columns"),
        ("#1", "by its number"),
        ("$1", "a placeholder"),
        ("default", "asks for a default"),
        ("now()", "the time of the run"),
        ("upper(current_timestamp)", "the time of the run"),
        ("ä || current_date", 'write "current_date" in double quotes'),
        ("ago(interval 1 day)", "the time of the run"),
        ("age(a::date)", "the time of the run"),
        ("random()", "must not depend on chance"),
        ("1, 2", "more than one value"),
        ("1; select 2", "not a SQL expression"),
        ("1); drop table x; select (1", "more than one SQL statement"),
        ("1); select (2", "more than one SQL statement"),
        ("1) from t where (1 = 1", "a whole query"),
        ("a)::int + (b", "not a SQL expression"),
        ("a from t", "not a SQL expression"),
        ("a order by b", "not a SQL expression"),
        ("case when", "not a SQL expression: syntax error"),
        (" ", "not a SQL expression"),
        ("a\0", "NUL"),
        ("'\ud800'", "no text"),
        ("a" + "||a" * 5_000, "nested too deeply"),
        ("(" * 5_000 + "a" + ")" * 5_000, "nested too deeply"),
    ],
)
def test_what_is_more_than_a_row_is_refused_with_a_sentence(sql, words):
    with pytest.raises(ExpressionError) as caught:
        check_expression(sql)
    assert words in str(caught.value)


def test_the_mappings_that_come_with_the_project_may_look_at_the_rows_of_an_order():
    assert any(" over (" in sql for sql in preset_expressions())
    for sql in preset_expressions():
        check_expression(sql)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ('coalesce("First Name", b) || upper(b)', ("First Name", "b")),
        ("list_transform(string_split(tags, ','), lambda tag: tag || shop)", ("tags", "shop")),
        ("'x'", ()),
    ],
)
def test_the_columns_that_an_expression_reads_are_known(sql, columns):
    assert columns_read(sql) == columns
