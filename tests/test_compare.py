"""Two releases are compared whole: each kind of difference is found, and what is listed explains its own only."""

import duckdb
import pytest

from tests.compare.__main__ import compare, is_equal, main, rendered
from tests.compare.renames import KINDS, Change, read_changes
from tests.compare.rows import NEW, OLD

PEOPLE = """
    create schema marts;
    create table marts.people as
    select * from (values
        ('a', 1, 0.1::double, 10.00::decimal(18, 2), 'none', null),
        ('b', 2, 0.2::double, 20.00::decimal(18, 2), 'email', 'x'),
        ('b', 2, 0.2::double, 20.00::decimal(18, 2), 'email', 'x')
    ) as people (id, key, share, revenue, channel, note);
"""


def said_of(old: str, new: str, *listed: Change) -> str:
    """Compare releases made by SQL; returns what is said of them, nothing if all is equal."""
    with duckdb.connect(config={"threads": 1}) as con:
        for name, statements in ((OLD, old), (NEW, new)):
            con.execute(f"attach ':memory:' as {name}; use {name}; {statements}; use memory")
        found = compare(con, listed)
    return "" if is_equal(*found) else rendered(*found)


def differs(sql: str = "", *listed: Change) -> str:
    """Compare the small release with one changed by SQL."""
    return said_of(PEOPLE, PEOPLE + sql, *listed)


def test_equal_releases_are_equal():
    assert differs() == ""


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("drop table marts.people", "marts.people\n  ! is gone"),
        ("create table marts.more as select 1 as a", "! marts.more is new"),
        ("alter table marts.people drop column note", "! note is gone"),
        ("alter table marts.people add column more integer", "! marts.people.more is new"),
        ("alter table marts.people alter key type varchar", "! key was INTEGER and is VARCHAR"),
        ("update marts.people set revenue = 10.01 where id = 'a'", "only in old 1, only in new 1: revenue"),
        ("update marts.people set note = '' where id = 'a'", "only in old 1, only in new 1: note"),
        ("update marts.people set share = share + 1e-8 where id = 'a'", "only in old 1, only in new 1"),
        ("update marts.people set share = null where id = 'a'", "only in old 1, only in new 1: share"),
        ("insert into marts.people from marts.people where id = 'a'", "only in old 0, only in new 1"),
        ("delete from marts.people where id = 'a'", "only in old 1, only in new 0"),
        (
            "update marts.people set channel = case channel when 'none' then 'email' else 'none' end",
            "! rows only in old 3, only in new 3: channel",
        ),
    ],
)
def test_what_is_not_listed_is_found(sql, said):
    assert said in differs(sql)


def test_a_float_may_differ_in_its_last_digits_and_a_doubled_row_stays_doubled():
    assert differs("update marts.people set share = share * (1 + 1e-12)") == ""
    assert "only in new 1" in differs(
        "update marts.people set share = share * (1 + 1e-12); insert into marts.people from marts.people where id = 'a'"
    )


@pytest.mark.parametrize(
    ("sql", "listed"),
    [
        ("alter table marts.people rename to persons", [Change("table", "marts.people", "marts.persons")]),
        (
            "alter table marts.people rename channel to medium; alter table marts.people rename to persons",
            [
                Change("table", "marts.people", "marts.persons"),
                Change("column", "marts.people.channel", "marts.persons.medium"),
            ],
        ),
        ("alter table marts.people rename channel to medium", [Change("column", "*.channel", "*.medium")]),
        ("alter table marts.people alter key type varchar", [Change("type", "marts.people.key", "varchar")]),
        (
            "alter table marts.people alter share type decimal(18, 2)",
            [Change("type", "marts.*.share", "DECIMAL(18,2)")],
        ),
        ("alter table marts.people drop column note", [Change("dropped", "marts.people.note", "")]),
        ("drop table marts.people", [Change("dropped", "marts.people", "")]),
        ("alter table marts.people add column more integer", [Change("added", "", "marts.people.more")]),
        ("create table marts.more as select 1 as a", [Change("added", "", "marts.more")]),
        (
            "update marts.people set channel = 'nobody' where id = 'a'",
            [Change("value", "marts.people.channel=none", "marts.people.channel=nobody")],
        ),
        (
            "update marts.people set note = case id when 'a' then 'unknown' else note end",
            [Change("value", "marts.people.note=", "marts.people.note=unknown")],
        ),
        (
            "update marts.people set channel = note where id = 'b'",
            [
                Change("value", "marts.people.channel=email", "marts.people.channel=x"),
                Change("value", "marts.people.channel=email", "marts.people.channel=none"),
            ],
        ),
    ],
)
def test_what_is_listed_is_explained(sql, listed):
    assert differs(sql) != ""
    assert differs(sql, *listed) == ""


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (Change("table", "marts.people", "marts.persons"), "the new release has no marts.persons"),
        (Change("table", "marts.folk", "marts.people"), "the old release has no marts.folk"),
        (Change("column", "marts.people.channel", "marts.people.medium"), "channel is gone"),
        (Change("column", "marts.people.chanel", "marts.people.channel"), "the old release has no marts.people.chanel"),
        (Change("dropped", "marts.people.note", ""), "but it is still there"),
        (Change("added", "", "marts.people.more"), "the new release has no marts.people.more"),
        (Change("type", "marts.people.key", "INTEGER"), "but still is INTEGER"),
        (Change("type", "marts.people.key", "VARCHAR"), "is listed as VARCHAR"),
        (Change("value", "marts.people.medium=none", "marts.people.medium=x"), "has no marts.people.medium"),
    ],
)
def test_what_is_listed_and_not_there_is_found(listed, said):
    assert said in differs("", listed)


def test_a_key_of_a_person_becomes_their_id_and_a_row_of_its_own_goes_before_a_star():
    old = """
        create schema customer; create schema marts;
        create table customer.dim_customers as select 7 as customer_key, 'C7' as customer_id;
        create table marts.scores as select unnest([7, null]) as customer_key, 1 as score;
    """
    new = """
        create schema customer; create schema marts;
        create table customer.dim_customers as select 'C7' as customer_id;
        create table marts.scores as select unnest(['C{}', null]) as customer_id, 1 as score;
    """
    listed = [
        Change("column", "*.customer_key", "*.customer_id"),
        Change("dropped", "customer.dim_customers.customer_key", ""),
        Change("type", "marts.scores.customer_key", "VARCHAR"),
    ]
    assert said_of(old, new.format(7), *listed) == ""
    assert "only in old 1, only in new 1: customer_id" in said_of(old, new.format(8), *listed)


def test_rows_of_a_word_that_was_split_are_not_compared_and_all_others_are():
    sql = """
        update marts.people set channel = 'nobody', revenue = 4 where channel = 'none';
        insert into marts.people select 'a', 1, 0.1, 6, 'no_order', null;
    """
    listed = [
        Change("split", "marts.people.channel=none", f"marts.people.channel={word}") for word in ("nobody", "no_order")
    ]
    assert differs(sql, *listed) == ""
    assert "only in new 2" in differs(f"{sql} update marts.people set revenue = 7 where id = 'b'", *listed)


def test_a_listed_type_is_the_one_that_is_there():
    sql = "alter table marts.people alter key type varchar"
    assert "key was INTEGER and is VARCHAR" in differs(sql, Change("type", "marts.people.key", "BIGINT"))


def test_what_the_list_says_of_files_and_models_is_no_matter_of_the_release():
    assert (
        differs("", Change("key", "changes", "programmes"), Change("column", "campaigns.channel", "campaigns.medium"))
        == ""
    )


def test_the_exit_code_says_whether_all_is_equal(tmp_path, capsys):
    renames = tmp_path / "renames.csv"
    renames.write_text("kind,old,new,why\n")
    for name, sql in (("old", PEOPLE), ("new", PEOPLE + "delete from marts.people where id = 'a'")):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
            con.execute(sql)
    old, new = str(tmp_path / "old.duckdb"), str(tmp_path / "new.duckdb")
    assert main([old, old, "--renames", str(renames)]) == 0
    assert "equal but for what is listed" in capsys.readouterr().out
    assert main([old, new, "--renames", str(renames), "--show", "1"]) == 1
    assert "only_old: id=a, key=1" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([old, str(tmp_path / "none.duckdb")])


def test_the_list_is_well_formed_and_names_nothing_twice():
    changes = read_changes()
    assert [change for change in changes if change.kind not in KINDS] == []
    assert [change for change in changes if not change.why] == []
    assert [change for change in changes if not (change.old or change.new)] == []
    assert [change for change in changes if change.kind == "added" and change.old] == []
    named = [(change.kind, change.old, change.new) for change in changes]
    assert sorted({row for row in named if named.count(row) > 1}) == []
